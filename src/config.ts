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
    .meta({ description: "URL of the Prometheus that has Istio's metrics" }),
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
    .default(8)
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
  if (parsed.success) return parsed.data;
  return { mistakes: parsed.error.issues.map(({ path, message }) => explain(String(path[0]), message, merged)) };
}

function explain(name: string, message: string, given: Readonly<Record<string, unknown>>): string {
  const isMissing = given[name] === undefined;
  return `${flagOf(name)} (or ${variableOf(name)}) ${isMissing ? `is needed: ${message}` : `is wrong: ${message}`}`;
}

function fromEnvironment(name: string, value: string | undefined): unknown {
  if (value === undefined || value === "") return undefined;
  if (name === "namespace") return value.split(",").map((part) => part.trim());
  if (name === "leaderElect") return value === "true" || value === "1";
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
