import { parseDuration, parseInstant, type Instant, type Ratio } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import { largestShare } from "../analysis/bets.ts";
import { countedIn } from "../analysis/blocks.ts";
import { limitsOf } from "../analysis/criteria.ts";
import { worth } from "../analysis/wealth.ts";
import { withMeasurement } from "../evidence.ts";
import type { Observation } from "../observation.ts";
import { weightOf } from "../steps.ts";
import { criteriaOf } from "../verdict.ts";
import { evidenceAgainst } from "./concentration.ts";
import { podsOf, totalOf } from "./pods.ts";
import type { ComputedSettings } from "./settings.ts";
import { namesAtMost, ofAll } from "./words.ts";

/** The largest share of errors that a version may have; where only stable is compared with, as much as stable has. */
export function limitOn(spec: RolloutSpec, release: Release): Ratio {
  const criteria = criteriaOf(spec, release.analysis);
  const [limit] = limitsOf(criteria);
  return largestShare({ limit, criteria }, countedIn(release));
}

/** Whether the step is held until proxies had the time to eject the pods. */
export function waitsForEjection({ now, rollout }: Pick<Observation, "now" | "rollout">): boolean {
  const until = rollout.status.outlierDetection?.ejectedBy;
  return until !== undefined && now < parseInstant(until);
}

/**
 * Whether to look at requests pod by pod: where bets against the canary have won anything, where more of stable's requests
 * failed than may, and as long as nothing else can tell how the canary's other pods do.
 */
export function wantsPods(observation: Observation): boolean {
  const { rollout, measurement } = observation;
  const { spec, status } = rollout;
  const { release } = status;
  if (spec === undefined || release?.analysis === undefined || release.decision !== undefined) return false;
  if (spec.outlierDetection.tuning === "Off" || weightOf(release) === 0 || measurement?.kind !== "Counts") return false;
  if (waitsForEjection(observation)) return true;
  const judged = withMeasurement(observation).rollout.status.release;
  return judged?.analysis !== undefined && isSuspicious(judged.analysis, spec, limitOn(spec, judged));
}

const leastErrors = 3;

function isSuspicious(
  { step, evidence }: NonNullable<Release["analysis"]>,
  { analysis: { compareWith } }: RolloutSpec,
  limit: Ratio,
): boolean {
  const { canary, stable } = step;
  const isStable = stable.errors >= leastErrors && stable.errors > limit * stable.requests;
  const claims = evidence?.errors ?? {};
  const against = compareWith === "stable" ? claims.stable : claims.limit;
  return isStable || (canary.errors >= leastErrors && worth(against) > 1);
}

/** The chance of giving up a canary whose other pods are well while its bad ones are being ejected. */
const alpha = 0.01;

/** Why a release whose bad pods are being ejected is to be given up all the same: its other pods fail too. */
export function othersFail({ pods, rollout }: Observation): string | undefined {
  const { spec, status } = rollout;
  const { outlierDetection, release } = status;
  if (spec === undefined || release === undefined || outlierDetection === undefined || pods?.kind !== "Counts")
    return undefined;
  const names = outlierDetection.found.map(({ pod }) => pod);
  const others = podsOf(pods, "canary").filter(({ pod }) => !names.includes(pod));
  const { requests, errors } = totalOf(others);
  const limit = limitOn(spec, release);
  if (errors < leastErrors || evidenceAgainst(others, pods.since, limit, alpha) < 1 / alpha) return undefined;
  return `${ofAll(errors, requests)} to the canary's other pods failed as well (limit ${spec.analysis.errorRate.max}) while ${namesAtMost(names)} were being ejected`;
}

/** Twice the time that ejections are expected to take, and no longer than this. */
const longestWait = 30_000;

/** When proxies should have ejected the pods. */
export function ejectedBy({ now, settings }: Observation, { ejectedAfter }: ComputedSettings): number {
  return now + settings.propagation + Math.min(longestWait, 2 * ejectedAfter);
}

/** No look at pods goes further back. */
const looksBack = parseDuration("2m");

/**
 * From when on requests to pods are counted: from the last change of weights. What proxies send to pods that they are to
 * eject is looked at apart from what they sent before.
 */
export function podsSince(observation: Observation): Instant {
  const { release, outlierDetection } = observation.rollout.status;
  const moved = release?.traffic === undefined ? 0 : parseInstant(release.traffic.routeChangedAt);
  const from = waitsForEjection(observation) && outlierDetection ? parseInstant(outlierDetection.since) : moved;
  return Math.max(from, observation.now - looksBack);
}
