// What the bench of rollbacks ends with.
import { machine, machineLine, spread, type Machine, type Spread } from "./machine.ts";
import type { BenchOptions } from "./options.ts";
import type { TrafficOutcome } from "./traffic.ts";

export interface TrafficResult {
  readonly bench: "traffic";
  readonly passed: boolean;
  readonly rollbacks: number;
  readonly rolledBack: number;
  /** From the decision to the last request that the canary got, milliseconds. */
  readonly lastCanaryRequest: Spread;
  readonly istioWritesPerRelease: Spread;
  /** Of every kind: status, events and the Lease included. */
  readonly writesPerRelease: number;
  readonly foreignWrites: number;
  readonly rewritesPerForeignWrite: number;
  readonly requests: number;
  readonly failedRequests: number;
  readonly apps: number;
  readonly ratePerApp: number;
  readonly debounceMilliseconds: number;
  readonly seconds: number;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
}

/** The bar: every release rolled back when it was asked for, nothing failed, each foreign write undone by one write. */
export function judgeTraffic(
  options: BenchOptions,
  { apps, writes, versions }: TrafficOutcome,
  seconds: number,
): TrafficResult {
  const rollbacks = apps.flatMap((app) => app.rollbacks);
  const sum = (of: (app: (typeof apps)[number]) => number) => apps.reduce((total, app) => total + of(app), 0);
  const rolledBack = rollbacks.filter(({ reason }) => reason === "Aborted").length;
  const failedRequests = sum(({ failed }) => failed);
  const foreignWrites = sum((app) => app.foreignWrites);
  const rewrites = sum((app) => app.rewrites);
  return {
    bench: "traffic",
    passed: rolledBack === options.rollbacks && failedRequests === 0 && rewrites === foreignWrites,
    rollbacks: options.rollbacks,
    rolledBack,
    lastCanaryRequest: spread(
      rollbacks.map(({ milliseconds }) => milliseconds),
      0,
    ),
    istioWritesPerRelease: spread(
      rollbacks.map(({ istioWrites }) => istioWrites),
      0,
    ),
    writesPerRelease: Math.round((10 * writes) / Math.max(1, rollbacks.length)) / 10,
    foreignWrites,
    rewritesPerForeignWrite: Math.round((100 * rewrites) / Math.max(1, foreignWrites)) / 100,
    requests: sum(({ requests }) => requests),
    failedRequests,
    apps: apps.length,
    ratePerApp: options.rate,
    debounceMilliseconds: 100,
    seconds: Math.round(seconds),
    machine: machine(),
    versions,
  };
}

/** For people. */
export function trafficLines(result: TrafficResult): readonly string[] {
  const { lastCanaryRequest: last, istioWritesPerRelease: istio } = result;
  return [
    `${result.rolledBack} of ${result.rollbacks} rolled back in ${result.seconds} s, ${result.apps} apps side by side`,
    `from the decision to the last canary request: ${last.median} ms in the middle, ${last.p95} ms for 95 %, ${last.max} ms at most (debounce ${result.debounceMilliseconds} ms)`,
    `writes per release: ${istio.median} of Istio's objects (${istio.max} at most), ${result.writesPerRelease} of all kinds`,
    `rewrites per foreign write: ${result.rewritesPerForeignWrite} (${result.foreignWrites} foreign writes)`,
    `failed requests: ${result.failedRequests} of ${result.requests}`,
    machineLine(result.machine),
    result.passed ? "passed" : "missed the bar: all rolled back, 0 failed requests, one rewrite for each foreign write",
  ];
}
