// The values of the chart: one list, from which values.yaml, values.schema.json and the table in its README are made.
import { z } from "zod";
import { durationPattern, percentagePattern } from "../../src/api/instant.ts";
import { configSchema } from "../../src/config.ts";

export type Schema = Readonly<Record<string, unknown>>;

/** One value, or a group of them. */
export type Value =
  | {
      readonly name: string;
      readonly description: string;
      readonly schema: Schema;
      /** Undefined: nothing is set, and the program's own default holds. */
      readonly default: unknown;
      /** What holds where nothing is set; for people. */
      readonly otherwise?: string | undefined;
    }
  | { readonly name: string; readonly description: string; readonly members: readonly Value[] };

const text: Schema = { type: "string" };
const flag: Schema = { type: "boolean" };
const anything: Schema = { type: "object" };
const labels: Schema = { type: "object", additionalProperties: { type: "string" } };
const listOf = (items: Schema): Schema => ({ type: "array", items });
/** A text in that form, or none. */
const optional = (pattern: string): Schema => ({ type: "string", pattern: `^$|${pattern}` });
const oneOf = (...choices: readonly string[]): Schema => ({ type: "string", enum: choices });

function value(name: string, byDefault: unknown, schema: Schema, description: string): Value {
  return { name, description, schema, default: byDefault };
}

function group(name: string, description: string, ...members: readonly Value[]): Value {
  return { name, description, members };
}

/** A gateway by namespace and name, so that it is the same one for every Rollout. */
const gatewayPattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-.a-z0-9]*[a-z0-9])?$";
const hostPattern = String.raw`^(\*\.)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`;

/** What the chart itself says to the operator. */
const chartsOwn: ReadonlySet<string> = new Set([
  "kubeconfig",
  "namespace",
  "leaderElect",
  "leaderElectNamespace",
  "metricsAddress",
  "webhookAddress",
  "webhookUrl",
  "hold",
  "meshScope",
]);

/** Where Istio's own sample installs it, so that one who has that needs to write nothing. */
const usualPrometheus = "http://prometheus.istio-system:9090";

/** The operator's configuration, as its flags have it. */
function configuration(): Value {
  const members = Object.entries(configSchema.shape)
    .filter(([name]) => !chartsOwn.has(name))
    .map(([name, member]): Value => {
      const { $schema: _, description = "", default: otherwise, ...schema } = z.toJSONSchema(member, { io: "input" });
      const byDefault = name === "prometheusAddress" ? usualPrometheus : undefined;
      const stated = otherwise === undefined || Array.isArray(otherwise) ? undefined : JSON.stringify(otherwise);
      return { name, description, schema, default: byDefault, otherwise: stated };
    });
  return group("config", "The operator's configuration: `serin operator --help` has the same as flags.", ...members);
}

const images = group(
  "image",
  "Which image runs.",
  value("repository", "serin", text, "Where your cluster pulls it from."),
  value("tag", "", text, "Its tag; empty: the chart's appVersion."),
  value("digest", "", text, "Its digest, such as sha256:…; used instead of the tag."),
  value("pullPolicy", "IfNotPresent", oneOf("Always", "IfNotPresent", "Never"), "When it is pulled."),
);

const monitor = (name: string, what: string) =>
  group(
    name,
    `${what} of the Prometheus Operator for the operator's own metrics.`,
    value("enabled", false, flag, "Whether there is one."),
    value("interval", "15s", text, "How often it scrapes."),
    value("additionalLabels", {}, labels, "Labels by which your Prometheus selects it, such as release: monitoring."),
  );

const metrics = group(
  "metrics",
  "What watches Serin.",
  monitor("serviceMonitor", "A ServiceMonitor"),
  monitor("podMonitor", "A PodMonitor"),
  group(
    "prometheusRule",
    "Alerts, as a PrometheusRule of the Prometheus Operator.",
    value("enabled", false, flag, "Whether there is one."),
    value("mesh", false, flag, "Also alerts of the mesh that Serin releases in."),
    value("additionalLabels", {}, labels, "Labels by which your Prometheus selects it."),
  ),
  group(
    "dashboards",
    "Dashboards for Grafana, as ConfigMaps.",
    value("enabled", false, flag, "Whether there are any."),
    value("labels", { grafana_dashboard: "1" }, labels, "Labels by which Grafana's sidecar finds them."),
    value("annotations", {}, labels, "Annotations, such as grafana_folder."),
  ),
);

const pods = [
  value("replicaCount", 2, { type: "integer", minimum: 1 }, "Replicas; one works at a time, another takes over."),
  images,
  value("imagePullSecrets", [], listOf(anything), "Secrets by which the image is pulled."),
  value(
    "resources",
    { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "1Gi" } },
    anything,
    "A hundred releases within a minute were measured at 760 MiB and one core (npm run bench -- queries); an operator at rest needs 120 MiB.",
  ),
  value(
    "podSecurityContext",
    { runAsNonRoot: true, runAsUser: 65_532, runAsGroup: 65_532, seccompProfile: { type: "RuntimeDefault" } },
    anything,
    "Of the pod: what the restricted standard asks for.",
  ),
  value(
    "securityContext",
    { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
    anything,
    "Of the container: what the restricted standard asks for.",
  ),
  value("podLabels", {}, labels, "More labels of the pods."),
  value("podAnnotations", {}, labels, "More annotations of the pods."),
  value("priorityClassName", "", text, "Priority class of the pods."),
  value(
    "topologySpreadConstraints",
    [],
    listOf(anything),
    "How pods are spread; empty: over nodes and zones if it can be.",
  ),
  value("nodeSelector", {}, labels, "Nodes that the pods may run on."),
  value("affinity", {}, anything, "Where the pods run."),
  value("tolerations", [], listOf(anything), "Taints that the pods tolerate."),
  value("extraArgs", [], listOf(text), "More arguments of the operator."),
  value("extraEnv", [], listOf(anything), "More environment variables of the container."),
  value("extraVolumes", [], listOf(anything), "More volumes of the pod."),
  value("extraVolumeMounts", [], listOf(anything), "More volume mounts of the container."),
];

