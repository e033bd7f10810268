import type { Instant, Milliseconds } from "../api/instant.ts";
import type { Measurement } from "../domain/observation.ts";

/** Which requests to count. */
export interface TrafficQuery {
  readonly namespace: string;
  /** Name of the Service. */
  readonly service: string;
  readonly reporter: "source" | "destination";
  /** Values of destination_workload. */
  readonly stable: string;
  readonly canary: string;
  /** Requests that take longer are slow; absent when latency is not judged. */
  readonly slowerThan: Milliseconds | undefined;
  /** Count requests from here on: a moment of `sinceClock`. */
  readonly since: Instant;
  /** The operator's clock at the first measurement, the store's from then on: `until` of one is `since` of the next. */
  readonly sinceClock: "operator" | "store";
  /** When weights were last changed and had time to reach the proxies; undefined when nothing is to be seen yet. */
  readonly shiftedAt: Instant | undefined;
}

/** Counts requests from one kind of metric store. */
export interface MetricProvider {
  /** Always answers, within its own time-out: a store that cannot be reached is "Unavailable". */
  measure(query: TrafficQuery, signal: AbortSignal): Promise<Measurement>;
}
