import { z } from "zod";
import { durationPattern, parseDuration } from "./api/instant.ts";

const duration = z
  .string()
  .regex(new RegExp(durationPattern), "write a duration such as 2s or 1m30s")
  .transform(parseDuration);

/** What the operator can be told when it starts. Every flag is also an environment variable: `--log-level`, `SERIN_LOG_LEVEL`. */
export const configSchema = z.object({
  kubeconfig: z
    .string()
    .optional()
    .meta({ description: "path of a kubeconfig (default: KUBECONFIG, the pod's service account, ~/.kube/config)" }),
  namespace: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: "namespace to work in; repeatable (default: all)" }),
  prometheusAddress: z
    .url({ protocol: /^https?$/, error: "write the URL of a Prometheus, such as http://prometheus.monitoring:9090" })
    .refine((url) => !isOffLimits(url), "write the URL of a Prometheus: this is the machine's or the API server's own")
    .meta({ description: "URL of the Prometheus that has Istio's metrics" }),
  prometheusSecret: z
    .string()
    .regex(/^([a-z0-9.-]+\/)?[a-z0-9.-]+$/, "write the name of a Secret, or namespace/name")
    .optional()
    .meta({
      description:
        "Secret with what Prometheus wants to see: token, or username and password; ca.crt, tls.crt, tls.key; in the namespace of the Lease unless it is told",
    }),
  prometheusTokenFile: z.string().min(1).optional().meta({
    description: "file with a bearer token for Prometheus, such as that of the pod's service account",
  }),
  prometheusHeader: z
    .array(z.string().regex(/^[A-Za-z0-9-]+: *[^\r\n]+$/, "write a header such as 'X-Scope-OrgID: team-a'"))
    .default([])
    .meta({ description: "header to send to Prometheus, such as 'X-Scope-OrgID: team-a'; repeatable" }),
  seriesBudget: z.coerce.number().int().min(100).default(50_000).meta({
    description: "series of Prometheus that are kept for all releases at most; a thousand takes about 3 MB of memory",
  }),
  metricsAddress: z
    .string()
    .regex(/^[^:]*:[0-9]{1,5}$/, "write host:port or :port, such as :8080")
    .default(":8080")
    .meta({ description: "where to serve /metrics, /healthz and /readyz" }),
  leaderElect: z
    .boolean()
    .default(false)
    .meta({ description: "work only while holding the Lease, so that several replicas can run" }),
  leaderElectNamespace: z
    .string()
    .min(1)
    .default("serin-system")
    .meta({ description: "namespace of the Lease, and of the webhook's Service and Secret" }),
  leaseDuration: duration
    .prefault("15s")
    .meta({ description: "how long another replica waits for a leader that does not renew the Lease" }),
  renewDeadline: duration
    .prefault("10s")
    .meta({ description: "how long a leader that cannot renew the Lease goes on; shorter than --lease-duration" }),
  retryPeriod: duration
    .prefault("2s")
    .meta({ description: "how often the Lease is renewed; shorter than --renew-deadline" }),
  logLevel: z
    .enum(["debug", "info", "warn", "error"])
    .default("info")
    .meta({ description: "least severe messages to log" }),
  hold: z.enum(["auto", "policy", "webhook", "paused"]).default("auto").meta({
    description:
      "how changed templates are held: by an admission policy, by the operator's webhook, or by keeping Deployments paused; auto takes the first that works",
  }),
  webhookAddress: z
    .string()
    .regex(/^[^:]*:[0-9]{1,5}$/, "write host:port or :port, such as :9443")
    .default(":9443")
    .meta({ description: "where to serve the webhook, with --hold auto or webhook" }),
  webhookUrl: z
    .url({
      protocol: /^https$/,
      error: "write the URL by which the API server reaches it, such as https://10.0.0.7:9443",
    })
    .optional()
    .meta({
      description:
        "URL of the webhook for an operator that runs beside the cluster (default: the Service serin-webhook in the namespace of the Lease)",
    }),
  meshScope: z.enum(["cluster", "namespaces"]).default("cluster").meta({
    description:
      "where routes, subsets and Services' other callers are looked for: in the whole cluster, or only in the namespaces of --namespace, where the operator may see no others",
  }),
  istioNamespace: z.string().min(1).default("istio-system").meta({ description: "root namespace of the mesh" }),
  clusterDomain: z.string().min(1).default("cluster.local").meta({ description: "DNS domain of the cluster" }),
  propagation: duration.prefault("2s").meta({
    description:
      "how long changes of Istio objects take to reach every proxy; more than istiod's PILOT_DEBOUNCE_MAX (10s) in a mesh that changes all the time",
  }),
  rollbackDeadline: duration
    .prefault("30s")
    .meta({ description: "when a rollback ends although canary traffic is still seen" }),
  shiftDeadline: duration.prefault("60s").meta({ description: "when traffic that did not move is reported" }),
  evidencePeriod: duration.prefault("60s").meta({ description: "how often counts alone are written to a status" }),
  workers: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(16)
    .meta({ description: "Rollouts that are looked at side by side" }),
});

