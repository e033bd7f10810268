// What the bench of queries ends with.
import { machine, machineLine, spread, type Machine } from "../machine.ts";
import type { BenchOptions } from "../options.ts";
import type { QueriesOutcome } from "./run.ts";

export interface QueriesResult extends Omit<QueriesOutcome, "latencies"> {
  readonly bench: "queries";
  readonly passed: boolean;
  readonly releases: number;
  readonly callers: number;
  readonly calls: number;
  /** Seconds within which all began. */
  readonly spread: number;
  readonly rollbacks: number;
  /** From the date of the sample that completes the evidence to the write, milliseconds. */
  readonly latency: { readonly median: number; readonly p95: number; readonly p99: number; readonly max: number };
  readonly seconds: number;
  readonly machine: Machine;
}

/** Milliseconds. */
const longest = 1_000;
/** A second wave of releases needs no more memory than the first, but for what chance adds. */
const growth = 1.3;

/** The bar: every release rolled back by its verdict, 99 % within a second of the sample, and no more memory each time. */
export function judgeQueries(options: BenchOptions, outcome: QueriesOutcome, seconds: number): QueriesResult {
  const { latencies, memory, strayed } = outcome;
  const sorted = latencies.toSorted((one, other) => one - other);
  const { median, p95, max } = spread(latencies, 0);
  const latency = { median, p95, p99: sorted[Math.ceil(0.99 * sorted.length) - 1] ?? Infinity, max };
  const [first = 0] = memory.waves;
  const isBounded = memory.waves.every((most) => most <= growth * first);
  const rollbacks = options.apps * memory.waves.length;
  return {
    bench: "queries",
    passed: latencies.length === rollbacks && strayed.length === 0 && latency.p99 <= longest && isBounded,
    releases: options.apps,
    callers: options.callers,
    calls: options.calls,
    spread: options.spread,
    rollbacks: latencies.length,
    latency,
    strayed,
    series: outcome.series,
    memory,
    seconds: Math.round(seconds),
    machine: machine(),
    versions: outcome.versions,
  };
}

/** For people. */
export function queriesLines(result: QueriesResult): readonly string[] {
  const { latency, memory } = result;
  return [
    `${result.releases} releases that begin within ${result.spread} s, ${result.callers} calling pods that call ${result.calls} Services each, ${result.series} series in Prometheus`,
    `${result.rollbacks} rollbacks in ${result.seconds} s: from the sample that completes the evidence to the write ${latency.median} ms in the middle, ${latency.p95} ms for 95 %, ${latency.p99} ms for 99 %, ${latency.max} ms at most`,
    ...result.strayed.map((one) => `otherwise: ${one}`),
    `the operator's memory: ${memory.before} MiB before, ${memory.waves.join(" and ")} MiB at most in the waves of releases`,
    machineLine(result.machine),
    result.passed
      ? "passed"
      : "missed the bar: all rolled back by their verdict, 99 % within 1000 ms, no more memory each time",
  ];
}
