// What the bench of outlier detection ends with.
import { expectedRequests, falseEjectionsPerDay } from "../../../src/domain/outliers/settings.ts";
import { machine, machineLine, type Machine } from "../machine.ts";
import type { BenchOptions } from "../options.ts";
import {
  goodMeasured,
  goodShare,
  ratesOf,
  type MeasuredEjections,
  type OutlierCell,
  type OutlierOutcome,
  type PercentCell,
} from "./run.ts";

/** A figure as it was computed and as Envoy did it; null where Envoy did it too rarely to say. */
export interface Compared {
  readonly computed: number;
  readonly measured: number | null;
}

export interface OutlierRow {
  readonly pods: number;
  readonly callers: number;
  readonly errorRate: number;
  readonly inARow: number;
  readonly tuned: boolean;
  /** Until a caller has ejected the bad pod, seconds. */
  readonly ejectedAfter: Compared;
  /** Ejections a day of each good pod by all callers, where it fails 0.1 % of its requests; computed. */
  readonly falsePerDay: number;
  /** The same where it fails 10 %, which is often enough to be counted. */
  readonly falsePerDayAtTenPercent: Compared;
}

export interface OutlierResult {
  readonly bench: "outlier";
  readonly passed: boolean;
  readonly rate: number;
  readonly seed: number;
  readonly rows: readonly OutlierRow[];
  readonly percents: readonly PercentCell[];
  readonly wrong: readonly string[];
  readonly seconds: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
}

const leastEjections = 5;

/** The bar: what Envoy did is within three standard errors and a tenth of what was computed, wherever it can be told. */
export function judgeOutlier({ rate, seed }: BenchOptions, outcome: OutlierOutcome, seconds: number): OutlierResult {
  const { cells, percents, versions } = outcome;
  const wrong = [
    ...cells.flatMap((cell) => [
      ...wrongIn(cell, "bad pod", cell.bad, expectedRequests(cell.errorRate, cell.inARow)),
      ...wrongIn(cell, "good pods", cell.good, expectedRequests(goodMeasured, cell.inARow)),
    ]),
    ...percents
      .filter(({ ejected, expected }) => ejected !== expected)
      .map(
        ({ pods, percent, ejected, expected }) =>
          `${percent} % of ${pods} pods: ${ejected} ejected, expected ${expected}`,
      ),
  ];
  return {
    bench: "outlier",
    passed: wrong.length === 0,
    rate,
    seed,
    rows: cells.map((cell) => rowOf(cell, rate)),
    percents,
    wrong,
    seconds: Math.round(seconds),
    machine: machine(),
    versions,
  };
}

function wrongIn(
  { pods, callers, errorRate, inARow }: OutlierCell,
  who: string,
  seen: MeasuredEjections,
  expected: number,
) {
  if (seen.ejections < leastEjections) return [];
  const ratio = seen.requests / seen.ejections / expected;
  if (Math.abs(Math.log(ratio)) <= 3 / Math.sqrt(seen.ejections) + 0.1) return [];
  return [
    `${pods} pods, ${callers} callers, ${errorRate * 100} % errors, ${inARow} in a row, ${who}: ${Math.round(seen.requests / seen.ejections)} requests per ejection, computed ${Math.round(expected)}`,
  ];
}

function rowOf(cell: OutlierCell, rate: number): OutlierRow {
  const { pods, callers, errorRate, inARow, notTuned, bad, good } = cell;
  const each = rate / callers / pods;
  const perDay = (requests: number) => round((86_400 * callers * each) / requests);
  const rates = { ...ratesOf(cell, rate), bad: 0, pods: 1, callers: [callers * each] };
  return {
    pods,
    callers,
    errorRate,
    inARow,
    tuned: notTuned === undefined,
    ejectedAfter: {
      computed: round(expectedRequests(errorRate, inARow) / each),
      measured: isTold(bad) ? round(bad.requests / bad.ejections / each) : null,
    },
    falsePerDay: round(falseEjectionsPerDay({ ...rates, goodShare }, inARow)),
    falsePerDayAtTenPercent: {
      computed: perDay(expectedRequests(goodMeasured, inARow)),
      measured: isTold(good) ? perDay(good.requests / good.ejections) : null,
    },
  };
}

function isTold({ ejections }: MeasuredEjections): boolean {
  return ejections >= leastEjections;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** For people. */
export function outlierLines(result: OutlierResult): readonly string[] {
  const { rows, percents, wrong, rate, seconds, machine: on, passed } = result;
  const told = ({ computed, measured }: Compared) => `${computed} (${measured ?? "too rare"})`;
  return [
    `${rate} requests/s to the version; computed, and in brackets measured on Envoy`,
    "pods callers errors in a row  ejected after s  false a day at 0.1 %  at 10 %",
    ...rows.map(
      (row) =>
        `${String(row.pods).padStart(4)} ${String(row.callers).padStart(7)} ${`${row.errorRate * 100} %`.padStart(6)} ${String(row.inARow).padStart(8)}  ${told(row.ejectedAfter)}  ${row.falsePerDay}  ${told(row.falsePerDayAtTenPercent)}${row.tuned ? "" : "  not tuned"}`,
    ),
    ...percents.map(
      ({ pods, percent, ejected }) => `maxEjectionPercent ${percent} of ${pods} pods: ${ejected} ejected`,
    ),
    ...wrong.map((one) => `wrong: ${one}`),
    `${seconds} s; ${machineLine(on)}`,
    passed ? "passed" : "missed the bar: what Envoy does is what was computed",
  ];
}
