import { renderDuration } from "../../api/instant.ts";
import type { Milliseconds, Ratio } from "../../api/instant.ts";
import type { Counts } from "../../api/rollout-status.ts";

/** What a canary must keep to, and how it is found not to. */
export interface Criteria {
  /** The largest share of failed requests. */
  readonly errorLimit: Ratio;
  /** `quantile` of the requests take no longer than `max`. */
  readonly latency?: { readonly quantile: number; readonly max: Milliseconds };
  /** What stable's latency kept to before the release, and its neighbours, where only stable is compared with. */
  readonly boundaries?: readonly Milliseconds[] | undefined;
  /** Ratios of the team's own. */
  readonly ratios?: readonly { readonly name: string; readonly max: Ratio }[];
  readonly compareWith: "limit" | "limit-and-stable" | "stable";
  /** `fast` takes errors for independent, but for clusters of `clusterSize`, and tolerates shorter bursts. */
  readonly sensitivity?: "robust" | "fast";
  /** Errors that come together, as measured on stable. */
  readonly clusterSize?: number | undefined;
  /** Shorter bursts of bad requests end no release; undefined: chosen by what is compared with. */
  readonly burstTolerance?: Milliseconds | undefined;
}

/** Requests of both versions over the same time. */
export interface Totals {
  readonly stable: Counts;
  readonly canary: Counts;
}

interface LimitedShare {
  readonly reason: "ErrorRateTooHigh" | "LatencyTooHigh" | "MetricTooHigh";
  readonly share: Ratio;
  readonly totalOf: (counts: Counts) => number;
  readonly surelyBad: (counts: Counts) => number;
  readonly maybeBad: (counts: Counts) => number;
}

/**
 * One limited share: which requests are bad, for a rollback and for going on. Of requests it is said what the bad ones did;
 * a ratio of the team's own has a name instead.
 */
export type Limit = LimitedShare &
  (
    | { readonly metric: "errors" | "latency"; readonly did: string }
    | { readonly metric: { readonly name: string }; readonly did?: undefined }
  );

/** The limits of a release, each judged on its own. */
export function limitsOf({ errorLimit, latency, boundaries, ratios = [] }: Criteria): readonly [Limit, ...Limit[]] {
  const own = ratios.map(ownLimit);
  const totalOf = ({ requests }: Counts) => requests;
  const errors: Limit = {
    metric: "errors",
    reason: "ErrorRateTooHigh",
    share: errorLimit,
    totalOf,
    surelyBad: ({ errors, requests }) => Math.min(errors, requests),
    maybeBad: ({ errors, requests }) => Math.min(errors, requests),
    did: "failed",
  };
  if (latency === undefined) return [errors, ...own];
  const slow: Limit & { readonly did: string } = {
    metric: "latency",
    reason: "LatencyTooHigh",
    // 1 - 0.99 is 0.010000000000000009, and people read the number.
    totalOf,
    share: Number((1 - latency.quantile).toPrecision(12)),
    surelyBad: (counts) => Math.min(counts.slow, counts.requests),
    maybeBad: (counts) => Math.min(counts.slowOrClose, counts.requests),
    did: `took longer than ${renderDuration(latency.max)}`,
  };
  return [errors, boundaries === undefined ? slow : slowerThanUsual(slow, boundaries), ...own];
}

/** Slow is what is slower than stable used to be: its own boundary takes the limit's place. */
function slowerThanUsual(slow: Limit & { readonly did: string }, [usual = 0]: readonly Milliseconds[]): Limit {
  const slower = slowerThan(0);
  return { ...slow, surelyBad: slower, maybeBad: slower, did: `took longer than ${renderDuration(usual)}` };
}

/** Requests that took longer than the boundary at `index`. */
export function slowerThan(index: number): (counts: Counts) => number {
  return ({ beyond = [], requests }) => Math.min(beyond[index] ?? 0, requests);
}

/** A ratio of the team's own. */
function ownLimit({ name, max }: { readonly name: string; readonly max: Ratio }): Limit {
  const find = ({ metrics = [] }: Counts) => metrics.find((each) => each.name === name) ?? { bad: 0, total: 0 };
  const badOf = (counts: Counts) => Math.min(find(counts).bad, find(counts).total);
  return {
    metric: { name },
    reason: "MetricTooHigh",
    share: max,
    totalOf: (counts) => find(counts).total,
    surelyBad: badOf,
    maybeBad: badOf,
  };
}