/** All values of the chart, in the order in which people should read them. */
export const chartValues: readonly Value[] = [
  configuration(),
  value(
    "namespaces",
    [],
    { ...listOf({ type: "string", minLength: 1 }), uniqueItems: true },
    "Namespaces to work in, with Roles in each and routes seen only there; empty: all, with a ClusterRole.",
  ),
  value(
    "hold",
    "",
    oneOf("", "policy", "webhook", "paused"),
    "How changed templates are held; empty: by a policy on Kubernetes 1.36 and newer, else by the operator's webhook.",
  ),
  ...pods,
  group(
    "crds",
    "The definition of Rollouts.",
    value("enabled", true, flag, "Whether it is installed and upgraded with the chart."),
    value("keep", true, flag, "Whether it stays, with all Rollouts, when the chart is uninstalled."),
  ),
  group(
    "holdPolicy",
    "The policy serin-hold, by which the API server holds changed templates on Kubernetes 1.36 and newer; one for the whole cluster.",
    value(
      "enabled",
      true,
      flag,
      "Whether this release has it; false for every further Serin in a cluster, which uses the one that is there.",
    ),
  ),
  group(
    "serviceAccount",
    "Who the operator is.",
    value("create", true, flag, "Whether there is one of its own."),
    value("name", "", text, "Its name; empty: serin-operator."),
    value("annotations", {}, labels, "Its annotations."),
  ),
  group(
    "rbac",
    "What the operator and people may do.",
    value("create", true, flag, "Whether the chart has the roles."),
    value("aggregate", true, flag, "Whether view, edit and admin cover Rollouts."),
  ),
  group(
    "operatorGuard",
    "A policy in the API server that limits the operator itself: of Deployments it may change what a release needs.",
    value("enabled", true, flag, "Whether there is one."),
  ),
  group(
    "requestPolicies",
    "Policies about what people ask of releases: promote, abort, retry and pause are verbs of their own on Rollouts, and, on Kubernetes 1.36 and newer, events name who asked.",
    value("enabled", true, flag, "Whether there are any."),
  ),
  group(
    "floors",
    "What no Rollout may go below, and which gateways and hosts it may name, by a policy in the API server that teams cannot change. One that is there already may stay as it is until its spec changes.",
    value("errorRate", "", optional(percentagePattern), "Largest analysis.errorRate.max, such as 5%; empty: any."),
    value(
      "latency",
      "",
      optional(durationPattern),
      "Largest analysis.latency.max where there is one, such as 2s; empty: any.",
    ),
    value(
      "firstWeight",
      0,
      { type: "integer", minimum: 0, maximum: 100 },
      "Largest first weight above 0, in percent; 0: any.",
    ),
    value("minStepDuration", "", optional(durationPattern), "Shortest analysis.minStepDuration; empty: any."),
    value("bake", "", optional(durationPattern), "Shortest bake; empty: any."),
    value(
      "gateways",
      [],
      listOf({ type: "string", pattern: gatewayPattern }),
      "Gateways that traffic.istio.gateways may name besides mesh, such as istio-ingress/public; empty: any.",
    ),
    value(
      "hosts",
      [],
      listOf({ type: "string", pattern: hostPattern }),
      "Hosts that traffic.istio.hosts may name besides those of the Rollout's own Service, such as shop.example.com, or *.example.com for all below it; empty: any.",
    ),
  ),
  group(
    "podDisruptionBudget",
    "So that a drained node does not take the last replica.",
    value("enabled", true, flag, "Whether there is one."),
    value("maxUnavailable", 1, { type: ["integer", "string"] }, "How many replicas may be away."),
  ),
  group(
    "networkPolicy",
    "Who may reach the operator.",
    value("enabled", true, flag, "Whether there is one: metrics and webhook, nothing else."),
    value("metricsFrom", [], listOf(anything), "Peers that may read the metrics; empty: all."),
    value("egress", [], listOf(anything), "Egress rules; empty: everything. Needed: API server, Prometheus, DNS."),
  ),
  metrics,
  group(
    "uninstall",
    "What happens before the operator goes.",
    value("letGo", true, flag, "Delete all Rollouts and wait until routes and Deployments are given back."),
    value(
      "timeout",
      "10m",
      { type: "string", pattern: durationPattern },
      "How long that may take; helm uninstall needs a longer --timeout.",
    ),
  ),
  value("commonLabels", {}, labels, "Labels of everything that the chart creates."),
  value("extraObjects", [], listOf(anything), "More objects to install with the chart."),
];
