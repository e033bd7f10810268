import type { Instant, Milliseconds, Ratio } from "../api/instant.ts";
import type { CheckQuery, RatioQuery } from "../domain/metric-queries.ts";
import type { Usual } from "../domain/analysis/usual.ts";
import type { Arrivals, Measurement } from "../domain/observation.ts";
import type { PodReport } from "../domain/outliers/pods.ts";

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
  /** Boundaries of histograms by which latency is compared: requests slower than each are counted as well. */
  readonly beyond?: readonly Milliseconds[] | undefined;
  /** The quantile of stable's latency until `since` for which such boundaries are to be chosen. */
  readonly usualQuantile?: Ratio | undefined;
  /** Count requests from here on: a moment of `sinceClock`. */
  readonly since: Instant;
  /** The operator's clock at the first measurement, the store's from then on: `until` of one is `since` of the next. */
  readonly sinceClock: "operator" | "store";
  /** How far before `since` requests are to be told as well; undefined: not at all. */
  readonly lookBack?: Milliseconds | undefined;
  /** When weights were last changed and had time to reach the proxies; undefined when nothing is to be seen yet. */
  readonly shiftedAt: Instant | undefined;
  /** What to count of the team's own. */
  readonly ratios?: readonly RatioQuery[];
  /** Values of the team's own to look at now. */
  readonly checks?: readonly CheckQuery[];
  /** A measurement of the same requests that is younger than this will do; none when absent. */
  readonly maxAge?: Milliseconds | undefined;
}

/** Whose requests to look at for callers without a proxy. */
export type ArrivalsQuery = Pick<TrafficQuery, "namespace" | "service" | "stable">;

/** What to learn of the time before a release. */
export type UsualQuery = Pick<TrafficQuery, "namespace" | "service" | "reporter" | "stable">;

/** Whose requests, and who reports them. */
export type VersionsQuery = Pick<TrafficQuery, "namespace" | "service" | "reporter" | "stable" | "canary">;

/** Requests of which pods to count. */
export type PodsQuery = VersionsQuery & {
  /** Count from here on: a moment of the operator's clock. */
  readonly since: Instant;
  /** Names of the versions' subsets. */
  readonly subsets: { readonly stable: string; readonly canary: string };
};

/** Counts requests from one kind of metric store. */
export interface MetricProvider {
  /** How requests came to the stable pods in the last minutes. Answers as `measure` does. */
  arrivals(query: ArrivalsQuery, signal: AbortSignal): Promise<Arrivals>;
  /** What came to the Service in the last ten minutes; undefined where that cannot be learned in time. */
  usual(query: UsualQuery, signal: AbortSignal): Promise<Usual | undefined>;
  /** Requests pod by pod. Answers as `measure` does. */
  pods(query: PodsQuery, signal: AbortSignal): Promise<PodReport>;
  /** Always answers, within its own time-out: a store that cannot be reached is "Unavailable". */
  measure(query: TrafficQuery, signal: AbortSignal): Promise<Measurement>;
}
