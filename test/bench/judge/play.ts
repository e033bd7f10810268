// Plays the rows of a table in virtual time.
import { noCounts } from "../../../src/domain/analysis/blocks.ts";
import { clusterSizeIn } from "../../../src/domain/analysis/clusters.ts";
import { poisson, type Random } from "./draws.ts";
import { randomFrom } from "../../support/random.ts";
import type { Row, Table } from "./tables.ts";

/** No release of the bench takes longer, in seconds; none ends by going on, which is the worst case for false rollbacks. */
export const horizon = 600;

/** Between these seconds something may happen: there has been a release before, and there is one after it. */
const earliest = 60;
const latest = 480;

/** What a rule did in all repetitions of a row. */
export interface Cell {
  readonly rule: string;
  /** Seconds to the decision of each run; Infinity where there was none. */
  readonly decisions: readonly number[];
}

/** The cells of a row, one for each rule of the table; the same seed plays the same requests. */
export function playRow(table: Table, row: Row, seed: number): readonly Cell[] {
  const cells = table.rules.map(({ name }) => ({ rule: name, decisions: [] as number[] }));
  for (let run = 0; run < row.repetitions; run += 1) {
    const ends = playRun(table, row, seed + run);
    for (const [index, cell] of cells.entries()) cell.decisions.push(ends[index] ?? Infinity);
  }
  return cells;
}

/** One release before the eyes of all rules: when each of them decided. */
function playRun({ rules }: Table, row: Row, seed: number): readonly number[] {
  const random = randomFrom(Math.imul(seed, 0x9e37_79b1));
  const moment = earliest + Math.floor(random() * (latest - earliest));
  const errorsOf = { canary: row.canary(random, moment), stable: row.stable(random, moment) };
  const ofStable = (row.rate * (100 - row.weight)) / row.weight;
  const clusterSize = clusterSizeBefore(row, ofStable, randomFrom(Math.imul(seed, 0x85eb_ca6b)), moment);
  const watches = rules.map((rule) => rule.watch(clusterSize));
  const ends = rules.map(() => Infinity);
  for (let second = 0; second < horizon && ends.includes(Infinity); second += 1) {
    const [toCanary, toStable] = [poisson(random, row.rate), poisson(random, ofStable)];
    const canary = { requests: toCanary, errors: errorsOf.canary(second, toCanary) };
    const stable = { requests: toStable, errors: errorsOf.stable(second, toStable) };
    for (const [index, watch] of watches.entries()) {
      if (ends[index] === Infinity) ends[index] = watch(second, canary, stable) ?? Infinity;
    }
  }
  return ends.map((end) => (end > horizon ? Infinity : end));
}

/** How many of stable's errors came together in the ten minutes before the release, in blocks of 5 s. */
function clusterSizeBefore({ history, stable }: Row, rate: number, random: Random, moment: number): number {
  const errorsOf = (history ?? stable)(random, moment + horizon);
  const blocks = Array.from({ length: horizon / 5 }, () => ({ stable: { ...noCounts } }));
  for (let second = 0; second < horizon; second += 1) {
    const requests = poisson(random, rate);
    const block = blocks[Math.floor(second / 5)]?.stable;
    if (block === undefined) continue;
    block.requests += requests;
    block.errors += errorsOf(second, requests);
  }
  return clusterSizeIn(blocks);
}

/** The share of runs that had decided by then. */
export function decidedBy({ decisions }: Cell, seconds: number): number {
  return decisions.filter((end) => end <= seconds && end < Infinity).length / decisions.length;
}

/** The time by which that share of runs had decided; Infinity where it never was. */
export function quantile({ decisions }: Cell, share: number): number {
  const sorted = decisions.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Infinity;
}
