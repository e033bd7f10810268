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
export function asExpected({ releases, planned }: DemoResult): boolean {
  return releases.length === planned && releases.every(endedAsExpected);
}

export function endedAsExpected(release: ReleaseResult): boolean {
  return shortcomings(release).length === 0;
}

/** How soon a bad version has to be away from all traffic, seconds. */
const ROLLBACK_WITHIN = 30;

/** What a release did otherwise than it should, a sentence each. */
export function shortcomings(release: ReleaseResult): readonly string[] {
  const { plan, outcome, reason } = release;
  const who = `${plan.kind} ${plan.image}`;
  if (outcome !== plan.expected.outcome)
    return [`${who} was to end ${plan.expected.outcome} and ended ${outcome} (${reason ?? "no reason"}).`];
  const found = outcome === "Promoted" ? shortOfPromotion(release) : shortOfRollback(release);
  return found.map((text) => `${who} ${text}.`);
}

function shortOfPromotion({ plan, weights, failedRequests, podsRestarted }: ReleaseResult): readonly string[] {
  const mayFail = plan.kind === "bad";
  return [
    ...(weights.join() === STEPS.join()
      ? []
      : [`went through the weights ${weights.join(", ")} instead of ${STEPS.join(", ")}`]),
    ...(failedRequests === 0 || mayFail ? [] : [`failed ${failedRequests} requests`]),
    ...(podsRestarted === 0 ? [] : [`restarted ${podsRestarted} pods`]),
  ];
}

function shortOfRollback({ plan, reason, weights, seconds }: ReleaseResult): readonly string[] {
  const { reasons } = plan.expected;
  return [
    ...(reasons.includes(reason ?? "")
      ? []
      : [`was rolled back for ${reason ?? "no reason"} instead of ${reasons.join(" or ")}`]),
    ...(highest(weights) <= (STEPS[0] ?? 0) ? [] : [`got ${highest(weights)} % before it was rolled back`]),
    ...(seconds <= ROLLBACK_WITHIN ? [] : [`had traffic for ${seconds} s; it may have ${ROLLBACK_WITHIN} s`]),
  ];
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
