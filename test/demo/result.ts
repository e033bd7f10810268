// What came out of the demo: the JSON line and the verdict.
import { STEPS, type PlannedRelease } from "./plan.ts";

/** Facts about one release, as the load generator and the API server counted them. */
export interface ReleaseResult {
  readonly plan: PlannedRelease;
  readonly outcome: "Promoted" | "RolledBack" | "TimedOut";
  readonly reason: string | undefined;
  /** The canary's weights above 0 as they were stored, in order. */
  readonly weights: readonly number[];
  readonly seconds: number;
  /** Pods of the version that appeared or restarted after all of them had been ready. */
  readonly podsRestarted: number;
  readonly failedRequests: number;
  readonly requests: number;
}

export interface DemoResult {
  readonly releases: readonly ReleaseResult[];
  readonly planned: number;
  readonly provisionedSeconds: number;
}

/** Whether every release was made and ended as it should. */
export function asExpected(result: DemoResult): boolean {
  return disappointments(result).length === 0;
}

/** What was not as it should be, in a sentence each. */
export function disappointments({ releases, planned }: DemoResult): readonly string[] {
  const missing = planned - releases.length;
  return [
    ...releases.flatMap(shortcomings),
    ...(missing === 0 ? [] : [`${missing} of ${planned} releases ${missing === 1 ? "was" : "were"} not made.`]),
  ];
}

export function endedAsExpected(release: ReleaseResult): boolean {
  return shortcomings(release).length === 0;
}

/** How soon a bad version has to be away from all traffic, counted from its first answer. Seconds. */
const ROLLBACK_WITHIN = 30;

function shortcomings(release: ReleaseResult): readonly string[] {
  const { plan, outcome, reason, seconds } = release;
  const who = `The ${plan.kind} version ${plan.image}`;
  if (outcome === "TimedOut") return [`${who} had no outcome after ${seconds} s.`];
  if (outcome !== plan.expected.outcome) {
    const why = reason === undefined ? "" : ` (${reason})`;
    return [`${who} was to be ${plan.expected.outcome} and was ${outcome}${why}.`];
  }
  const found = outcome === "Promoted" ? shortOfPromotion(release) : shortOfRollback(release);
  return found.map((text) => `${who} ${text}.`);
}

function shortOfPromotion({ plan, weights, failedRequests, podsRestarted }: ReleaseResult): readonly string[] {
  // A bad version that is good enough to be promoted may fail as much as its pods were told to.
  const mayFail = plan.kind === "bad";
  return [
    ...(weights.join() === STEPS.join()
      ? []
      : [`went through the weights [${weights.join(", ")}] instead of [${STEPS.join(", ")}]`]),
    ...(failedRequests === 0 || mayFail ? [] : [`failed ${countOf(failedRequests, "request")}`]),
    ...(podsRestarted === 0 ? [] : [`restarted ${countOf(podsRestarted, "pod")}`]),
  ];
}

function shortOfRollback({ plan, reason, weights, seconds }: ReleaseResult): readonly string[] {
  const { reasons } = plan.expected;
  const first = STEPS.slice(0, 1);
  return [
    ...(reasons.includes(reason ?? "")
      ? []
      : [`was rolled back for ${reason ?? "no reason"} instead of ${reasons.join(" or ")}`]),
    ...(weights.join() === first.join()
      ? []
      : [`was rolled back after the weights [${weights.join(", ")}] instead of [${first.join(", ")}]`]),
    ...(seconds <= ROLLBACK_WITHIN ? [] : [`had traffic for ${seconds} s; it may have it for ${ROLLBACK_WITHIN} s`]),
  ];
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** One line; releases in their order, then the provisioning. */
export function jsonLine({ releases, provisionedSeconds }: DemoResult): string {
  const entries = releases.map((release) => [release.plan.key, jsonOf(release)] as const);
  return JSON.stringify({ ...Object.fromEntries(entries), provisioned: { seconds: provisionedSeconds } });
}

function jsonOf({ plan, ...release }: ReleaseResult): object {
  const { outcome, reason, weights, seconds, podsRestarted, failedRequests, requests } = release;
  if (plan.kind === "good") {
    const why = reason === undefined ? {} : { reason };
    return { outcome, ...why, weights, seconds, podsRestarted, failedRequests, requests };
  }
  return { outcome, reason: reason ?? null, atWeight: highest(weights), seconds, failedRequests, requests };
}

export function highest(weights: readonly number[]): number {
  return Math.max(0, ...weights);
}

/** To a tenth of a second, as the figures are printed. */
export function secondsOf(milliseconds: number): number {
  return Math.round(milliseconds / 100) / 10;
}
