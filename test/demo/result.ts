// What came out of the demo: the JSON line and the verdict.
import type { PlannedRelease } from "./plan.ts";

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

export function endedAsExpected({ plan, outcome, reason }: ReleaseResult): boolean {
  const { expected } = plan;
  if (outcome !== expected.outcome) return false;
  return outcome === "Promoted" || expected.reasons.includes(reason ?? "");
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
