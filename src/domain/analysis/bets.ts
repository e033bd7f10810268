import type { Milliseconds, Ratio } from "../../api/instant.ts";
import type { Block } from "./blocks.ts";
import { limitsOf, slowerThan, type Criteria, type Limit, type Totals } from "./criteria.ts";
import { bet, roundAgainst, worth, type Game, type Wealth } from "./wealth.ts";

/** What speaks against a canary in one limited share. */
export interface Evidence {
  /** Wealth of bets against "the canary is within its limit". */
  readonly limit?: Wealth | undefined;
  /** Wealth of bets against "the canary is no worse than stable at the same time". */
  readonly stable?: Wealth | undefined;
  /** The same by the boundaries of latency below and above the one that stable kept to. */
  readonly neighbours?: Wealth[] | undefined;
}

/** By what is limited. */
export interface EvidenceByMetric {
  readonly errors?: Evidence | undefined;
  readonly latency?: Evidence | undefined;
  /** For ratios of the team's own. */
  readonly metrics?: (Evidence & { readonly name: string })[] | undefined;
}

function evidenceOn({ metric }: Limit, evidence: EvidenceByMetric): Evidence {
  if (typeof metric === "string") return evidence[metric] ?? {};
  return evidence.metrics?.find(({ name }) => name === metric.name) ?? {};
}

/** The largest chance that a release within all its limits is ever rolled back. */
const alpha = 0.01;
/** The same of one that is over a limit, but no worse than stable: an incident that both have. */
const sharedAlpha = 0.1;
/** Where only stable is compared with, a canary may be so much worse before it is held against it. */
const toleratedOdds = 1.5;
/** Of bad requests at one moment, so many may have one cause. */
const clusterSize = 4;

/** Where speed matters more than bursts. */
const fastTolerance: Milliseconds = 3_000;
/** Errors of which nothing is known yet come in pairs at least. */
const leastClusterSize = 2;
/** Nearly all stakes, and most of them at once: shares say less about few requests. */
const fastStakes = { onRequests: 0.9, atOnce: 0.75 };
/** Latency comes in waves: garbage collection, noisy neighbours. */
const latencyTolerance: Milliseconds = 15_000;
const tolerance: Milliseconds = 10_000;
/** Bursts that stable has as well are recognised by comparing, as long as it has enough requests to compare with. */
const comparedTolerance: Milliseconds = 5_000;

/** The wealth of one kind of bet, and how much of it is enough. */
export interface Claim {
  readonly wealth: number;
  readonly needed: number;
}

/** What is needed for a rollback, as what is judged divides the chance of a false one among its limits. */
export function claimsOf(limit: Limit, evidence: EvidenceByMetric, criteria: Criteria) {
  const { limit: against, stable, neighbours } = evidenceOn(limit, evidence);
  return {
    limit: { wealth: worth(against), needed: 1 / alphaEach(criteria) } satisfies Claim,
    stable: { wealth: mixture(stable, neighbours), needed: 1 / alphaBeside(criteria) } satisfies Claim,
  };
}

/**
 * What comparing with stable has come to: half on the boundary itself, a quarter on each beside it, for a mixture of fair
 * bets is one.
 */
export function mixture(stable: Wealth | undefined, neighbours: readonly Wealth[] | undefined): number {
  if (neighbours === undefined) return worth(stable);
  return worth(stable) / 2 + neighbours.reduce((sum, wealth) => sum + worth(wealth) / 4, 0);
}

function alphaEach(criteria: Criteria): number {
  return alpha / limitsOf(criteria).length;
}

function alphaBeside(criteria: Criteria): number {
  return criteria.compareWith === "stable" ? alphaEach(criteria) : sharedAlpha;
}

/** The evidence after one more block. `before` are the requests of the release until then. */
export function withBlock(
  evidence: EvidenceByMetric,
  block: Block,
  criteria: Criteria,
  before: Totals,
): EvidenceByMetric {
  const after = limitsOf(criteria).map((limit) => {
    const { limit: against, stable, neighbours } = evidenceOn(limit, evidence);
    const table: Table = { limit, criteria };
    const next: Evidence = {
      limit: betOnLimit(against, block, table, before),
      ...(criteria.compareWith === "limit" ? {} : { stable: betOnDifference(stable, block, table) }),
      ...betsBeside(neighbours, block, table),
    };
    return [limit.metric, next] as const;
  });
  const known = after.filter(([metric]) => typeof metric === "string");
  const own = after.flatMap(([metric, next]) => (typeof metric === "string" ? [] : [{ ...metric, ...next }]));
  return { ...(Object.fromEntries(known) as EvidenceByMetric), ...(own.length === 0 ? {} : { metrics: own }) };
}

interface Table {
  readonly limit: Limit;
  readonly criteria: Criteria;
}

function betOnLimit(wealth: Wealth | undefined, block: Block, table: Table, before: Totals): Wealth | undefined {
  const { limit, criteria } = table;
  // A team that compares with stable alone has no limit but what stable had, and needs none while it can compare.
  if (criteria.compareWith === "stable" && limit.totalOf(block.stable) > 0) return wealth;
  const { canary, length } = block;
  const round = {
    bad: limit.surelyBad(canary),
    total: limit.totalOf(canary),
    share: largestShare(table, before),
    length,
  };
  const game: Game = {
    alpha: alphaEach(criteria),
    burstTolerance: toleranceFor(limit, block, criteria),
    ...(criteria.sensitivity === "fast" && limit.metric === "errors"
      ? { clusterSize: Math.max(leastClusterSize, criteria.clusterSize ?? 0), ...fastStakes }
      : {}),
  };
  return bet(wealth, round, game);
}

/** The share that is limited to; where stable alone counts, what it had so far, if that is more. */
export function largestShare({ limit, criteria }: Table, { stable }: Pick<Totals, "stable">): Ratio {
  const total = limit.totalOf(stable);
  if (criteria.compareWith !== "stable" || total === 0) return limit.share;
  return Math.min(0.5, Math.max(limit.share, (toleratedOdds * limit.surelyBad(stable)) / total));
}

function betOnDifference(wealth: Wealth | undefined, block: Block, { limit, criteria }: Table): Wealth {
  const counted = (counts: Block["canary"]) => ({ bad: limit.surelyBad(counts), total: limit.totalOf(counts) });
  const odds = criteria.compareWith === "stable" ? toleratedOdds : 1;
  const round = roundAgainst(counted(block.canary), counted(block.stable), odds, block.length);
  return bet(wealth, round, { alpha: alphaBeside(criteria), clusterSize });
}

/** Only where latency is compared by what stable kept to. */
function betsBeside(
  before: Evidence["neighbours"],
  block: Block,
  { limit, criteria }: Table,
): Pick<Evidence, "neighbours"> {
  if (limit.metric !== "latency" || criteria.boundaries === undefined) return {};
  const bets = [1, 2].map((index, at) =>
    betOnDifference(before?.[at], block, { limit: { ...limit, surelyBad: slowerThan(index) }, criteria }),
  );
  return { neighbours: bets };
}

function toleranceFor({ metric, totalOf }: Limit, block: Block, criteria: Criteria): Milliseconds {
  if (criteria.burstTolerance !== undefined) return criteria.burstTolerance;
  if (criteria.sensitivity === "fast" && metric === "errors") return fastTolerance;
  if (metric === "latency") return latencyTolerance;
  const stable = totalOf(block.stable);
  const isCompared = criteria.compareWith === "limit-and-stable" && stable >= totalOf(block.canary);
  return isCompared && stable > 0 ? comparedTolerance : tolerance;
}
