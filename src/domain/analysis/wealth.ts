import type { Milliseconds, Ratio } from "../../api/instant.ts";

/**
 * What betting against a hypothesis has come to, from 1 before the first bet: all that a restart needs, and small enough
 * for `status`.
 */
export interface Wealth {
  /** Not staked yet. */
  readonly cash: number;
  /** Staked on each of `ratios`, by the share of bad requests in a block. */
  readonly mean: number[];
  /** Staked on each of `ratios`, request by request; absent where only shares are bet on. */
  readonly perRequest?: number[] | undefined;
}

/** What is bet against, and how. */
export interface Game {
  /** The largest chance of a false alarm, ever. The alarm is given at a wealth of 1/α. */
  readonly alpha: number;
  /** Bad requests that come in a shorter burst than this never give the alarm; undefined: wealth grows as fast as it may. */
  readonly burstTolerance?: Milliseconds | undefined;
  /** So many requests may fail together for one cause; undefined: requests are not bet on one by one. */
  readonly clusterSize?: number | undefined;
  /** Of all stakes, those on single requests where these are bet on; half of them unless told. */
  readonly onRequests?: Ratio | undefined;
  /** Of the wealth, what is staked at once; half of it unless told. */
  readonly atOnce?: Ratio | undefined;
}

/** Requests that ended within a length of time. */
export interface Round {
  readonly bad: number;
  readonly total: number;
  /** The share that is bad, in expectation and at most, under the hypothesis. */
  readonly share: Ratio;
  readonly length: Milliseconds;
}

/** How much more often than under the hypothesis requests are bad, as odds: what the bets are on. */
const ratios = [
  { ratio: 1.5, weight: 1 / 7 },
  { ratio: 2, weight: 1 / 7 },
  { ratio: 4, weight: 1 / 7 },
  { ratio: 10, weight: 1 / 7 },
  { ratio: 40, weight: 1 / 7 },
  { ratio: 1_000, weight: 2 / 7 },
] as const;
const boldest = 2 / 7;
/** Staked at once unless told; the rest is staked bit by bit, so that a version that turns bad later is found as well. */
const start = 0.5;
const restartMean: Milliseconds = 600_000;
/** Wealth above this many times the alarm is given away, so that what is over can be forgotten. */
const clip = 10;
/** No bet wins more at once: the product of stake and win stays a number. */
const largestFactor = 1e15;

/**
 * The wealth after one more round. `before` is undefined at the first one.
 *
 * Under the hypothesis the wealth is a non-negative supermartingale that began at 1, whatever the dependence of requests
 * within a round on each other, so it reaches 1/α with a chance of at most α, however often one looks and whenever one
 * stops (J. Ville, "Étude critique de la notion de collectif", 1939; I. Waudby-Smith and A. Ramdas, "Estimating means of
 * bounded random variables by betting", 2023). Bets request by request assume besides that what fails together is at
 * most `clusterSize` requests. Stakes that come later are those of J. Shin, A. Ramdas and A. Rinaldo, "E-detectors", 2022.
 */
export function bet(before: Wealth | undefined, round: Round, game: Game): Wealth {
  const onRequests = game.clusterSize === undefined ? 0 : (game.onRequests ?? 0.5);
  const { cash, mean, perRequest } = before ?? opening(onRequests, game.atOnce ?? start);
  const dripped = before === undefined ? 0 : cash * -Math.expm1(-round.length / restartMean);
  const most = largestGrowth(round.length, game);
  const grow = (stakes: readonly number[], part: Ratio, win: (ratio: number) => number) =>
    ratios.map(({ ratio, weight }, index) => {
      const stake = (stakes[index] ?? 0) + dripped * weight * part;
      return stake * Math.min(round.total === 0 ? 1 : win(ratio), most);
    });
  const after: Wealth = {
    cash: cash - dripped,
    mean: grow(mean, 1 - onRequests, (ratio) => winOfShare(round, ratio)),
    ...(game.clusterSize === undefined
      ? {}
      : { perRequest: grow(perRequest ?? [], onRequests, winOfRequests(round, game.clusterSize)) }),
  };
  return clipped(after, clip / game.alpha);
}

/** What the wealth is in all: 1 before the first round. */
export function worth(wealth: Wealth | undefined): number {
  if (wealth === undefined) return 1;
  const { cash, mean, perRequest = [] } = wealth;
  return cash + sum(mean) + sum(perRequest);
}

/** The canary's part in all bad requests, as a round against the hypothesis that its odds are at most `odds` × stable's. */
export function roundAgainst(
  canary: { readonly bad: number; readonly total: number },
  stable: { readonly bad: number; readonly total: number },
  odds: number,
  length: Milliseconds,
): Round {
  const all = odds * canary.total + stable.total;
  return {
    bad: canary.bad,
    total: canary.bad + stable.bad,
    share: all === 0 ? 0 : (odds * canary.total) / all,
    length,
  };
}

function opening(onRequests: Ratio, atOnce: Ratio): Wealth {
  const stakes = (part: Ratio) => ratios.map(({ weight }) => atOnce * weight * part);
  const mean = stakes(1 - onRequests);
  return { cash: 1 - atOnce, mean, ...(onRequests === 0 ? {} : { perRequest: stakes(onRequests) }) };
}

/** The mean of what bets on each single request would win: valid however these depend on each other. */
function winOfShare({ bad, total, share }: Round, ratio: number): number {
  return (1 + (ratio - 1) * (bad / total)) / (1 + share * (ratio - 1));
}

/** The product of what bets on each request win, as weak as if only one of each cluster counted. */
export function winOfRequests(
  { bad, total, share }: Omit<Round, "length">,
  clusterSize: number,
): (ratio: number) => number {
  return (ratio) => Math.exp((bad * Math.log(ratio) - total * Math.log1p(share * (ratio - 1))) / clusterSize);
}

/** Within one burst tolerance the boldest stake may grow from its beginning to the alarm, and no faster. */
function largestGrowth(length: Milliseconds, { alpha, burstTolerance, atOnce = start }: Game): number {
  if (burstTolerance === undefined) return largestFactor;
  return Math.min(largestFactor, (1 / (alpha * atOnce * boldest)) ** (length / burstTolerance));
}

function clipped(wealth: Wealth, most: number): Wealth {
  const all = worth(wealth);
  if (all <= most) return wealth;
  const scale = (value: number) => value * (most / all);
  return {
    cash: scale(wealth.cash),
    mean: wealth.mean.map(scale),
    ...(wealth.perRequest === undefined ? {} : { perRequest: wealth.perRequest.map(scale) }),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
