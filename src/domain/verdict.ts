import { parseDuration, parseInstant, parsePercentage, renderDuration, type Milliseconds } from "../api/instant.ts";
import type { Release } from "../api/rollout-status.ts";
import type { RolloutSpec } from "../api/rollout-spec.ts";
import { noTotals } from "./analysis/blocks.ts";
import { findingsOf } from "./analysis/checks.ts";
import type { Criteria } from "./analysis/criteria.ts";
import { hangs, nothingHangs } from "./analysis/hanging.ts";
import { judge, type Judgement } from "./analysis/judge.ts";
import { losesRequests, nothingLost } from "./analysis/lost.ts";
import { hasFallen, roughly, type Usual } from "./analysis/usual.ts";
import { weightOf } from "./steps.ts";

/** What the counts of a release say; with no counts yet, nothing. */
export function judgeRelease(spec: RolloutSpec, release: Release): Judgement {
  const { step, blocks, evidence, release: all } = release.analysis ?? { step: noTotals, blocks: 0, release: noTotals };
  const weight = weightOf(release);
  const judgement = judge({
    criteria: criteriaOf(spec, release.analysis),
    evidence: evidence ?? {},
    step,
    blocks: blocks ?? 0,
    release: all,
    stableServes: weight < 100,
  });
  if (judgement.verdict === "Fail") return judgement;
  const unanswered = whyUnanswered(release, weight);
  if (unanswered !== undefined) return { ...judgement, verdict: "Fail", ...unanswered };
  return withChecks(withFall(judgement, release, weight), spec, release);
}

/** What is wrong with requests that were not answered at all. */
function whyUnanswered(
  { analysis, usual }: Release,
  weight: number,
): Required<Pick<Judgement, "failed" | "sentence">> | undefined {
  const how = hangs(analysis?.hanging ?? nothingHangs, weight);
  if (how !== undefined) return { failed: "CanaryHangs", sentence: `requests to the canary do not end: ${how}` };
  const lost = losesRequests(analysis?.lost ?? nothingLost, usual);
  return lost === undefined ? undefined : { failed: "RequestsLost", sentence: lost };
}

/** Traffic that stops when a canary gets its share of it is not the silence of the night: callers may wait for it. */
function withFall(judgement: Judgement, { analysis, usual, stepStartedAt }: Release, weight: number): Judgement {
  if (analysis === undefined || stepStartedAt === undefined || weight === 0) return judgement;
  const { stable, canary } = analysis.step;
  const length = parseInstant(analysis.watermark) - parseInstant(stepStartedAt);
  if (canary.requests > 0 || usual === undefined || !hasFallen(usual, stable.requests, length)) return judgement;
  const sentence = `${judgement.sentence}; ${fallen(usual, stable.requests, length)}: it may hang`;
  return { ...judgement, nothingAgainst: false, sentence };
}

/**
 * Why a canary hangs that was never seen to end a request, although enough of stable's did; undefined where it need not.
 * Routes that do not reach it look the same, but then as many requests end as before.
 */
export function hangsFromTheFirst({ analysis, usual }: Release, stable: number, length: Milliseconds) {
  if (analysis === undefined || usual === undefined || analysis.release.canary.requests > 0) return undefined;
  if (!hasFallen(usual, stable, length)) return undefined;
  return `requests to the canary do not end: none did, and ${fallen(usual, stable, length)}`;
}

function fallen(usual: Usual, requests: number, length: Milliseconds): string {
  const per = (count: number, over: Milliseconds) => Number(((1_000 * count) / over).toPrecision(2));
  return `callers made ${per(requests, length)} requests/s since the canary got its share, and ${per(usual.requests, usual.length)} in the ${renderDuration(roughly(usual.length))} before`;
}

/** The judgement with what point checks say: one that failed too often ends the release, one that is open keeps it. */
function withChecks(judgement: Judgement, spec: RolloutSpec, { analysis, stepStartedAt }: Release): Judgement {
  const since = stepStartedAt === undefined ? undefined : parseInstant(stepStartedAt);
  const findings = findingsOf(spec.analysis.metrics, analysis?.checks ?? [], since);
  if (findings.length === 0) return judgement;
  const failed = findings.find(({ kind }) => kind === "Failed");
  if (failed !== undefined) return { ...judgement, verdict: "Fail", failed: "CheckFailed", sentence: failed.sentence };
  const open = findings.filter(({ kind }) => kind === "Open");
  const sentence = [judgement.sentence, ...findings.map((finding) => finding.sentence)].join("; ");
  if (open.length === 0) return { ...judgement, sentence };
  return {
    ...judgement,
    verdict: "Undecided",
    isTooFew: judgement.isTooFew || open.some(({ hasNoValue }) => hasNoValue),
    nothingAgainst: judgement.nothingAgainst && open.every(({ hasNoValue }) => hasNoValue),
    sentence,
  };
}

/** What a canary must keep to, with what is known of its release. */
export function criteriaOf({ analysis }: RolloutSpec, known: Release["analysis"]): Criteria {
  const { latency, errorRate, metrics, compareWith, burstTolerance, sensitivity } = analysis;
  return {
    errorLimit: parsePercentage(errorRate.max),
    ratios: metrics.flatMap(({ name, ratio }) =>
      ratio === undefined ? [] : [{ name, max: parsePercentage(ratio.max) }],
    ),
    boundaries: compareWith === "stable" ? known?.boundaries : undefined,
    compareWith,
    sensitivity,
    clusterSize: known?.clusterSize,
    burstTolerance: burstTolerance === undefined ? undefined : parseDuration(burstTolerance),
    ...(latency === undefined ? {} : { latency: { quantile: latency.quantile, max: parseDuration(latency.max) } }),
  };
}
