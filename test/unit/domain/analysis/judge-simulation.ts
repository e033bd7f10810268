import type { Counts } from "../../../../src/api/rollout-status.ts";
import { judge } from "../../../../src/domain/analysis/judge.ts";
import type { Criteria, Judgement } from "../../../../src/domain/analysis/judge.ts";

/** One release of one step, looked at again and again while counts grow. */
export interface Scenario {
  readonly compareWith: Criteria["compareWith"];
  /** The canary's share of the traffic; at 1 stable does not serve. */
  readonly weight: number;
  /** Canary requests between two looks, and how many looks there are. */
  readonly requestsPerLook: number;
  readonly looks: number;
  /** True shares of failed requests at a look. */
  readonly canaryRate: (look: number) => number;
  readonly stableRate: (look: number) => number;
}

export interface Outcome {
  /** Canary requests until the first Fail, and until the first Pass. */
  readonly failedAfter: number | undefined;
  readonly passedAfter: number | undefined;
}

/** Runs a scenario to its last look; going on is possible but not done, so that there are as many looks as can be. */
export function runScenario(scenario: Scenario, random: () => number): Outcome {
  const { requestsPerLook, looks, weight } = scenario;
  const stableServes = weight < 1;
  const stablePerLook = stableServes ? Math.round((requestsPerLook * (1 - weight)) / weight) : 0;
  let canary = none;
  let stable = none;
  let passedAfter: number | undefined;
  for (let look = 0; look < looks; look += 1) {
    canary = grown(canary, requestsPerLook, scenario.canaryRate(look), random);
    stable = grown(stable, stablePerLook, scenario.stableRate(look), random);
    const { verdict } = judgeNow(scenario, canary, stable, stableServes);
    if (verdict === "Pass") passedAfter ??= canary.requests;
    if (verdict === "Fail") return { failedAfter: canary.requests, passedAfter };
  }
  return { failedAfter: undefined, passedAfter };
}

/** Many releases of the same scenario, always the same ones. */
export function repeat(times: number, scenario: Scenario, seed = 1): readonly Outcome[] {
  const random = seededRandom(seed);
  return Array.from({ length: times }, () => runScenario(scenario, random));
}

/** The share of releases for which something holds. */
export function shareOf(outcomes: readonly Outcome[], holds: (outcome: Outcome) => boolean): number {
  return outcomes.filter(holds).length / outcomes.length;
}

/** The number below which `share` of the numbers are; what did not happen comes last. */
export function quantileOf(numbers: readonly (number | undefined)[], share: number): number {
  const sorted = numbers.map((number) => number ?? Infinity).sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Infinity;
}

const none: Counts = { requests: 0, errors: 0, slow: 0, slowOrClose: 0 };

function grown(counts: Counts, requests: number, rate: number, random: () => number): Counts {
  return { ...counts, requests: counts.requests + requests, errors: counts.errors + binomial(requests, rate, random) };
}

function judgeNow({ compareWith }: Scenario, canary: Counts, stable: Counts, stableServes: boolean): Judgement {
  const totals = { canary, stable };
  return judge({ criteria: { errorLimit: 0.01, compareWith }, step: totals, release: totals, stableServes });
}

/** Successes of independent trials: the gaps between successes are geometric, so rare ones cost little. */
function binomial(trials: number, chance: number, random: () => number): number {
  if (chance <= 0) return 0;
  if (chance >= 1) return trials;
  let successes = -1;
  for (let at = 0; at <= trials; successes += 1) at += 1 + Math.floor(Math.log(1 - random()) / Math.log1p(-chance));
  return successes;
}

/** xorshift32 by G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
