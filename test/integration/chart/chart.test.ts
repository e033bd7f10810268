import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { plainManifests } from "../../../scripts/generate/plain-manifests.ts";
import { provideParts } from "../../cluster/parts/provide.ts";
import { createSupervisor, type Supervisor } from "../../cluster/processes/supervisor.ts";
import { until } from "../../cluster/processes/until.ts";
import { kubectl, kubectlOutput, serveRollouts } from "../kubectl.ts";

const repository = join(import.meta.dirname, "../../..");
const chart = join(repository, "charts/serin");
const system = "chart-test";

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

let supervisor: Supervisor;
let helmPath: string;

beforeAll(async () => {
  supervisor = await createSupervisor();
  const parts = await provideParts(["helm", "monitoring-crds"], { supervisor });
  helmPath = parts.helm.path;
  await kubectlOutput(["apply", "--server-side", "-f", parts["monitoring-crds"].path]);
  for (const name of [system, ...namespaces]) await kubectl(["create", "namespace", name]);
}, 600_000);

afterAll(async () => {
  await supervisor.stop();
  await kubectl(["delete", "namespace", "--wait=false", system, ...namespaces]);
});

async function helm(...args: readonly string[]) {
  const env = { ...process.env, HOME: supervisor.folder };
  return supervisor.execute({ name: "helm", command: helmPath, args, env });
}

/** What Helm makes of the chart for a version of Kubernetes, hooks included. */
async function render(values: object, version = newest, namespace = system): Promise<readonly Rendered[]> {
  const set = Object.entries(values).flatMap(setting);
  const release = namespace === system ? "serin" : namespace;
  const how = ["-n", namespace, "--kube-version", version];
  const { code, stdout, stderr } = await helm("template", release, chart, ...how, ...set);
  expect(code, stderr).toBe(0);
  const documents = parseAllDocuments(stdout).map((document) => document.toJS() as Rendered | null);
  return documents.filter((object) => object !== null);
}

const setting = ([name, value]: [string, unknown]) => ["--set-json", `${name}=${JSON.stringify(value)}`];
const namespaces = ["chart-test-a", "chart-test-b"];
const on = { enabled: true };
const found = { ...on, additionalLabels: { release: "monitoring" } };
const everything = {
  metrics: {
    serviceMonitor: found,
    podMonitor: found,
    prometheusRule: { ...found, mesh: true },
    dashboards: { ...on, annotations: { grafana_folder: "Serin" } },
  },
  extraObjects: [{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "extra", namespace: system } }],
  imagePullSecrets: [{ name: "pull" }],
  image: { repository: "serin", digest: `sha256:${"0".repeat(64)}` },
  priorityClassName: "system-cluster-critical",
  commonLabels: { team: "platform" },
  podLabels: { "sidecar.istio.io/inject": "false" },
  podAnnotations: { note: "x" },
  nodeSelector: { "kubernetes.io/os": "linux" },
  tolerations: [{ operator: "Exists" }],
  affinity: { nodeAffinity: {} },
  topologySpreadConstraints: [
    { topologyKey: "zone", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule", labelSelector: {} },
  ],
  extraEnv: [{ name: "NODE_OPTIONS", value: "--max-old-space-size=800" }],
  extraArgs: ["--log-level=debug"],
  extraVolumes: [{ name: "tmp", emptyDir: {} }],
  extraVolumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
  floors: {
    errorRate: "5%",
    latency: "2s",
    firstWeight: 25,
    minStepDuration: "20s",
    bake: "1m",
    gateways: ["ingress/public", `${namespaces[0]}/own`],
    hosts: ["shop.example.org", "*.example.com"],
  },
  networkPolicy: { ...on, metricsFrom: [{ namespaceSelector: {} }], egress: [{ ports: [{ port: 443 }] }] },
  serviceAccount: { create: true, name: "canaries", annotations: { note: "x" } },
  config: {
    prometheusAddress: "https://prometheus:9090",
    prometheusSecret: `${system}/prometheus`,
    prometheusHeader: ["X-Scope-OrgID: a"],
    workers: 4,
    propagation: "10s",
  },
};
const off = { enabled: false };
const nothing = {
  crds: { ...off, keep: false },
  holdPolicy: off,
  serviceAccount: { create: false, name: "theirs", annotations: {} },
  rbac: { create: false, aggregate: false },
  operatorGuard: off,
  requestPolicies: off,
  podDisruptionBudget: { ...off, maxUnavailable: 1 },
  networkPolicy: { ...off, metricsFrom: [], egress: [] },
  uninstall: { letGo: false, timeout: "1m" },
};

const newest = "1.36.0";

