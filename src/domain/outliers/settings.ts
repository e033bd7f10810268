import { renderDuration, type Milliseconds, type Ratio } from "../../api/instant.ts";
import type { OutlierBounds } from "../../api/outlier-spec.ts";
import type { TunedSettings } from "../../api/outlier-status.ts";

/** What was measured of a version with some bad pods. */
export interface Rates {
  /** Requests per second by each calling proxy; each counts errors in a row for itself. */
  readonly callers: readonly number[];
  /** Pods of the version, and how many of them are bad. */
  readonly pods: number;
  readonly bad: number;
  /** Share of errors of a bad pod, and the most that good ones are known to have. */
  readonly badShare: Ratio;
  readonly goodShare: Ratio;
}

/** Settings with what they are expected to do. */
export interface ComputedSettings {
  readonly settings: TunedSettings;
  /** Until a caller has ejected a bad pod, as the mean over the requests. */
  readonly ejectedAfter: Milliseconds;
  /** How often a day good pods are ejected by chance, all callers and pods together. */
  readonly falsePerDay: number;
}

const day = 86_400;
/** Good pods are ejected by chance less often a day than this. */
const mostFalsePerDay = 1;
/** Within this time at least half of the bad requests must be kept from a bad pod: otherwise tuning helps too little. */
const horizon = 30;
const leastProtected: Ratio = 0.5;
/** A pod is back for one part of this many of the time, so that it fails no more than one in so many of its requests. */
const awayFor = 20;
const shortestEjection = 30;
/** Envoy's max_ejection_time: no ejection lasts longer. */
const longestEjection = 300;

/**
 * The requests until `inARow` errors came one after the other, in expectation, where each fails with a chance of `share`:
 * (1 − p^N) / (p^N (1 − p)) (W. Feller, "An Introduction to Probability Theory and Its Applications", vol. 1, XIII.7).
 */
export function expectedRequests(share: Ratio, inARow: number): number {
  if (share >= 1) return inARow;
  const all = share ** inARow;
  return all === 0 ? Infinity : (1 - all) / (all * (1 - share));
}

/** How often a day good pods are ejected by chance: by any caller, any of them. */
export function falseEjectionsPerDay({ callers, pods, bad, goodShare }: Rates, inARow: number): number {
  const requests = callers.reduce((sum, rate) => sum + rate, 0) * day * ((pods - bad) / pods);
  return requests / expectedRequests(goodShare, inARow);
}

/** The share of the requests to bad pods within 30 s that come after the ejection; each caller's in proportion to its requests. */
export function protectedShare({ callers, pods, badShare }: Rates, inARow: number): Ratio {
  const needed = expectedRequests(badShare, inARow);
  return meanOver(callers, (rate) => Math.max(0, 1 - needed / (rate / pods) / horizon));
}

/**
 * As few errors in a row as keep good pods from being ejected by chance, and no fewer; the share of pods that lets the bad
 * ones be ejected, and no larger. A sentence where no such settings would help.
 */
export function computeSettings(rates: Rates, bounds: OutlierBounds): ComputedSettings | string {
  const { min, max } = bounds.consecutive5xxErrors;
  const candidates = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  const inARow = candidates.find((count) => falseEjectionsPerDay(rates, count) < mostFalsePerDay);
  if (inARow === undefined)
    return `even ${max} errors in a row would eject a good pod by chance ${falseEjectionsPerDay(rates, max).toPrecision(2)} times a day`;
  if (protectedShare(rates, inARow) < leastProtected)
    return `with ${inARow} errors in a row, the fewest that do not eject good pods by chance, less than half of the bad requests of ${horizon} s would be kept from them`;
  const after = meanOver(rates.callers, (rate) => expectedRequests(rates.badShare, inARow) / (rate / rates.pods));
  const ejection = Math.ceil(Math.min(longestEjection, Math.max(shortestEjection, awayFor * after)));
  return {
    settings: {
      consecutive5xxErrors: inARow,
      baseEjectionTime: renderDuration(ejection * 1_000),
      maxEjectionPercent: Math.ceil((100 * rates.bad) / rates.pods),
    },
    ejectedAfter: after * 1_000,
    falsePerDay: falseEjectionsPerDay(rates, inARow),
  };
}

/** What fits both versions where bad pods were found in one after the other. */
export function joinedSettings(one: TunedSettings, other: TunedSettings | undefined): TunedSettings {
  if (other === undefined) return one;
  return {
    consecutive5xxErrors: Math.max(one.consecutive5xxErrors, other.consecutive5xxErrors),
    baseEjectionTime: one.baseEjectionTime,
    maxEjectionPercent: Math.max(one.maxEjectionPercent, other.maxEjectionPercent),
  };
}

/** The mean of what holds for each caller, weighted by its requests; callers without any do not count. */
function meanOver(callers: readonly number[], value: (rate: number) => number): number {
  const called = callers.filter((rate) => rate > 0);
  const all = called.reduce((sum, rate) => sum + rate, 0);
  return all === 0 ? 0 : called.reduce((sum, rate) => sum + (rate / all) * value(rate), 0);
}
