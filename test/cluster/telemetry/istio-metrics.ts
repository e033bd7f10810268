import { Counter, Histogram, Registry } from "prom-client";

/** The labels of Istio's HTTP metrics. */
export const istioLabels = [
  "reporter",
  "source_workload",
  "source_canonical_service",
  "source_canonical_revision",
  "source_workload_namespace",
  "source_principal",
  "source_app",
  "source_version",
  "source_cluster",
  "destination_workload",
  "destination_workload_namespace",
  "destination_principal",
  "destination_app",
  "destination_version",
  "destination_service",
  "destination_canonical_service",
  "destination_canonical_revision",
  "destination_service_name",
  "destination_service_namespace",
  "destination_cluster",
  "request_protocol",
  "response_code",
  "grpc_response_status",
  "response_flags",
  "connection_security_policy",
] as const;

export type IstioLabels = Readonly<Record<(typeof istioLabels)[number], string>>;

/** Istio's (that is Envoy's) buckets of milliseconds. */
export const durationBuckets = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000,
  3_600_000,
];

export interface IstioMetrics {
  /** `pod` is what a scrape configuration would add: the name of the pod whose proxy this is. */
  record(labels: IstioLabels, durationMs: number, pod?: string): void;
  /** Requests recorded so far. */
  readonly total: number;
  exposition(): Promise<string>;
  readonly contentType: string;
}

/**
 * What nobody called for so long is exposed no more, as proxies do that evict statistics (Istio's statsEvictionInterval):
 * who is called once may be gone, and the text of a scrape would grow with every workload that ever was. Milliseconds.
 */
const keptUnused = 180_000;

/** The metrics that one proxy exposes. */
export function createIstioMetrics(now: () => number = Date.now, byPod = false): IstioMetrics {
  const registry = new Registry();
  const labelNames = byPod ? [...istioLabels, "pod"] : istioLabels;
  const requests = new Counter({
    name: "istio_requests_total",
    help: "Requests, as Istio's proxies count them",
    labelNames,
    registers: [registry],
  });
  const durations = new Histogram({
    name: "istio_request_duration_milliseconds",
    help: "Duration of requests, as Istio's proxies measure it",
    labelNames,
    buckets: durationBuckets,
    registers: [registry],
  });
  let total = 0;
  const used = new Map<string, { readonly labels: IstioLabels; readonly at: number }>();
  const evict = () => {
    for (const [key, { labels, at }] of used) {
      if (now() - at <= keptUnused) continue;
      requests.remove(labels);
      durations.remove(labels);
      used.delete(key);
    }
  };
  return {
    record(reported, durationMs, pod) {
      const labels = byPod ? { ...reported, pod: pod ?? "" } : reported;
      total += 1;
      used.set(Object.values(labels).join("\u0000"), { labels, at: now() });
      requests.inc(labels);
      durations.observe(labels, durationMs);
    },
    get total() {
      return total;
    },
    exposition() {
      evict();
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}
