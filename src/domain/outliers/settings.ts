import type { Milliseconds, Ratio } from "../../api/instant.ts";
import type { OutlierBounds } from "../../api/outlier-spec.ts";
import type { TunedSettings } from "../../api/outlier-status.ts";

/** What was measured of a version. */
export interface Rates {
  /** Requests per second by each calling proxy; each counts errors in a row for itself. */
  readonly callers: readonly number[];
  /** Pods of the version, and how many of them are bad. */
  readonly pods: number;
  readonly bad: number;
  /** Share of errors of a bad pod. */
  readonly badShare: Ratio;
  /** The most that good ones are known to have. */
  readonly goodShare: Ratio;
  /** How many times more requests it may get before the release ends. */
  readonly growth: number;
}

/** Settings with what they are expected to do. */
export interface ComputedSettings {
  readonly settings: TunedSettings;
  /** Until a caller has ejected a bad pod, as the mean over the requests. */
  readonly ejectedAfter: Milliseconds;
  /** How often a day good pods of both versions are ejected by chance, all callers and pods together. */
  readonly falsePerDay: number;
}

const day = 86_400;
/** Good pods are ejected by chance less often a day than this. */
const mostFalsePerDay = 1;
/** Within this time, in seconds, at least half of the bad requests must be kept from a bad pod, or tuning helps too little. */
const horizon = 30;
const leastProtected: Ratio = 0.5;
/**
 * Longer than releases last: proxies eject a pod at the same time, so they would also let it in again at the same time, and
 * each would fail some requests on it. What ends it is that the settings of before come back.
 */
export const forTheRest = "1h";

/**
 * The requests until `inARow` errors came one after the other, in expectation, where each fails with a chance of `share`:
 * (1 − p^N) / (p^N (1 − p)) (W. Feller, "An Introduction to Probability Theory and Its Applications", vol. 1, XIII.7).
 */
export function expectedRequests(share: Ratio, inARow: number): number {
  if (share >= 1) return inARow;
  const all = share ** inARow;
  return all === 0 ? Infinity : (1 - all) / (all * (1 - share));
}

/** How often a day good pods of a version are ejected by chance: by any caller, any of them. */
export function falseEjectionsPerDay(
  { callers, pods, bad, goodShare, growth }: Omit<Rates, "badShare">,
  inARow: number,
): number {
  const requests = callers.reduce((sum, rate) => sum + rate, 0) * growth * day * ((pods - bad) / pods);
  return requests === 0 ? 0 : requests / expectedRequests(goodShare, inARow);
}

/** The share of the requests to bad pods within 30 s that come after the ejection; each caller's in proportion to its requests. */
export function protectedShare({ callers, pods, badShare }: Rates, inARow: number): Ratio {
  const needed = expectedRequests(badShare, inARow);
  return meanOver(callers, (rate) => Math.max(0, 1 - needed / (rate / pods) / horizon));
}

/**
 * As few errors in a row as keep good pods of both versions from being ejected by chance, and no fewer; the share of pods
 * that lets the bad ones be ejected, and no larger. A sentence where no such settings would help.
 */
export function computeSettings(
  rates: Rates,
  other: Omit<Rates, "badShare"> | undefined,
  bounds: OutlierBounds,
): ComputedSettings | string {
  const { min, max } = bounds.consecutive5xxErrors;
  const falsePerDay = (count: number) =>
    falseEjectionsPerDay(rates, count) + (other === undefined ? 0 : falseEjectionsPerDay(other, count));
  const candidates = Array.from({ length: max - min + 1 }, (_, index) => min + index);
  const inARow = candidates.find((count) => falsePerDay(count) < mostFalsePerDay);
  if (inARow === undefined)
    return `even ${max} errors in a row would eject a good pod by chance ${falsePerDay(max).toPrecision(2)} times a day`;
  if (protectedShare(rates, inARow) < leastProtected)
    return `with ${inARow} errors in a row, the fewest that do not eject good pods by chance, less than half of the bad requests of ${horizon} s would be kept from them`;
  const after = meanOver(rates.callers, (rate) => expectedRequests(rates.badShare, inARow) / (rate / rates.pods));
  return {
    settings: {
      consecutive5xxErrors: inARow,
      baseEjectionTime: forTheRest,
      maxEjectionPercent: Math.ceil((100 * rates.bad) / rates.pods),
    },
    ejectedAfter: after * 1_000,
    falsePerDay: falsePerDay(inARow),
  };
}

/** What fits both versions where bad pods were found in one after the other. */
export function joinedSettings(one: TunedSettings, other: TunedSettings): TunedSettings {
  return {
    consecutive5xxErrors: Math.max(one.consecutive5xxErrors, other.consecutive5xxErrors),
    baseEjectionTime: forTheRest,
    maxEjectionPercent: Math.max(one.maxEjectionPercent, other.maxEjectionPercent),
  };
}

/** Never looser than what a team has set itself: 0 is what Istio takes for off, or for not set. */
export function tightened(
  settings: TunedSettings,
  own: { readonly consecutive5xxErrors?: number | undefined; readonly maxEjectionPercent?: number | undefined } = {},
): TunedSettings {
  const inARow = own.consecutive5xxErrors ?? 0;
  return {
    ...settings,
    consecutive5xxErrors: Math.min(settings.consecutive5xxErrors, inARow === 0 ? Infinity : inARow),
    maxEjectionPercent: Math.max(settings.maxEjectionPercent, own.maxEjectionPercent ?? 0),
  };
}

/** The mean of what holds for each caller, weighted by its requests; callers without any do not count. */
function meanOver(callers: readonly number[], value: (rate: number) => number): number {
  const called = callers.filter((rate) => rate > 0);
  const all = called.reduce((sum, rate) => sum + rate, 0);
  return all === 0 ? 0 : called.reduce((sum, rate) => sum + (rate / all) * value(rate), 0);
}
