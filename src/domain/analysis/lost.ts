import { renderCount, renderDuration, renderRatio, type Ratio } from "../../api/instant.ts";
import type { Block } from "./blocks.ts";
import { roughly, usualLost, type Usual } from "./usual.ts";
import { bet, worth, type Game, type Wealth } from "./wealth.ts";

/**
 * Requests to the Service that failed before a pod was chosen for them: no pod of a version was fit, or no route or
 * subset was found. Nobody can tell which version they were for, so that only time tells whether they are the canary's.
 */
export interface Lost {
  /** Of the release, since the canary got traffic. */
  readonly requests: number;
  /** All requests to the Service since then, these included. */
  readonly all: number;
  /** Wealth of bets against "no more are lost than before, and than the canary may fail". */
  readonly wealth?: Wealth | undefined;
}

export const nothingLost: Lost = { requests: 0, all: 0 };

/** The largest chance of taking for the canary's what is not. */
const alpha = 0.001;
/** As long as where errors of the canary alone are judged: an endpoint that comes late is no reason to go back. */
const game: Game = { alpha, burstTolerance: 10_000 };
/** More than before, by chance or by the hour of the day. */
const toleratedRise = 1.5;
/** Fewer are nothing to go back for. */
const leastLost = 3;

export interface LostContext {
  /** The canary's, in percent. */
  readonly weight: number;
  /** The share of its requests that a canary may fail. */
  readonly errorLimit: Ratio;
  /** What was usual before the release; undefined: not known, and nothing is bet. */
  readonly usual: Usual | undefined;
}

/** What is known after one more block. */
export function withBlock(before: Lost, { stable, canary, lost, length }: Block, context: LostContext): Lost {
  const { weight, errorLimit, usual } = context;
  if (weight === 0) return before;
  const total = stable.requests + canary.requests + lost;
  const counted = { requests: before.requests + lost, all: before.all + total, wealth: before.wealth };
  if (usual === undefined) return counted;
  const share = (errorLimit * weight) / 100 + toleratedRise * usualLost(usual);
  if (share >= 1) return counted;
  return { ...counted, wealth: bet(before.wealth, { bad: lost, total, share, length }, game) };
}

/** How it is known that the release loses requests, in one sentence; undefined where it is not. */
export function losesRequests({ requests, all, wealth }: Lost, usual: Usual | undefined): string | undefined {
  if (usual === undefined || requests < leastLost || worth(wealth) < 1 / alpha) return undefined;
  const [now, before] = [requests / Math.max(1, all), usual.lost / Math.max(1, usual.requests)];
  return (
    `${renderRatio(now)} of ${renderCount(all)} requests to the Service found no pod (response flags UH, NR, NC and the like) ` +
    `since the canary got traffic, and ${renderRatio(before)} in the ${renderDuration(roughly(usual.length))} before`
  );
}
