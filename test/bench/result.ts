// What the bench of adoptions ends with.
import { machine, machineLine, spread, type Machine, type Spread } from "./machine.ts";
import type { BenchOptions } from "./options.ts";

export interface PromotionResult {
  readonly image: string;
  readonly outcome: string;
  /** Pods that the promotion restarted. */
  readonly restarts: number;
  readonly seconds: number;
}

export interface AppResult {
  readonly namespace: string;
  readonly promotions: readonly PromotionResult[];
  readonly requests: number;
  readonly failed: number;
  /** What the callers' proxy logged about the failed ones, a line each. */
  readonly failures: readonly string[];
  /** Ready pods ÷ needed pods at the lowest. */
  readonly lowest: number;
  readonly lowestAt: string;
  readonly scalings: number;
}

export interface BenchResult {
  readonly bench: "adoption";
  readonly passed: boolean;
  readonly promotions: number;
  readonly promoted: number;
  readonly restarts: number;
  readonly requests: number;
  readonly failedRequests: number;
  readonly lowestCapacity: number;
  readonly lowestCapacityAt: string;
  readonly scalings: number;
  readonly seed: number;
  readonly apps: number;
  readonly ratePerApp: number;
  readonly seconds: number;
  readonly promotionSeconds: Spread;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
}

/** The bar: every release promoted, nothing restarted, nothing failed, never fewer ready pods than were needed. */
export function judgeBench(
  options: BenchOptions,
  apps: readonly AppResult[],
  run: { readonly seconds: number; readonly versions: Readonly<Record<string, string>> },
): BenchResult {
  const promotions = apps.flatMap((app) => app.promotions);
  const sum = (of: (app: AppResult) => number) => apps.reduce((total, app) => total + of(app), 0);
  const promoted = promotions.filter(({ outcome }) => outcome === "Promoted").length;
  const restarts = promotions.reduce((total, promotion) => total + promotion.restarts, 0);
  const failedRequests = sum(({ failed }) => failed);
  const worst = apps.toSorted((one, other) => one.lowest - other.lowest)[0];
  const lowestCapacity = worst?.lowest ?? 0;
  const isWhole = promoted === options.promotions && restarts === 0;
  return {
    bench: "adoption",
    passed: isWhole && failedRequests === 0 && lowestCapacity >= 1,
    promotions: options.promotions,
    promoted,
    restarts,
    requests: sum(({ requests }) => requests),
    failedRequests,
    lowestCapacity,
    lowestCapacityAt: `${worst?.namespace ?? ""}: ${worst?.lowestAt ?? ""}`,
    scalings: sum(({ scalings }) => scalings),
    seed: options.seed,
    apps: apps.length,
    ratePerApp: options.rate,
    seconds: Math.round(run.seconds),
    promotionSeconds: spread(promotions.map(({ seconds }) => seconds)),
    machine: machine(),
    versions: run.versions,
  };
}

/** For people. */
export function summaryLines(result: BenchResult): readonly string[] {
  const { promotionSeconds: took } = result;
  return [
    `${result.promoted} of ${result.promotions} promoted in ${result.seconds} s, ${result.apps} apps side by side, scaled ${result.scalings} times (seed ${result.seed})`,
    `restarted pods: ${result.restarts}`,
    `failed requests: ${result.failedRequests} of ${result.requests}`,
    `lowest ready ÷ needed: ${result.lowestCapacity} (${result.lowestCapacityAt})`,
    `a promotion took ${took.median} s in the middle, ${took.p95} s for 95 %, ${took.max} s at most`,
    machineLine(result.machine),
    result.passed
      ? "passed"
      : "missed the bar: all promoted, 0 restarts, 0 failed requests, lowest ready ÷ needed >= 1",
  ];
}
