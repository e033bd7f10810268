// What the bench of the judge ends with: tables, and what is worse than what the method was published with.
import { machine, machineLine, type Machine } from "../machine.ts";
import { decidedBy, horizon, quantile, type Cell } from "./play.ts";
import type { Row, Table } from "./tables.ts";

export interface CellResult {
  readonly rule: string;
  /** Of all runs, percent that were rolled back. */
  readonly share: number;
  /** Seconds; null where that many runs were not decided. */
  readonly median: number | null;
  readonly p95: number | null;
}

export interface RowResult {
  readonly name: string;
  readonly repetitions: number;
  readonly isGood: boolean;
  readonly cells: readonly CellResult[];
}

export interface TableResult {
  readonly name: Table["name"];
  readonly title: string;
  readonly rows: readonly RowResult[];
}

export interface JudgeBenchResult {
  readonly bench: "judge";
  readonly passed: boolean;
  readonly seed: number;
  readonly seconds: number;
  readonly tables: readonly TableResult[];
  /** A sentence for each figure of ours that is worse than the published one by more than chance. */
  readonly worse: readonly string[];
  readonly machine: Machine;
}

/** Standard errors of a difference that chance does not make. */
const tolerated = 3;
/** Published times are rounded to whole or half seconds. */
const rounding = 0.5;

/** A sentence for each published figure that ours is worse than. */
export function worseThanPublished(table: Table, row: Row, cells: readonly Cell[]): readonly string[] {
  const ours = cells.slice(table.ours.from, table.ours.from + table.ours.count);
  return ours.flatMap((cell, index) => {
    const where = `${table.name}, ${row.name}, ${cell.rule}`;
    const share = row.published.share?.[index];
    const times = row.published.times?.[index];
    return [
      ...(share === undefined ? [] : compareShares(where, row, cell, share / 100)),
      ...(times === undefined ? [] : compareTimes(where, row, cell, times)),
    ];
  });
}

function compareShares(where: string, row: Row, cell: Cell, published: number): readonly string[] {
  const share = decidedBy(cell, horizon);
  const excess = row.isGood ? share - published : published - share;
  if (excess <= tolerated * errorOfDifference(share, published, row.repetitions)) return [];
  return [`${where}: ${percent(share)} % rolled back, published are ${percent(published)} %`];
}

function compareTimes(where: string, row: Row, cell: Cell, times: readonly number[]): readonly string[] {
  return times.flatMap((seconds, index) => {
    const expected = index === 0 ? 0.5 : 0.95;
    if (seconds === Infinity) return [];
    const share = decidedBy(cell, seconds + rounding);
    if (expected - share <= tolerated * errorOfDifference(share, expected, row.repetitions)) return [];
    return [`${where}: ${percent(share)} % decided within ${seconds} s, published are ${percent(expected)} %`];
  });
}

/** Standard error of the difference of two shares of as many runs, if there is none. */
function errorOfDifference(one: number, other: number, runs: number): number {
  const pooled = (one + other) / 2;
  return Math.sqrt((2 * pooled * (1 - pooled)) / runs);
}

export function resultOf(row: Row, cells: readonly Cell[]): RowResult {
  const { name, repetitions, isGood } = row;
  const finite = (seconds: number) => (seconds === Infinity ? null : seconds);
  return {
    name,
    repetitions,
    isGood,
    cells: cells.map((cell) => ({
      rule: cell.rule,
      share: percent(decidedBy(cell, horizon)),
      median: finite(quantile(cell, 0.5)),
      p95: finite(quantile(cell, 0.95)),
    })),
  };
}

export function judgeBenchResult(
  seed: number,
  played: { readonly tables: readonly TableResult[]; readonly worse: readonly string[] },
  seconds: number,
): JudgeBenchResult {
  const { tables, worse } = played;
  return { bench: "judge", passed: worse.length === 0, seed, seconds, tables, worse, machine: machine() };
}

/** For people: the tables as Markdown, and what is worse. */
export function judgeLines({ tables, worse, seconds, machine: on }: JudgeBenchResult): readonly string[] {
  return [
    ...tables.flatMap((table) => [...tableLines(table), ""]),
    ...(worse.length === 0 ? ["no figure is worse than the published one by more than 3 standard errors"] : worse),
    `${Math.round(seconds)} s; ${machineLine(on)}`,
  ];
}

/** A table in Markdown, with the columns of these rules; all where none are named. */
export function tableLines({ name, title, rows }: TableResult, rules?: readonly string[]): readonly string[] {
  const columns = rules ?? rows[0]?.cells.map(({ rule }) => rule) ?? [];
  const body = rows.map((row) => {
    const cells = columns.map((rule) => row.cells.find((cell) => cell.rule === rule));
    return `| ${row.name} | ${cells.map((cell) => (cell === undefined ? "" : cellText(row, cell))).join(" | ")} |`;
  });
  return [
    `${name}: ${title}`,
    "",
    `| case | ${columns.join(" | ")} |`,
    `|---|${columns.map(() => "--:|").join("")}`,
    ...body,
  ];
}

function cellText({ isGood }: RowResult, { share, median, p95 }: CellResult): string {
  if (isGood) return `${share} %`;
  const time = (seconds: number | null) => (seconds === null ? `>${horizon}` : String(seconds));
  return `${share === 100 ? "" : `${share} %; `}${time(median)} / ${time(p95)}`;
}

function percent(share: number): number {
  return Math.round(share * 10_000) / 100;
}
