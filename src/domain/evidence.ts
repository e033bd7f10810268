import {
  parseInstant,
  parsePercentage,
  renderInstant,
  type Instant,
  type Milliseconds,
  type Ratio,
} from "../api/instant.ts";
import type { Release } from "../api/rollout-status.ts";
import type { RolloutSpec } from "../api/rollout-spec.ts";
import { withBlock } from "./analysis/bets.ts";
import { addTotals, closeBlocks, enoughFor, expectedEnd, noTotals, type Block, type Pace } from "./analysis/blocks.ts";
import { withResults } from "./analysis/checks.ts";
import { clusterSizeIn } from "./analysis/clusters.ts";
import type { Criteria } from "./analysis/criteria.ts";
import { atNextStep, nothingHangs, withBlock as withHanging } from "./analysis/hanging.ts";
import { nothingLost, withBlock as withLost } from "./analysis/lost.ts";
import type { Counted, Measurement, Observation } from "./observation.ts";
import { conditionOf } from "./standing.ts";
import { whetherCalm } from "./stepped-back.ts";
import { weightOf } from "./steps.ts";
import { criteriaOf, judgeRelease } from "./verdict.ts";

type Analysis = NonNullable<Release["analysis"]>;

/** Counting begins: at the first weight of a release. */
export function freshAnalysis(observation: Observation): Analysis {
  return { watermark: renderInstant(observation.now), step: noTotals, blocks: 0, release: noTotals, evidence: {} };
}

/** The step's counts begin; what speaks against the canary stays. */
export function freshStep(analysis: Analysis): Analysis {
  return { ...analysis, step: noTotals, blocks: 0, hanging: atNextStep(analysis.hanging ?? nothingHangs) };
}

/**
 * The observation with its measurement counted in, block by block. A measurement begins at the watermark in the stored
 * status, which is where the last block ended: the same requests are never counted twice, whether or not the counts of
 * the last reconcile were stored, and a new operator counts the same blocks.
 */
export function withMeasurement(observation: Observation): Observation {
  const { rollout, measurement } = observation;
  const { spec } = rollout;
  const release = rollout.status.release;
  if (release?.analysis === undefined || measurement === undefined || spec === undefined) return observation;
  const checks = measurement.kind === "Counts" ? measurement.checks : undefined;
  const begun = withCheckResults(beginning(release.analysis, measurement, observation), spec, observation.now, checks);
  const criteria = criteriaOf(spec, begun);
  const blocks = blocksOf(measurement, criteria);
  const counted = blocks.reduce(
    (analysis, block) => withCounts(analysis, block, { criteria, observation, release }),
    begun,
  );
  const { verdict, sentence, isShared } = judgeRelease(spec, { ...release, analysis: counted });
  const sharedSince = isShared ? (counted.sharedSince ?? renderInstant(observation.now)) : undefined;
  // Without a verdict the watermark is a moment of the operator's clock: it stays one until something was counted.
  const said = measurement.kind === "Counts" ? { verdict, judgement: sentence } : {};
  const analysis: Analysis = { ...counted, ...said, sharedSince };
  const steppedBack = release.steppedBack && blocks.reduce(whetherCalm(criteria), release.steppedBack);
  const known: Release = { ...withoutOutage(release, measurement, observation.now), analysis, steppedBack };
  return { ...observation, rollout: { ...rollout, status: { ...rollout.status, release: known } } };
}

/** Time in which nothing could be known of the canary is no part of a step or of a bake: both end that much later. */
function withoutOutage(release: Release, measurement: Measurement, now: Instant): Release {
  const { analysis, stepStartedAt, bakingSince } = release;
  if (analysis?.noDataSince === undefined || measurement.kind !== "Counts") return release;
  const since = parseInstant(analysis.noDataSince);
  const later = (at: string | undefined) =>
    at && renderInstant(parseInstant(at) + now - Math.max(since, parseInstant(at)));
  return { ...release, stepStartedAt: later(stepStartedAt), bakingSince: later(bakingSince) };
}

function blocksOf(measurement: Measurement, { errorLimit }: Pick<Criteria, "errorLimit">): readonly Block[] {
  return measurement.kind === "Counts" ? closeBlocks(measurement.ticks, paceOf(measurement, errorLimit)) : [];
}

function paceOf({ since, interval }: Counted, errorLimit: Ratio): Pace {
  return { since, interval, enough: enoughFor(errorLimit) };
}

/** How long until there can be evidence that was not in this measurement; undefined where that is not known. */
export function untilMoreEvidence(spec: RolloutSpec, measurement: Measurement): Milliseconds | undefined {
  if (measurement.kind !== "Counts" || measurement.due === undefined) return undefined;
  const { ticks, until, due } = measurement;
  const pace = paceOf(measurement, parsePercentage(spec.analysis.errorRate.max));
  const guess = Math.min(furthestGuess, expectedEnd(ticks, pace, until) - until);
  return Math.max(0, due - until, guess);
}

/** Requests may come faster than they did: where samples come all the time, nobody waits longer for a guess. */
const furthestGuess: Milliseconds = 400;

