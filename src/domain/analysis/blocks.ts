import type { Instant, Milliseconds, Ratio } from "../../api/instant.ts";
import type { Counts, Release } from "../../api/rollout-status.ts";
import type { Totals } from "./criteria.ts";

/** Requests of each version whose callers went away before they ended. They count nowhere else. */
export interface Gone {
  readonly stable: number;
  readonly canary: number;
}

/** What one moment's scrapes showed of the requests since the scrapes before. */
export interface Tick extends Totals {
  readonly at: Instant;
  readonly gone: Gone;
  /** Requests to the Service that failed before a pod, and with it a version, was chosen. */
  readonly lost: number;
}

/** Requests that are bet on together: (until − length, until]. */
export interface Block extends Totals {
  readonly until: Instant;
  readonly length: Milliseconds;
  readonly gone: Gone;
  readonly lost: number;
}

/** Where blocks begin, and when they are long enough. */
export interface Pace {
  readonly since: Instant;
  /** Between two scrapes of a target. */
  readonly interval: Milliseconds;
  /** Requests of the canary that are enough for a bet. */
  readonly enough: number;
}

/** With enough requests a block lasts a second, and so do its bets: more often, each would be too small to win much. */
const shortest: Milliseconds = 1_000;
/** Without, this long, or a scrape where that is longer. */
export const longestBlock: Milliseconds = 5_000;
/** Scrapes come a little early now and then, and a block should not last for two of them then. */
const slack = 0.9;

/**
 * The blocks that are complete; what comes after the last of them belongs to one that is still open. Where a block ends
 * follows from its beginning, from the times of scrapes and from numbers of requests alone: never from whether these
 * were bad, or a bet on them would not be fair, and never from when somebody looked, so that a restart changes nothing.
 */
export function closeBlocks(ticks: readonly Tick[], pace: Pace): readonly Block[] {
  return walk(ticks, pace).blocks;
}

/**
 * When the block that is open will be complete if requests go on as they came until `until`: a guess, for whoever waits
 * for it.
 */
export function expectedEnd(ticks: readonly Tick[], pace: Pace, until: Instant): Instant {
  const { begin, open } = walk(ticks, pace);
  const shown = Math.max(1, until - begin);
  const filled = (pace.enough * shown) / open.canary.requests;
  return begin + Math.min(slack * Math.max(longestBlock, pace.interval), Math.max(slack * shortest, filled));
}

function walk(ticks: readonly Tick[], { since, interval, enough }: Pace) {
  const blocks: Block[] = [];
  let begin = since;
  let open = nothing;
  for (const tick of ticks) {
    open = { ...addTotals(open, tick), gone: addGone(open.gone, tick.gone), lost: open.lost + tick.lost };
    const length = tick.at - begin;
    const isFull = open.canary.requests >= enough && length >= slack * shortest;
    if (!isFull && length < slack * Math.max(longestBlock, interval)) continue;
    blocks.push({ until: tick.at, length, ...open });
    begin = tick.at;
    open = nothing;
  }
  return { blocks, begin, open };
}

/** Requests of the canary after which one bad one is expected at half the limit. */
export function enoughFor(share: Ratio): number {
  return Math.ceil(0.5 / share);
}

/** All requests of some moments. */
export function totalsOf(ticks: readonly Totals[]): Totals {
  return ticks.reduce<Totals>(addTotals, noTotals);
}

/** All requests of a release; none before it has counted any. */
export function countedIn({ analysis }: Pick<Release, "analysis">): Totals {
  return analysis?.release ?? noTotals;
}

export function addTotals(left: Totals, right: Totals): Totals {
  return { stable: sum(left.stable, right.stable), canary: sum(left.canary, right.canary) };
}

export function addGone(left: Gone, right: Gone): Gone {
  return { stable: left.stable + right.stable, canary: left.canary + right.canary };
}

export const noCounts: Counts = { requests: 0, errors: 0, slow: 0, slowOrClose: 0 };
export const noTotals = { stable: noCounts, canary: noCounts };
export const noneGone: Gone = { stable: 0, canary: 0 };
/** Nothing at all. */
export const nothing: Omit<Tick, "at"> = { ...noTotals, gone: noneGone, lost: 0 };

export function sum(left: Counts, right: Counts): Counts {
  return {
    requests: left.requests + right.requests,
    errors: left.errors + right.errors,
    slow: left.slow + right.slow,
    slowOrClose: left.slowOrClose + right.slowOrClose,
    ...beyondOf(left, right),
    ...metricsOf(left, right),
  };
}

function beyondOf({ beyond: left }: Counts, { beyond: right }: Counts): Pick<Counts, "beyond"> {
  if (left === undefined || right === undefined) return left === right ? {} : { beyond: left ?? right };
  const [longer, shorter] = left.length > right.length ? [left, right] : [right, left];
  return { beyond: longer.map((count, index) => count + (shorter[index] ?? 0)) };
}

/** Counts of the team's own, where there are any. */
function metricsOf(left: Counts, right: Counts): Pick<Counts, "metrics"> {
  if (left.metrics === undefined && right.metrics === undefined) return {};
  const all = [...(left.metrics ?? []), ...(right.metrics ?? [])];
  const byName = Map.groupBy(all, ({ name }) => name);
  const metrics = [...byName].map(([name, its]) => ({
    name,
    bad: its.reduce((so, { bad }) => so + bad, 0),
    total: its.reduce((so, { total }) => so + total, 0),
  }));
  return { metrics };
}
