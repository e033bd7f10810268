import type { Milliseconds } from "../../api/instant.ts";

/**
 * `Shifted`: seen. `Assumed`: too few requests to see it by the deadline. `NotYet`: the deadline has not come.
 * `NotShifted`: enough requests were seen by the deadline, and they did not go where they should.
 */
export type Shift = "Shifted" | "Assumed" | "NotYet" | "NotShifted";

export interface ShiftInput {
  /** The canary's share that was asked for, in percent. */
  readonly weight: number;
  /** Requests since weights were changed. */
  readonly stable: number;
  readonly canary: number;
  /** Since weights were changed, and after which length to stop waiting. */
  readonly elapsed: Milliseconds;
  readonly deadline: Milliseconds;
}

/** Fewer requests than this show nothing. */
const leastRequests = 50;
/**
 * So many requests, none of them at the canary, show at 95 % that less than `leftover` go there: 3/0.005, the rule of
 * three (Hanley, Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 249, 1983).
 */
const conclusive = 600;
/** A canary without weight may have this share of the requests: those that were under way. */
const leftover = 0.005;
/** So many expected requests do not fail to come by chance (e^-10 = 0.00005). */
const neverMissing = 10;

/** Whether a version that should get nothing is called by more than what was under way, of enough requests to tell. */
export function isStillCalled(requests: number, all: number): boolean {
  return all >= leastRequests && requests / all >= leftover;
}

/** Whether traffic goes where it was sent, by what callers report: seen, not assumed. */
export function trafficShift({ weight, stable, canary, elapsed, deadline }: ShiftInput): Shift {
  const all = stable + canary;
  const late = elapsed >= deadline;
  // What was not seen at all is not seen to have moved, however few requests there are.
  const isUnseen = weight > 0 && canary === 0 && (all * weight) / 100 < neverMissing;
  if (all < leastRequests || isUnseen) return late ? "Assumed" : "NotYet";
  if (!isAsAsked(weight / 100, canary, all)) return late ? "NotShifted" : "NotYet";
  // A few callers whose proxies are late are easily missing among the first requests.
  return weight > 0 || all >= conclusive || late ? "Shifted" : "NotYet";
}

function isAsAsked(share: number, canary: number, all: number): boolean {
  if (share <= 0) return canary / all < leftover;
  // At a weight of 1 or 2 % nothing at all would be within two points.
  if (canary === 0 && all * share >= neverMissing) return false;
  const deviation = Math.sqrt((share * (1 - share)) / all);
  const tolerance = Math.max(3 * deviation, share / 5, 0.02);
  return Math.abs(canary / all - share) <= tolerance;
}
