import { durationMetric, requestsMetric } from "./selectors.ts";
import type { Series } from "./series.ts";

/** What to read. */
export interface MetricNames {
  readonly requests: string;
  readonly durations: string;
  /** Whether a sample is what was counted since the sample before, instead of since the process began. */
  readonly areGrowth: boolean;
}

export const standardNames: MetricNames = { requests: requestsMetric, durations: durationMetric, areGrowth: false };

/**
 * What the recording rules of docs/metrics.md write, for meshes with more series than can be read: what the callers'
 * counters grew by in each interval of the rules, added up over pods. A sum of counters would not do: a pod that is not
 * scraped once takes its whole history out of it, and brings it back.
 */
export const recordedNames: MetricNames = {
  requests: "serin:istio_requests:growth",
  durations: "serin:istio_request_duration_milliseconds_bucket:growth",
  areGrowth: true,
};

/** Growth as counters that begin at the first sample. */
export function asCounters(series: readonly Series[]): readonly Series[] {
  return series.map(({ labels, samples }) => {
    let total = 0;
    const counted = samples.map(({ at, values: [growth = 0] }) => ({ at, values: [(total += Math.max(0, growth))] }));
    return { labels, samples: counted };
  });
}
