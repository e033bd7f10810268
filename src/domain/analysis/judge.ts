import { renderDuration, renderRatio } from "../../api/instant.ts";
import type { Milliseconds, Ratio } from "../../api/instant.ts";
import type { Counts } from "../../api/rollout-status.ts";
import { binomialLowerTail, binomialUpperTail, hypergeometricUpperTail } from "./binomial.ts";

/** What a canary must keep to. */
export interface Criteria {
  /** The largest share of failed requests. */
  readonly errorLimit: Ratio;
  /** `quantile` of the requests take no longer than `max`. */
  readonly latency?: { readonly quantile: number; readonly max: Milliseconds };
  readonly compareWith: "limit" | "limit-and-stable";
}

/** Requests of both versions over the same time. */
export interface Totals {
  readonly stable: Counts;
  readonly canary: Counts;
}

export interface JudgeInput {
  readonly criteria: Criteria;
  /** Since the step began. */
  readonly step: Totals;
  /** Since the release began. */
  readonly release: Totals;
  /** Whether stable has weight: only then can the two be compared. */
  readonly stableServes: boolean;
}

export interface Judgement {
  readonly verdict: "Pass" | "Fail" | "Undecided";
  readonly failed?: "ErrorRateTooHigh" | "LatencyTooHigh";
  /** The evidence, for people. */
  readonly sentence: string;
  /** The step has had enough requests to go on; the same as the verdict Pass. */
  readonly enough: boolean;
  /** Nothing makes it likely that the canary is over a limit, however few requests there are. */
  readonly nothingAgainst: boolean;
}

/** Fewer bad requests than this never end a release: one or two may be chance at any rate. */
const leastBad = 3;
/** One-sided error of the test against a limit at one look; docs/reference/plain-judge.md has what looking often costs. */
const failLevel = 0.001;
/** One-sided error of the test against stable. */
const worseLevel = 0.01;
/** One-sided error of going on with a canary that is `ruledOut` times over its limit. */
const passLevel = 0.05;
const ruledOut = 3;
/** From this one-sided level on, bad requests are evidence against the canary. */
const suspicionLevel = 0.05;
/** A canary is not suspected for what stable has as well, unless chance makes it so much worse less often than this. */
const noWorseLevel = 0.1;

/** One limited share: which requests are bad, for a rollback and for going on, and how to say so. */
interface Limit {
  readonly reason: "ErrorRateTooHigh" | "LatencyTooHigh";
  readonly share: Ratio;
  readonly surelyBad: (counts: Counts) => number;
  readonly maybeBad: (counts: Counts) => number;
  /** What bad requests did. */
  readonly did: string;
}

/** The counts that a test looks at, and whether stable's are among what it looks at. */
interface Scope {
  readonly totals: Totals;
  readonly compared: boolean;
}

/**
 * What the counts of a release say about its canary.
 *
 * Fail: in the step or in the whole release at least 3 requests were bad and the exact one-sided 99.9 % lower bound of
 * Clopper and Pearson ("The use of confidence or fiducial limits illustrated in the case of the binomial",
 * Biometrika 26, 1934) is above the limit; where stable is compared with, also Fisher's exact test finds the canary
 * worse than stable at 1 %. Pass: the exact 95 % upper bound of the step's bad share is below three times the limit
 * for every limit, and nothing speaks against the canary.
 */
export function judge(input: JudgeInput): Judgement {
  const limits = limitsOf(input.criteria);
  const scopes = scopesOf(input);
  const findings = limits.flatMap((limit) => scopes.map((scope) => ({ limit, scope, finding: find(limit, scope) })));
  const failed = findings.find(({ finding }) => finding === "TooHigh");
  const shared = findings.find(({ finding }) => finding === "AsStable");
  const nothingAgainst = !limits.some((limit) => isSuspect(limit, scopes));
  const evidence = limits.every((limit) => isWithin(limit, input.step.canary));
  if (failed !== undefined) {
    const sentence = describe(failed.limit, failed.scope);
    return { verdict: "Fail", failed: failed.limit.reason, sentence, enough: false, nothingAgainst: false };
  }
  if (input.step.canary.requests === 0) {
    return { verdict: "Undecided", sentence: "no canary requests in this step yet", enough: false, nothingAgainst };
  }
  const sentence = limits.map((limit) => describe(limit, scopes[0])).join("; ");
  if (evidence && nothingAgainst) return { verdict: "Pass", sentence, enough: true, nothingAgainst };
  const why =
    shared === undefined
      ? undecided(sentence, evidence)
      : `${describe(shared.limit, shared.scope)}: stable is no better`;
  return { verdict: "Undecided", sentence: why, enough: false, nothingAgainst };
}

