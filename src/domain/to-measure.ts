import type { Milliseconds, Ratio } from "../api/instant.ts";
import type { RolloutSpec } from "../api/rollout-spec.ts";
import type { Release } from "../api/rollout-status.ts";
import { usualSpan } from "./analysis/usual.ts";

/** Whether it matters where traffic goes: until it was seen to have moved, and wherever callers are to have left a version. */
export function looksForTraffic({ stepStartedAt, bakingSince, decision }: Release): boolean {
  return stepStartedAt === undefined || bakingSince !== undefined || decision !== undefined;
}

/** What a release learns from stable before it judges. */
export interface LearnedFromStable {
  /** How errors come, from this long before the release. */
  readonly lookBack: Milliseconds | undefined;
  /** The boundary that so many of stable's requests kept to. */
  readonly usualQuantile: Ratio | undefined;
}

/** What is learned from stable at the first measurement. */
export function beforeTheRelease(
  { analysis: { sensitivity, compareWith, latency } }: RolloutSpec,
  isFirst: boolean,
): LearnedFromStable {
  return {
    lookBack: isFirst && sensitivity === "fast" ? usualSpan : undefined,
    usualQuantile: isFirst && compareWith === "stable" ? latency?.quantile : undefined,
  };
}
