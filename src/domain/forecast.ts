import {
  parseDuration,
  parsePercentage,
  renderDuration,
  renderRatio,
  type Milliseconds,
  type Ratio,
} from "../api/instant.ts";
import type { RolloutSpec } from "../api/rollout-spec.ts";
import { withBlock, type EvidenceByMetric } from "./analysis/bets.ts";
import { addTotals, longestBlock, noCounts, nothing, noTotals } from "./analysis/blocks.ts";
import type { Totals } from "./analysis/criteria.ts";
import { judge, shareToRuleOut, type Judgement } from "./analysis/judge.ts";
import { roughly, usualRate, type Usual } from "./analysis/usual.ts";
import { stepsOf, weightAt } from "./steps.ts";
import { criteriaOf } from "./verdict.ts";

/** What one step of a release will take. */
export interface StepForecast {
  /** From 1. */
  readonly number: number;
  readonly weight: number;
  /** Requests per second of the canary. */
  readonly canaryRate: number;
  /** How long a canary without a failed request takes to pass; undefined: longer than the step may last, or is foreseen. */
  readonly passes: Milliseconds | undefined;
  /** For each share of failed requests, how long until all traffic is sent back; undefined: as for `passes`. */
  readonly finds: readonly { readonly failing: Ratio; readonly after: Milliseconds | undefined }[];
}

export interface ForecastInput {
  /** Requests per second to the Service. */
  readonly rate: number;
  /** Between two scrapes. */
  readonly interval: Milliseconds;
  /** Shares of failed requests to find. */
  readonly failing: readonly Ratio[];
}

/**
 * How long the steps of a release will take, if as many requests fail as are expected to: chance makes it a little
 * sooner or later. What begins to fail later is found later. Measures of the team's own are left out.
 */
export function forecast(spec: RolloutSpec, input: ForecastInput): readonly StepForecast[] {
  const steps = stepsOf(spec);
  return steps.flatMap((step, index) => {
    if (step.weight === undefined) return [];
    const weight = weightAt(steps, index);
    const least = parseDuration(spec.analysis.minStepDuration);
    const passes = timeUntil("Pass", spec, { ...input, weight, failing: 0 });
    const finds = input.failing.map((failing) => ({
      failing,
      after: timeUntil("Fail", spec, { ...input, weight, failing }),
    }));
    const canaryRate = (input.rate * weight) / 100;
    return [{ number: index + 1, weight, canaryRate, passes: passes && Math.max(least, passes), finds }];
  });
}

/** Blocks of a step that are played: the operator does nothing else meanwhile, and a step may last for weeks. */
const mostBlocks = 3_000;

/** How far a step is foreseen: as long as it may last, and not further than 3,000 blocks. */
export function foreseen({ analysis }: RolloutSpec, interval: Milliseconds): Milliseconds {
  return Math.min(parseDuration(analysis.maxStepDuration), mostBlocks * Math.max(longestBlock, interval));
}

interface Play extends Omit<ForecastInput, "failing"> {
  readonly weight: number;
  readonly failing: Ratio;
}

/** Plays one step, block by block. A sample is known half a scrape after its requests, as a rule. */
function timeUntil(verdict: Judgement["verdict"], spec: RolloutSpec, play: Play): Milliseconds | undefined {
  const criteria = { ...criteriaOf(spec, undefined), ratios: [] };
  const length = Math.max(longestBlock, play.interval);
  const block = { ...nothing, ...requestsOf(play, length), length };
  const most = foreseen(spec, play.interval);
  let evidence: EvidenceByMetric = {};
  let totals: Totals = noTotals;
  for (let blocks = 1; blocks * length <= most; blocks += 1) {
    evidence = withBlock(evidence, { ...block, until: blocks * length }, criteria, totals);
    totals = addTotals(totals, block);
    const stableServes = play.weight < 100;
    const judged = judge({ criteria, evidence, step: totals, blocks, release: totals, stableServes });
    if (judged.verdict === verdict) return blocks * length + play.interval / 2;
  }
  return undefined;
}

function requestsOf({ rate, weight, failing }: Play, length: Milliseconds): Totals {
  const canary = (rate * weight * length) / 100_000;
  const stable = (rate * (100 - weight) * length) / 100_000;
  return {
    canary: { ...noCounts, requests: canary, errors: canary * failing },
    stable: { ...noCounts, requests: stable },
  };
}

/** What is said before a release starts, by what came to the Service until then. */
export function foretell(spec: RolloutSpec, usual: Usual): string {
  const failing = shareToRuleOut(parsePercentage(spec.analysis.errorRate.max));
  const steps = forecast(spec, { rate: usualRate(usual), interval: usual.interval, failing: [failing] });
  const most = parseDuration(spec.analysis.maxStepDuration);
  const lasting = steps.map(({ passes }) => passes ?? most);
  const pauses = spec.steps.flatMap(({ pause }) => (pause === undefined ? [] : [pause.duration]));
  const known = pauses.flatMap((duration) => (duration === undefined ? [] : [parseDuration(duration)]));
  const all = [...lasting, ...known, parseDuration(spec.bake)].reduce((sum, each) => sum + each, 0);
  const found = steps[0]?.finds[0]?.after;
  const starved = steps.filter(({ passes }) => passes === undefined);
  return [
    `${Number(usualRate(usual).toPrecision(3))} requests/s came to the Service in the last ${renderDuration(roughly(usual.length))}`,
    `a canary without failed requests is promoted about ${renderDuration(roughly(all))} after it gets traffic${pauses.length > known.length ? ", not counting pauses that a person ends" : ""}`,
    found === undefined
      ? `at step 1 there are too few requests to find one of which ${renderRatio(failing)} fail`
      : `one of which ${renderRatio(failing)} fail is sent back after about ${renderDuration(roughly(found))}`,
    ...(starved.length === 0 ? [] : [starving(starved, spec, usual.interval)]),
  ].join("; ");
}

function starving(steps: readonly StepForecast[], spec: RolloutSpec, interval: Milliseconds): string {
  const numbers = steps.map(({ number }) => number).join(", ");
  const within = renderDuration(foreseen(spec, interval));
  return `${steps.length === 1 ? `step ${numbers} has` : `steps ${numbers} have`} too few requests for a verdict within ${within} (onInsufficientTraffic: ${spec.analysis.onInsufficientTraffic})`;
}
