import type { Metrics } from "./metrics.ts";

const outcomes = ["done", "cancelled", "conflict", "transient", "rejected", "unexpected"] as const;

/** How the machine does, whatever it is used for. */
export interface MachineMetrics {
  readonly reconciled: (result: { readonly outcome: (typeof outcomes)[number]; readonly seconds: number }) => void;
  readonly queueDepth: (depth: number) => void;
  readonly apiRequest: (request: { readonly verb: string; readonly code: string; readonly seconds: number }) => void;
  readonly watchProblem: (problem: { readonly resource: string; readonly kind: string }) => void;
  readonly unhandled: () => void;
  readonly leading: (leading: boolean) => void;
}

/** Upper bounds in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Registers them; `watchAges` says for each watched resource how many milliseconds ago the API server was last heard. */
export function createMachineMetrics(metrics: Metrics, watchAges: () => ReadonlyMap<string, number>): MachineMetrics {
  const depth = metrics.gauge({ name: "serin_queue_depth", help: "Keys that wait for a worker." });
  depth.set({}, 0);
  const unhandled = metrics.counter({
    name: "serin_unhandled_errors_total",
    help: "Errors that nobody caught: mistakes of ours.",
  });
  unhandled.begin({});
  const leading = metrics.gauge({ name: "serin_leader", help: "1 in the process that does the work." });
  leading.set({}, 0);
  return {
    reconciled: countReconciles(metrics),
    queueDepth: (waiting) => depth.set({}, waiting),
    apiRequest: countRequests(metrics),
    watchProblem: countWatchProblems(metrics, watchAges),
    unhandled: () => unhandled.add({}),
    leading: (now) => leading.set({}, now ? 1 : 0),
  };
}

function countReconciles(metrics: Metrics): MachineMetrics["reconciled"] {
  const total = metrics.counter({
    name: "serin_reconciles_total",
    help: "Reconciles by outcome.",
    labels: ["outcome"],
  });
  for (const outcome of outcomes) total.begin({ outcome });
  const durations = metrics.histogram(
    { name: "serin_reconcile_duration_seconds", help: "What reconciles took." },
    buckets,
  );
  return ({ outcome, seconds }) => {
    total.add({ outcome });
    durations.observe({}, seconds);
  };
}

function countRequests(metrics: Metrics): MachineMetrics["apiRequest"] {
  const total = metrics.counter({
    name: "serin_kubernetes_requests_total",
    help: "Requests to the API server by verb and HTTP code; code none: no answer.",
    labels: ["verb", "code"],
  });
  const durations = metrics.histogram(
    { name: "serin_kubernetes_request_duration_seconds", help: "Time to the answer's headers.", labels: ["verb"] },
    buckets,
  );
  return ({ verb, code, seconds }) => {
    total.add({ verb, code });
    // A watch's headers come at once or when there is something to say; neither is a latency.
    if (verb !== "WATCH") durations.observe({ verb }, seconds);
  };
}

function countWatchProblems(
  metrics: Metrics,
  watchAges: () => ReadonlyMap<string, number>,
): MachineMetrics["watchProblem"] {
  const total = metrics.counter({
    name: "serin_watch_problems_total",
    help: "Lists and watches that failed, and changes that could not be handed on.",
    labels: ["resource", "kind"],
  });
  metrics.gauge(
    {
      name: "serin_watch_age_seconds",
      help: "Time since the API server was last heard about a resource.",
      labels: ["resource"],
    },
    (gauge) => {
      for (const [resource, age] of watchAges()) gauge.set({ resource }, age / 1_000);
    },
  );
  return ({ resource, kind }) => total.add({ resource, kind });
}
