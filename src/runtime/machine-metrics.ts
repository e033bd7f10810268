import { machineCatalogue as catalogue } from "./machine-catalogue.ts";
import type { Metrics } from "./metrics.ts";

const outcomes = ["done", "cancelled", "conflict", "transient", "rejected", "unexpected"] as const;
const queryResults = ["answered", "refused", "away", "late", "stopped"] as const;

/** How the machine does, whatever it is used for. */
export interface MachineMetrics {
  readonly reconciled: (result: { readonly outcome: (typeof outcomes)[number]; readonly seconds: number }) => void;
  readonly queueDepth: (depth: number) => void;
  /** Milliseconds. */
  readonly queueWait: (waited: number) => void;
  readonly apiRequest: (request: { readonly verb: string; readonly code: string; readonly seconds: number }) => void;
  readonly prometheusQuery: (query: {
    readonly result: (typeof queryResults)[number];
    readonly seconds: number;
  }) => void;
  readonly watchProblem: (problem: { readonly resource: string; readonly kind: string }) => void;
  readonly unhandled: () => void;
  readonly leading: (leading: boolean) => void;
}

export interface MachineMetricsOptions {
  /** For each watched resource, how many milliseconds ago the API server was last heard. */
  readonly watchAges: () => ReadonlyMap<string, number>;
  readonly version: string;
}

/** Registers them. What can be counted from the start is there from the start, at zero. */
export function createMachineMetrics(metrics: Metrics, { watchAges, version }: MachineMetricsOptions): MachineMetrics {
  const depth = metrics.gauge(catalogue.queueDepth);
  depth.set({}, 0);
  const waits = metrics.histogram(catalogue.queueWait);
  const unhandled = metrics.counter(catalogue.unhandledErrors);
  unhandled.begin({});
  const leading = metrics.gauge(catalogue.leader);
  leading.set({}, 0);
  metrics.gauge(catalogue.buildInfo).set({ version }, 1);
  return {
    reconciled: countReconciles(metrics),
    queueDepth: (waiting) => depth.set({}, waiting),
    queueWait: (waited) => waits.observe({}, waited / 1_000),
    apiRequest: countRequests(metrics),
    prometheusQuery: countQueries(metrics),
    watchProblem: countWatchProblems(metrics, watchAges),
    unhandled: () => unhandled.add({}),
    leading: (now) => leading.set({}, now ? 1 : 0),
  };
}

function countReconciles(metrics: Metrics): MachineMetrics["reconciled"] {
  const total = metrics.counter(catalogue.reconciles);
  for (const outcome of outcomes) total.begin({ outcome });
  const durations = metrics.histogram(catalogue.reconcileDuration);
  return ({ outcome, seconds }) => {
    total.add({ outcome });
    durations.observe({}, seconds);
  };
}

function countRequests(metrics: Metrics): MachineMetrics["apiRequest"] {
  const total = metrics.counter(catalogue.kubernetesRequests);
  const durations = metrics.histogram(catalogue.kubernetesRequestDuration);
  return ({ verb, code, seconds }) => {
    total.add({ verb, code });
    // A watch's headers come at once or when there is something to say; neither is a latency.
    if (verb !== "WATCH") durations.observe({ verb }, seconds);
  };
}

function countQueries(metrics: Metrics): MachineMetrics["prometheusQuery"] {
  const total = metrics.counter(catalogue.prometheusQueries);
  for (const result of queryResults) total.begin({ result });
  const durations = metrics.histogram(catalogue.prometheusQueryDuration);
  return ({ result, seconds }) => {
    total.add({ result });
    durations.observe({}, seconds);
  };
}

function countWatchProblems(
  metrics: Metrics,
  watchAges: () => ReadonlyMap<string, number>,
): MachineMetrics["watchProblem"] {
  const total = metrics.counter(catalogue.watchProblems);
  metrics.gauge(catalogue.watchAge, (gauge) => {
    for (const [resource, age] of watchAges()) gauge.set({ resource }, age / 1_000);
  });
  return ({ resource, kind }) => total.add({ resource, kind });
}