function withCheckResults(
  analysis: Analysis,
  spec: RolloutSpec,
  now: Instant,
  results: Counted["checks"] = [],
): Analysis {
  if (results.length === 0) return analysis;
  return { ...analysis, checks: withResults(analysis.checks ?? [], results, spec.analysis.metrics, now) };
}

function beginning(analysis: Analysis, measurement: Measurement, { now }: Observation): Analysis {
  if (measurement.kind !== "Counts") return { ...analysis, noDataSince: analysis.noDataSince ?? renderInstant(now) };
  const { since, interval, before, boundaries } = measurement;
  // From now on the watermark is a moment of Prometheus's clock.
  const begun: Analysis = {
    ...analysis,
    watermark: renderInstant(since),
    noDataSince: undefined,
    ...(boundaries === undefined ? {} : { boundaries: [...boundaries] }),
  };
  if (before === undefined) return begun;
  const [first] = before;
  const pace = { since: first?.at ?? since, interval, enough: Infinity };
  return { ...begun, clusterSize: clusterSizeIn(closeBlocks(before, pace)) };
}

/** What spoke against the canary's limits is forgotten, which can only keep from a rollback; whether it is worse stays. */
export function withoutClaims(analysis: Analysis): Analysis {
  const { errors, latency, metrics } = analysis.evidence ?? {};
  const kept = (evidence: typeof errors) =>
    evidence && { stable: evidence.stable, ...(evidence.neighbours && { neighbours: evidence.neighbours }) };
  const own = metrics?.map(({ name, stable }) => ({ name, stable }));
  const evidence = { errors: kept(errors), latency: kept(latency), ...(own && { metrics: own }) };
  return { ...freshStep(analysis), sharedSince: undefined, evidence, lost: undefined };
}

/** The step begins anew, and what spoke against the canary's errors is forgotten. */
export function withoutErrors(analysis: Analysis): Analysis {
  const evidence = { ...analysis.evidence, errors: undefined };
  return { ...analysis, step: noTotals, blocks: 0, sharedSince: undefined, evidence };
}

/** In what requests are counted. */
interface Counting {
  readonly criteria: Criteria;
  readonly observation: Observation;
  readonly release: Release;
}

function withCounts(analysis: Analysis, block: Block, counting: Counting): Analysis {
  const { criteria, release, observation } = counting;
  const evidence = withBlock(analysis.evidence ?? {}, block, criteria, analysis.release);
  // Errors of pods that proxies are about to eject say nothing of the others; how slow answers are does.
  const step = isBeforeEjection(block, observation)
    ? { evidence: { ...evidence, errors: analysis.evidence?.errors } }
    : {
        evidence,
        step: addTotals(analysis.step, block),
        blocks: (analysis.blocks ?? 0) + (block.canary.requests > 0 ? 1 : 0),
      };
  return {
    ...analysis,
    ...step,
    watermark: renderInstant(block.until),
    release: addTotals(analysis.release, block),
    hanging: withHanging(analysis.hanging ?? nothingHangs, block, shareSeenIn(block, counting)),
    lost: withLost(analysis.lost ?? nothingLost, block, {
      weight: weightOf(release),
      errorLimit: criteria.errorLimit,
      usual: release.usual,
    }),
  };
}

function isBeforeEjection({ until, length }: Block, { rollout }: Observation): boolean {
  const { ejectedBy } = rollout.status.outlierDetection ?? {};
  return ejectedBy !== undefined && until - length < parseInstant(ejectedBy);
}

/** Two blocks: what was under way when the traffic moved has ended by then. */
const settling = 10_000;

/** The weight that the requests of a block should show; undefined where they may show another. */
function shareSeenIn({ until, length }: Block, { observation, release }: Counting): number | undefined {
  const { rollout, seenAt } = observation;
  const { stepStartedAt } = release;
  const weight = weightOf(release);
  if (weight === 0 || weight === 100 || stepStartedAt === undefined) return undefined;
  // While somebody else's routes are there, or nobody looked, the canary's share is anything.
  if (seenAt?.steady === undefined) return undefined;
  // A step may have begun without its traffic having been seen: a person asked for it, or there was too little.
  if (conditionOf(rollout.status, "TrafficShifted")?.status !== "True") return undefined;
  return until - length >= Math.max(parseInstant(stepStartedAt), seenAt.steady) + settling ? weight : undefined;
}

/** Why there is no verdict. */
export interface MissingData {
  readonly since: Instant;
  readonly message: string;
  readonly reason: MissingReason;
}

export type MissingReason = "MetricsUnavailable" | "TooManySeries";

/** Whether fresh data are missing now, and since when. */
export function missingData(observation: Observation): MissingData | undefined {
  const { measurement, rollout } = observation;
  const since = rollout.status.release?.analysis?.noDataSince;
  if (measurement === undefined || measurement.kind === "Counts" || since === undefined) return undefined;
  const isTooMuch = measurement.kind === "NoData" && measurement.isTooMuch === true;
  return {
    since: parseInstant(since),
    message: measurement.message,
    reason: isTooMuch ? "TooManySeries" : "MetricsUnavailable",
  };
}