/** Every variant of what is rendered, at least once. */
const variants = [
  ["as it comes", {}, newest],
  ["with everything", everything, newest],
  ["with nothing that can be left out", nothing, newest],
  ["for some namespaces", { namespaces }, newest],
  ["for some namespaces, with everything", { ...everything, namespaces }, newest],
  ["with Deployments kept paused", { hold: "paused" }, newest],
  ["with the webhook", { hold: "webhook" }, newest],
  ["with the webhook, for some namespaces", { hold: "webhook", namespaces }, newest],
  ["for an older Kubernetes", {}, "1.30.4"],
] as const;

const named = (objects: readonly Rendered[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);

describe("the chart of Serin", () => {
  test("passes helm lint --strict", async () => {
    const { code, stdout } = await helm("lint", "--strict", chart);
    expect(code, stdout).toBe(0);
  });

  test.each(variants)("%s: the API server takes every object", async (_what, values, version) => {
    const objects = await render(values, version);
    const list = { apiVersion: "v1", kind: "List", items: objects };
    const { code, stderr } = await kubectl(
      ["apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-"],
      list,
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toBe("");
  });

  test("is what deploy/ has for those who do without Helm", async () => {
    const run = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await helm(...args);
      expect(code, stderr).toBe(0);
      return stdout;
    };
    for (const [path, text] of await plainManifests(repository, run))
      expect(readFileSync(join(repository, path), "utf8"), "run npm run generate -- --manifests").toBe(text);
  });

  test("holds by the policy where the API server has policies, else by the webhook", async () => {
    expect(named(await render({}, "1.36.2-gke.1"))).toContain("MutatingAdmissionPolicy serin-hold");
    const older = named(await render({}, "1.35.7"));
    expect(older).toEqual(expect.arrayContaining(["Service serin-webhook", "Secret serin-webhook"]));
    expect(older).not.toContain("MutatingAdmissionPolicy serin-hold");
    expect(older).toContain("Job serin-remove-webhook");
  });

  test("with floors the API server refuses a Rollout below them, by name of the field, and no other", async () => {
    const rendered = await render({ floors: everything.floors, namespaces: [namespaces[0]] });
    const floors = rendered.filter(({ metadata }) => metadata.name.endsWith("-floors"));
    await serveRollouts();
    await kubectlOutput(["apply", "--server-side", "-f", "-"], { apiVersion: "v1", kind: "List", items: floors });
    const refusal = async (spec: object, namespace = namespaces[0] ?? "") => {
      const object = {
        apiVersion: "serin.dev/v1alpha1",
        kind: "Rollout",
        metadata: { name: "below", namespace },
        spec: { targetRef: { name: "below" }, ...spec },
      };
      const { stderr } = await kubectl(["apply", "--server-side", "--dry-run=server", "-f", "-"], object);
      return stderr.replace(/^.*denied request: /s, "").trim();
    };
    const istio = (gateways: readonly string[], hosts: readonly string[]) => ({
      traffic: { istio: { gateways, hosts } },
    });
    const noGateway = `spec.traffic.istio.gateways: the platform allows ingress/public, ${namespaces[0]}/own and mesh`;
    const noHost =
      "spec.traffic.istio.hosts: the platform allows shop.example.org, *.example.com and the names of the Rollout's own Service";
    const names = ["below", `below.${namespaces[0]}`, `below.${namespaces[0]}.svc`];
    const steps = [{ pause: { duration: "1s" } }, { weight: 50 }, { weight: 100 }];
    // A policy is effective a moment after it was created.
    await until(async () => (await refusal({ bake: "59s" })) !== "", { timeout: 30_000, what: "the policy" });
    for (const [spec, words] of [
      [{ bake: "59s" }, "spec.bake: the platform wants 1m at least"],
      [{ steps }, "spec.steps: the platform allows 25 % at most for the first one"],
      [{ steps: [{ weight: 0 }, { weight: 100 }] }, "spec.steps: the platform allows 25 % at most for the first one"],
      [{ steps: [{ weight: 0 }, { weight: 25 }, { weight: 100 }] }, ""],
      [{ steps: [{ weight: 0 }] }, "spec.steps: the platform allows 25 % at most for the first one"],
      [{ analysis: { errorRate: { max: "5.5%" } } }, "spec.analysis.errorRate.max: the platform allows 5% at most"],
      [{ analysis: { latency: { max: "2001ms" } } }, "spec.analysis.latency.max: the platform allows 2s at most"],
      [{ analysis: { minStepDuration: "19s" } }, "spec.analysis.minStepDuration: the platform wants 20s at least"],
      [istio(["mesh", "ingress/private"], ["below"]), noGateway],
      [istio(["public"], ["below"]), noGateway],
      [istio(["mesh", "ingress/public", `${namespaces[0]}/own`, "own"], ["below"]), ""],
      [istio(["mesh"], ["api.example.net"]), noHost],
      [istio(["ingress/public"], ["example.com"]), noHost],
      [istio(["ingress/public"], ["a.shop.example.org"]), noHost],
      [istio(["ingress/public"], ["*"]), noHost],
      [istio(["ingress/public"], ["shop.example.org", "badexample.com"]), noHost],
      [istio(["mesh"], [`other.${namespaces[0]}`]), noHost],
      [istio(["ingress/public"], ["shop.example.org", "*.example.com", "*.eu.example.com", "A.b.example.com"]), ""],
      [istio(["mesh"], [...names, `below.${namespaces[0]}.svc.cluster.local`]), ""],
      [{ ...istio(["mesh"], ["other"]), service: { name: "other" } }, ""],
      [{}, ""],
      [{ bake: "1h", analysis: { errorRate: { max: "5%" }, latency: { max: "500ms" }, minStepDuration: "20s" } }, ""],
    ] as const)
      expect(await refusal(spec), JSON.stringify(spec)).toBe(words);
    expect(await refusal({ bake: "1s" }, namespaces[1])).toBe("");
    await kubectlOutput(["delete", "-f", "-"], { apiVersion: "v1", kind: "List", items: floors });
  });

  test("for some namespaces has Roles in them, and of the cluster's only what holds", async () => {
    const objects = await render({ namespaces });
    const roles = objects.filter(({ kind, metadata }) => kind === "Role" && metadata.name === "serin-operator");
    expect(roles.map(({ metadata }) => metadata.namespace)).toEqual(namespaces);
    const ofCluster = named(objects).filter((name) => name.startsWith("ClusterRole ") && !/-(view|edit)$/.test(name));
    expect(ofCluster).toEqual([`ClusterRole serin-${system}-hold`]);
    const paused = (await render({ namespaces, hold: "paused" })).find(({ metadata }) =>
      metadata.name.endsWith("-hold"),
    );
    expect(paused).toMatchObject({ rules: [{ resourceNames: ["serin-hold"], verbs: ["get", "delete"] }] });
  });

  test("is installed a second time beside the first: of what is the cluster's each has its own", async () => {
    const place = ({ kind, metadata }: Rendered) => [kind, metadata.namespace ?? "", metadata.name].join(" ");
    const prometheus = { config: { prometheusSecret: "monitoring/prometheus" } };
    const rest = { floors: everything.floors, ...prometheus };
    const first = (await render({ ...rest, namespaces: [namespaces[0]] })).map(place);
    const second = (values: object) =>
      render({ ...rest, namespaces: [namespaces[1]], ...values }, newest, "chart-test-second");
    const clashes = async (values: object) => (await second(values)).map(place).filter((at) => first.includes(at));
    expect(await clashes({ crds: off, holdPolicy: off })).toEqual([]);
    expect(await clashes({})).toEqual([
      "CustomResourceDefinition  rollouts.serin.dev",
      "MutatingAdmissionPolicy  serin-hold",
      "MutatingAdmissionPolicyBinding  serin-hold",
    ]);
    expect(named(await second({ crds: off, holdPolicy: off }))).toContain("ClusterRole serin-chart-test-second-hold");
  });

  test("grants no wildcard, and no Secrets but its own", async () => {
    const rules = (await render({ hold: "webhook" })).flatMap((object) => (object as { rules?: object[] }).rules ?? []);
    const texts = rules.map((rule) => JSON.stringify(rule));
    expect(texts.filter((text) => text.includes('"*"'))).toEqual([]);
    const secrets = texts.filter((text) => text.includes('"secrets"'));
    expect(secrets).toHaveLength(1);
    expect(secrets[0]).toContain('"resourceNames":["serin-webhook"]');
  });

  test.each([
    ["a value that is not there", "--set=replicas=3", "additional properties 'replicas' not allowed"],
    ["a flag that is not there", "--set=config.logLevl=debug", "additional properties 'logLevl' not allowed"],
    ["a wrong choice", "--set=hold=never", "value must be one of"],
    ["a duration that is none", "--set=config.propagation=soon", "does not match pattern"],
    ["a number that is none", "--set=config.workers=many", "got string, want integer"],
    ["a gateway that may be anybody's", "--set=floors.gateways={public}", "does not match pattern"],
    ["all hosts as a list of them", "--set=floors.hosts={*}", "does not match pattern"],
  ])("refuses %s", async (_what, flag, words) => {
    const { code, stderr } = await helm("template", "serin", chart, flag);
    expect(code).toBe(1);
    expect(stderr).toContain(words);
  });
});
