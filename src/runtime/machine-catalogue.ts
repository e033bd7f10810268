import type { AnyDescription } from "./metrics.ts";

/** Upper bounds in seconds, from one answer out of a cache to a reconcile that is given up. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60] as const;

/** What the machine tells about itself, whatever it is used for. */
export const machineCatalogue = {
  reconciles: {
    kind: "counter",
    name: "serin_reconciles_total",
    help: "Reconciles by outcome.",
    labels: ["outcome"],
  },
  reconcileDuration: {
    kind: "histogram",
    name: "serin_reconcile_duration_seconds",
    help: "What reconciles took.",
    unit: "seconds",
    labels: [],
    buckets,
  },
  queueDepth: {
    kind: "gauge",
    name: "serin_queue_depth",
    help: "Rollouts that wait for a worker; those that wait for their time are not counted.",
    labels: [],
  },
  queueWait: {
    kind: "histogram",
    name: "serin_queue_wait_seconds",
    help: "How long Rollouts waited for a worker once it was their time.",
    unit: "seconds",
    labels: [],
    buckets,
  },
  kubernetesRequests: {
    kind: "counter",
    name: "serin_kubernetes_requests_total",
    help: "Requests to the API server by verb and HTTP code; code none: no answer.",
    labels: ["verb", "code"],
  },
  kubernetesRequestDuration: {
    kind: "histogram",
    name: "serin_kubernetes_request_duration_seconds",
    help: "Time until the headers of the API server's answer, watches left out.",
    unit: "seconds",
    labels: ["verb"],
    buckets,
  },
  prometheusQueries: {
    kind: "counter",
    name: "serin_prometheus_queries_total",
    help: "Queries to Prometheus by result.",
    labels: ["result"],
  },
  prometheusQueryDuration: {
    kind: "histogram",
    name: "serin_prometheus_query_duration_seconds",
    help: "Time until Prometheus had answered a query, or was not waited for any more.",
    unit: "seconds",
    labels: [],
    buckets,
  },
  watchProblems: {
    kind: "counter",
    name: "serin_watch_problems_total",
    help: "Lists and watches that failed, and changes that could not be handed on.",
    labels: ["resource", "kind"],
  },
  watchAge: {
    kind: "gauge",
    name: "serin_watch_age_seconds",
    help: "Time since the API server was last heard about a resource.",
    unit: "seconds",
    labels: ["resource"],
  },
  unhandledErrors: {
    kind: "counter",
    name: "serin_unhandled_errors_total",
    help: "Errors that nobody caught: mistakes of Serin.",
    labels: [],
  },
  leader: {
    kind: "gauge",
    name: "serin_leader",
    help: "1 in the process that does the work, 0 in one that stands by.",
    labels: [],
  },
  buildInfo: {
    kind: "gauge",
    name: "serin_build_info",
    help: "1 at the version of the process.",
    labels: ["version"],
  },
} as const satisfies Readonly<Record<string, AnyDescription>>;

/** What is kept of what the metrics library tells about the process; the help texts on the wire are the library's. */
export const processCatalogue = [
  {
    kind: "counter",
    name: "process_cpu_user_seconds_total",
    help: "CPU time in user mode.",
    unit: "seconds",
    labels: [],
  },
  {
    kind: "counter",
    name: "process_cpu_system_seconds_total",
    help: "CPU time in the kernel.",
    unit: "seconds",
    labels: [],
  },
  {
    kind: "counter",
    name: "process_cpu_seconds_total",
    help: "CPU time in all.",
    unit: "seconds",
    labels: [],
  },
  {
    kind: "gauge",
    name: "process_start_time_seconds",
    help: "When the process began, since 1970.",
    unit: "seconds",
    labels: [],
  },
  {
    kind: "gauge",
    name: "process_resident_memory_bytes",
    help: "Memory that the process has in RAM.",
    unit: "bytes",
    labels: [],
  },
  {
    kind: "gauge",
    name: "nodejs_heap_size_total_bytes",
    help: "Size of the JavaScript heap.",
    unit: "bytes",
    labels: [],
  },
  {
    kind: "gauge",
    name: "nodejs_heap_size_used_bytes",
    help: "Memory of the JavaScript heap that is in use.",
    unit: "bytes",
    labels: [],
  },
  {
    kind: "gauge",
    name: "nodejs_external_memory_bytes",
    help: "Memory of buffers outside the JavaScript heap.",
    unit: "bytes",
    labels: [],
  },
  {
    kind: "gauge",
    name: "nodejs_eventloop_lag_seconds",
    help: "How late the event loop was at the scrape.",
    unit: "seconds",
    labels: [],
  },
  {
    kind: "gauge",
    name: "nodejs_eventloop_lag_p99_seconds",
    help: "How late the event loop was since the last scrape, 99th percentile.",
    unit: "seconds",
    labels: [],
  },
  {
    kind: "histogram",
    name: "nodejs_gc_duration_seconds",
    help: "What garbage collections took.",
    unit: "seconds",
    labels: ["kind"],
    buckets: [],
  },
] as const satisfies readonly AnyDescription[];