export type Config = z.infer<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;

/** The configuration from flags, else from the environment, else the defaults; or a sentence for each mistake. */
export function readConfig(
  flags: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv,
): Config | { readonly mistakes: readonly string[] } {
  const merged = Object.fromEntries(
    Object.keys(configSchema.shape).map((name) => [
      name,
      flags[name] ?? fromEnvironment(name, environment[variableOf(name)]),
    ]),
  );
  const parsed = configSchema.safeParse(merged);
  if (parsed.success) {
    const mistakes = contradictionsIn(parsed.data);
    return mistakes.length === 0 ? parsed.data : { mistakes };
  }
  return { mistakes: parsed.error.issues.map(({ path, message }) => explain(String(path[0]), message, merged)) };
}

/** Addresses that no Prometheus has, and that would be shown its credentials: link-local ones, and the API server's. */
function isOffLimits(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return /^(169\.254\.|\[fe[89ab])/.test(hostname) || /^kubernetes(\.default(\.svc(\..+)?)?)?$/.test(hostname);
}

/** What is right by itself and wrong together. */
function contradictionsIn(config: Config): readonly string[] {
  const { prometheusSecret, prometheusTokenFile, leaseDuration, renewDeadline, retryPeriod } = config;
  const mistakes: string[] = [];
  if (prometheusSecret !== undefined && prometheusTokenFile !== undefined)
    mistakes.push(
      "--prometheus-secret and --prometheus-token-file do not go together: write the token into the Secret, or leave one of them out",
    );
  if (config.meshScope === "namespaces" && config.namespace.length === 0)
    mistakes.push("--mesh-scope namespaces needs --namespace: name the namespaces to work in");
  if (retryPeriod >= renewDeadline || renewDeadline >= leaseDuration)
    mistakes.push(
      "--retry-period, --renew-deadline and --lease-duration must rise in this order, or a leader goes on when another may lead already",
    );
  return mistakes;
}

function explain(name: string, message: string, given: Readonly<Record<string, unknown>>): string {
  const isMissing = given[name] === undefined;
  return `${flagOf(name)} (or ${variableOf(name)}) ${isMissing ? `is needed: ${message}` : `is wrong: ${message}`}`;
}

/** Anything else is refused: an operator that took it for "no" would be one of two leaders. */
const words: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);

function fromEnvironment(name: string, value: string | undefined): unknown {
  if (value === undefined || value === "") return undefined;
  if (name === "prometheusHeader") return value.split("\n");
  if (name === "namespace") return value.split(",").map((part) => part.trim());
  if (name === "leaderElect") return words.get(value.toLowerCase()) ?? value;
  return value;
}

/** `host:port`; an empty host is every address. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at) || "0.0.0.0", port: Number(address.slice(at + 1)) };
}

/** `logLevel` → `--log-level`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `logLevel` → `SERIN_LOG_LEVEL`. */
export function variableOf(name: string): string {
  return `SERIN_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
