import { renderCount, type Milliseconds } from "../../api/instant.ts";
import { addGone, noneGone, type Block, type Gone } from "./blocks.ts";
import { bet, roundAgainst, worth, type Game, type Wealth } from "./wealth.ts";

/**
 * What tells that requests to the canary do not end. Requests are counted when they end, so a version that hangs has no
 * errors: its callers give up, or nothing is heard of it at all.
 */
export interface Hanging {
  /** Requests whose callers went away, of the whole release. */
  readonly gone: Gone;
  /** Wealth of bets against "callers give up on the canary no more often than on stable". */
  readonly abandoned?: Wealth | undefined;
  /** Requests that ended in this step. */
  readonly ended: Gone;
  /** Wealth of bets against "at least half of the canary's share of the requests ends". */
  readonly silent?: Wealth | undefined;
}

export const nothingHangs: Hanging = { gone: noneGone, ended: noneGone };

/** The largest chance of taking a canary for one that hangs, for each of the two signs. */
const alpha = 0.001;
/** Callers give up more often on what is only a little slower. */
const toleratedOdds = 1.5;
const abandonedGame: Game = { alpha, clusterSize: 4 };
const silentGame: Game = { alpha, clusterSize: 10 };
/** Fewer callers that gave up are nothing to go back for. */
const leastGone = 3;

/**
 * What is known after one more block. `weight` is the canary's in percent, undefined where the share of the requests says
 * nothing: before the traffic was seen to have moved, and where stable gets none.
 */
export function withBlock(before: Hanging, block: Block, weight: number | undefined): Hanging {
  const { stable, canary, gone, length } = block;
  const counted = (version: "stable" | "canary", requests: number) => ({
    bad: gone[version],
    total: requests + gone[version],
  });
  const [ofCanary, ofStable] = [counted("canary", canary.requests), counted("stable", stable.requests)];
  return {
    gone: addGone(before.gone, gone),
    abandoned: bet(before.abandoned, roundAgainst(ofCanary, ofStable, toleratedOdds, length), abandonedGame),
    ...(weight === undefined
      ? { ended: before.ended, silent: before.silent }
      : {
          ended: addGone(before.ended, { stable: ofStable.total, canary: ofCanary.total }),
          silent: bet(before.silent, silence(ofStable.total, ofCanary.total, weight, length), silentGame),
        }),
  };
}

/** Another step has another share. */
export function atNextStep({ gone, abandoned }: Hanging): Hanging {
  return { ...nothingHangs, gone, abandoned };
}

/** How it is known that the canary hangs, in one sentence; undefined where it is not. */
export function hangs({ gone, abandoned, ended, silent }: Hanging, weight: number): string | undefined {
  const needed = 1 / alpha;
  if (gone.canary >= leastGone && worth(abandoned) >= needed)
    return `callers gave up on ${renderCount(gone.canary)} requests to the canary and on ${renderCount(gone.stable)} to stable, which is more than its share`;
  if (worth(silent) >= needed)
    return `of ${renderCount(ended.stable + ended.canary)} requests that ended, ${renderCount(ended.canary)} were the canary's, at a weight of ${weight} %: the rest does not end`;
  return undefined;
}

/** Bad is what ends at stable: of all that end, it should be no more than if half of the canary's went missing. */
function silence(stable: number, canary: number, weight: number, length: Milliseconds) {
  return { bad: stable, total: stable + canary, share: 1 - weight / 200, length };
}
