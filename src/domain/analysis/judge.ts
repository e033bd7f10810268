import type { Ratio } from "../../api/instant.ts";
import { claimsOf, largestShare, type Claim, type EvidenceByMetric } from "./bets.ts";
import { limitsOf, type Criteria, type Limit, type Totals } from "./criteria.ts";
import { evidenceBelow, upperBound } from "./exclusion.ts";
import { describe, type Finding } from "./sentence.ts";

export interface JudgeInput {
  readonly criteria: Criteria;
  readonly evidence: EvidenceByMetric;
  /** Since the step began. */
  readonly step: Totals;
  /** Blocks with requests of the canary since the step began. */
  readonly blocks: number;
  /** Since the release began. */
  readonly release: Totals;
  /** Whether stable has weight: only then can the two be compared. */
  readonly stableServes: boolean;
}

export interface Judgement {
  readonly verdict: "Pass" | "Fail" | "Undecided";
  readonly failed?: Limit["reason"] | "CanaryHangs" | "RequestsLost" | "CheckFailed";
  /** The limit that the canary is over, whether or not stable is too, and the counts that show it. */
  readonly over?: { readonly limit: Limit; readonly evidence: string };
  /** The evidence, for people. */
  readonly sentence: string;
  /** The canary is over a limit, and stable is too: whatever it is, both have it. */
  readonly isShared: boolean;
  /** The step has had too few requests to go on, or had them in too few blocks, however good they were. */
  readonly isTooFew: boolean;
  /** Nothing makes it likely that the canary is over a limit, however few requests there are. */
  readonly nothingAgainst: boolean;
}

/** Fewer bad requests than this never end a release: one or two may be chance at any rate. */
const leastBad = 3;
/** The largest chance of going on with a canary whose bad share is `ruledOut` times its limit. */
const beta = 0.05;
const ruledOut = 3;
/** So many blocks show more than a moment. */
const leastBlocks = 6;
/** Evidence that a canary within its limits shows with a chance of 5 % at most: enough to be suspicious. */
const suspicious = 20;

/**
 * What the requests of a release say about its canary, whenever one looks.
 *
 * Fail: for one limit the wealth of bets against "the canary is within it" has reached 1/α, and where stable serves too
 * and is compared with, also that of bets against "the canary is no worse than stable"; at least 3 requests were bad.
 * Pass: for every limit "three times the limit" is ruled out by the step's requests at β, the wealth against it is less
 * than it began with, and six blocks had requests.
 */
export function judge(input: JudgeInput): Judgement {
  const findings = limitsOf(input.criteria).map((limit) => find(limit, input));
  const failed = findings.find(({ kind }) => kind === "TooHigh");
  const shared = findings.find(({ kind }) => kind === "Shared");
  const isEmpty = input.step.canary.requests === 0;
  const isPassed = !isEmpty && input.blocks >= leastBlocks && findings.every(({ kind }) => kind === "Within");
  const judgement = {
    isShared: failed === undefined && shared !== undefined,
    isTooFew: input.blocks < leastBlocks || findings.some(({ isTooFew }) => isTooFew),
    nothingAgainst: findings.every(({ isSuspect }) => !isSuspect),
  };
  const worst = failed ?? shared;
  if (worst !== undefined) {
    const [{ limit }, evidence] = [worst, describe([worst], input)];
    const over = { limit, evidence };
    if (worst === failed) return { ...judgement, verdict: "Fail", failed: limit.reason, over, sentence: evidence };
    return { ...judgement, verdict: "Undecided", over, sentence: `${evidence}: stable is no better` };
  }
  if (isEmpty) return { ...judgement, verdict: "Undecided", sentence: "no canary requests in this step yet" };
  return { ...judgement, verdict: isPassed ? "Pass" : "Undecided", sentence: describe(findings, input) };
}

type Claims = readonly [Claim, ...Claim[]];

/** What was found about one of the limits. */
export function find(limit: Limit, input: JudgeInput): Finding {
  const { criteria, step, release } = input;
  const isCompared = comparesWithStable(limit, input);
  const claims = claimsThatCount(limit, input);
  const share = largestShare({ limit, criteria }, release);
  const excludes = (bad: number) => isRuledOut(share, bad, limit.totalOf(step.canary));
  return {
    limit,
    kind: kindOf(limit, input, claims, excludes(limit.maybeBad(step.canary))),
    isSuspect: claims.every(({ wealth, needed }) => wealth >= Math.min(suspicious, needed)),
    isTooFew: !excludes(0),
    tooMuch: shareToRuleOut(share),
    claims,
    isCompared,
  };
}

function kindOf(limit: Limit, { release }: JudgeInput, claims: Claims, isRuledOut: boolean): Finding["kind"] {
  const [first] = claims;
  const isReached = ({ wealth, needed }: Claim) => wealth >= needed;
  if (limit.surelyBad(release.canary) >= leastBad && isReached(first))
    return claims.every(isReached) ? "TooHigh" : "Shared";
  // Being a little worse than stable within the limit keeps nobody from going on.
  return isRuledOut && first.wealth < 1 ? "Within" : "Open";
}

function comparesWithStable(limit: Limit, { criteria, stableServes, release }: JudgeInput): boolean {
  return criteria.compareWith !== "limit" && stableServes && limit.totalOf(release.stable) > 0;
}

/** What a rollback needs all of: where stable alone counts, being worse than it, as long as it serves. */
function claimsThatCount(limit: Limit, input: JudgeInput): Claims {
  const claims = claimsOf(limit, input.evidence, input.criteria);
  if (!comparesWithStable(limit, input)) return [claims.limit];
  return input.criteria.compareWith === "stable" ? [claims.stable] : [claims.limit, claims.stable];
}

/** Whether so many requests, of which so many were bad, rule out a share that is too much for this limit. */
export function isRuledOut(limit: Ratio, bad: number, requests: number): boolean {
  return evidenceBelow(bad, requests, shareToRuleOut(limit)) >= 1 / beta;
}

/** The largest share of bad ones that so many requests do not rule out: with a chance of 95 % it is no more, ever. */
export function atMost(bad: number, requests: number): Ratio {
  return upperBound(bad, requests, beta);
}

/** Three times the limit, but no more than half of all requests; halfway to all of them for a limit that is near that. */
export function shareToRuleOut(share: Ratio): Ratio {
  return Math.min(ruledOut * share, share < 0.4 ? 0.5 : (1 + share) / 2);
}