function undecided(sentence: string, evidence: boolean): string {
  const why = evidence
    ? "not enough against the canary for a rollback, too much to go on"
    : "too few requests for a verdict";
  return `${sentence}: ${why}`;
}

function scopesOf({ criteria, step, release, stableServes }: JudgeInput): readonly [Scope, Scope] {
  const compared = criteria.compareWith === "limit-and-stable";
  return [
    { totals: step, compared: compared && stableServes && step.stable.requests > 0 },
    // What stable went through earlier in the release counts even when it serves no longer.
    { totals: release, compared: compared && release.stable.requests > 0 },
  ];
}

function limitsOf({ errorLimit, latency }: Criteria): readonly Limit[] {
  const errors: Limit = {
    reason: "ErrorRateTooHigh",
    share: errorLimit,
    surelyBad: ({ errors }) => errors,
    maybeBad: ({ errors }) => errors,
    did: "failed",
  };
  if (latency === undefined) return [errors];
  const slow: Limit = {
    reason: "LatencyTooHigh",
    // 1 - 0.99 is 0.010000000000000009, and people read the number.
    share: Number((1 - latency.quantile).toPrecision(12)),
    surelyBad: (counts) => Math.min(counts.slow, counts.requests),
    maybeBad: (counts) => Math.min(counts.slowOrClose, counts.requests),
    did: `took longer than ${renderDuration(latency.max)}`,
  };
  return [errors, slow];
}

/** Whether bad requests make it likely that the canary is over the limit. */
function isSuspect(limit: Limit, [step, release]: readonly [Scope, Scope]): boolean {
  if (isAbove(limit, step, suspicionLevel)) return true;
  // What both versions went through in an earlier step is over; it says nothing against this one.
  return (
    isAbove(limit, release, suspicionLevel) &&
    (!release.compared || chanceAsStable(limit, release.totals) < noWorseLevel)
  );
}

function find(limit: Limit, scope: Scope): "TooHigh" | "AsStable" | "Nothing" {
  if (limit.surelyBad(scope.totals.canary) < leastBad || !isAbove(limit, scope, failLevel)) return "Nothing";
  return !scope.compared || chanceAsStable(limit, scope.totals) < worseLevel ? "TooHigh" : "AsStable";
}

/** How likely so many of all bad requests are the canary's, if the two versions do not differ. */
function chanceAsStable(limit: Limit, { stable, canary }: Totals): number {
  const bad = limit.surelyBad(canary);
  return hypergeometricUpperTail(
    bad,
    canary.requests,
    bad + limit.surelyBad(stable),
    canary.requests + stable.requests,
  );
}

/** Whether the exact lower bound at `level` is above the limit: the same as this tail being below the level. */
function isAbove(limit: Limit, { totals: { canary } }: Scope, level: number): boolean {
  return binomialUpperTail(limit.surelyBad(canary), canary.requests, limit.share) < level;
}

/** Whether the exact upper bound is below three times the limit; halfway to 100 % where that is nearer. */
function isWithin(limit: Limit, canary: Counts): boolean {
  const tooMuch = Math.min(ruledOut * limit.share, (1 + limit.share) / 2);
  return canary.requests > 0 && binomialLowerTail(limit.maybeBad(canary), canary.requests, tooMuch) < passLevel;
}

function describe(limit: Limit, { totals: { stable, canary }, compared }: Scope): string {
  const of = compared ? `, stable ${badOf(limit, stable)} of ${count(stable.requests)}` : "";
  return `${badOf(limit, canary)} of ${count(canary.requests)} canary requests ${limit.did} (limit ${renderRatio(limit.share)}${of})`;
}

/** A share, or from where to where when the limit lies between two boundaries of the histogram. */
function badOf(limit: Limit, counts: Counts): string {
  const surely = renderRatio(limit.surelyBad(counts) / counts.requests);
  const maybe = renderRatio(limit.maybeBad(counts) / counts.requests);
  return surely === maybe ? surely : `${surely} to ${maybe}`;
}

function count(requests: number): string {
  return Math.round(requests).toLocaleString("en-US");
}
