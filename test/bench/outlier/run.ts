// How soon a bad pod is ejected, and how often a good one by chance: as computed, and by a real Envoy.
import {
  expectedRequests,
  falseEjectionsPerDay,
  computeSettings,
  type Rates,
} from "../../../src/domain/outliers/settings.ts";
import { provideParts } from "../../cluster/parts/provide.ts";
import { randomFrom } from "../../support/random.ts";
import { counting, type BenchRun } from "../bench-lab.ts";
import type { BenchOptions } from "../options.ts";
import { playProxies } from "./envoy.ts";
import { callAll, playPod } from "./pods.ts";

/** Requests per ejection, as counted on Envoy; undefined where too few were seen to say. */
export interface MeasuredEjections {
  readonly requests: number;
  readonly ejections: number;
}

export interface OutlierCell {
  readonly pods: number;
  readonly callers: number;
  /** Share of requests that the bad pod fails. */
  readonly errorRate: number;
  /** Errors in a row that eject, as computed; where tuning is not tried, why. */
  readonly inARow: number;
  readonly notTuned: string | undefined;
  readonly bad: MeasuredEjections;
  /** Good pods that fail `goodMeasured` of their requests, by the same errors in a row. */
  readonly good: MeasuredEjections;
}

/** Whether a share of ejected hosts is kept to, as Envoy reads it. */
export interface PercentCell {
  readonly pods: number;
  readonly percent: number;
  /** Hosts of which all failed everything that were ejected. */
  readonly ejected: number;
  readonly expected: number;
}

export interface OutlierOutcome {
  readonly cells: readonly OutlierCell[];
  readonly percents: readonly PercentCell[];
  readonly versions: Readonly<Record<string, string>>;
}

export const goodShare = 0.001;
/** Good pods are ejected too rarely to be counted: here they fail so many of their requests. */
export const goodMeasured = 0.1;
const bounds = { consecutive5xxErrors: { min: 2, max: 10 }, maxEjectionPercent: { max: 50 } };
const sizes = [4, 10, 30];
const callersOf = [1, 10, 50];
const errorRates = [0.05, 0.1, 0.25, 0.5, 1];
/** What is enough to tell, and where it is given up. */
const enoughEjections = 60;
const mostRequests = 20_000;
/** Envoy ejects a moment after the error that makes it: where few requests are needed, none should come in that moment. */
const few = 2_000;
const briefly = 10;

/** What settings follow from, for a canary that gets `rate` requests a second. */
export function ratesOf(cell: Pick<OutlierCell, "pods" | "callers" | "errorRate">, rate: number): Rates {
  const { pods, callers, errorRate } = cell;
  const each = Array.from({ length: callers }, () => rate / callers);
  return { callers: each, pods, bad: 1, badShare: errorRate, goodShare, growth: 1 };
}

/** As computed; where it would not be tried, the errors in a row that it would take. */
function inARowOf(rates: Rates): { readonly inARow: number; readonly notTuned: string | undefined } {
  const computed = computeSettings(rates, undefined, bounds);
  if (typeof computed !== "string") return { inARow: computed.settings.consecutive5xxErrors, notTuned: undefined };
  const { min, max } = bounds.consecutive5xxErrors;
  const least = Array.from({ length: max - min + 1 }, (_none, index) => min + index);
  return { inARow: least.find((count) => falseEjectionsPerDay(rates, count) < 1) ?? max, notTuned: computed };
}

/** Resolves with what was measured; what was started belongs to the supervisor. */
export async function runOutlier({ rate, seed }: BenchOptions, run: BenchRun): Promise<OutlierOutcome> {
  const { envoy } = await provideParts(["envoy"], run);
  const random = randomFrom(seed);
  const cells: OutlierCell[] = [];
  const tell = counting(run.onProgress, "outlier", "cells", sizes.length * callersOf.length * errorRates.length);
  for (const pods of sizes)
    for (const callers of callersOf) {
      const goodBy = new Map<number, MeasuredEjections>();
      for (const errorRate of errorRates) {
        const { inARow, notTuned } = inARowOf(ratesOf({ pods, callers, errorRate }, rate));
        const play = { pods, callers, inARow, random, envoyPath: envoy.path };
        const good = goodBy.get(inARow) ?? (await measure(run, { ...play, bad: 0, share: goodMeasured }));
        goodBy.set(inARow, good);
        cells.push({
          pods,
          callers,
          errorRate,
          inARow,
          notTuned,
          good,
          bad: await measure(run, { ...play, bad: 1, share: errorRate }),
        });
        tell();
      }
    }
  const percents: PercentCell[] = [];
  for (const pods of [2, 3, 4, 7, 10, 30]) {
    const least = Math.ceil(100 / pods);
    for (const [percent, expected] of [
      [least - 1, 0],
      [least, 1],
    ] as const)
      percents.push({
        pods,
        percent,
        expected,
        ejected: await ejectedOf(run, { pods, percent, random, envoyPath: envoy.path }),
      });
  }
  return { cells, percents, versions: { envoy: envoy.version, node: process.version } };
}

interface Play {
  readonly pods: number;
  readonly callers: number;
  readonly inARow: number;
  /** Pods that fail `share`; the others fail nothing. With 0 all do. */
  readonly bad: number;
  readonly share: number;
  readonly random: () => number;
  readonly envoyPath: string;
}

/**
 * Requests and ejections of pods that come back at once, so that they can be ejected again. A bad pod gets nine of ten
 * requests: how often it is ejected depends on its own requests alone.
 */
async function measure({ supervisor, signal }: BenchRun, play: Play): Promise<MeasuredEjections> {
  const { pods: count, callers, inARow, bad, share, random, envoyPath } = play;
  const isBad = (index: number) => bad === 0 || index < bad;
  const pods = await Promise.all(
    Array.from({ length: count }, (_none, index) => playPod(isBad(index) ? share : 0, random)),
  );
  const heavy = bad === 0 ? 1 : 9 * (count - bad);
  const proxies = await playProxies({
    supervisor,
    envoyPath,
    callers,
    inARow,
    pods: pods.map(({ port }, index) => ({ port, weight: isBad(index) ? heavy : 1 })),
    maxEjectionPercent: 100,
    baseEjectionTime: 1,
    interval: 20,
  });
  try {
    const requests = () => pods.filter((_pod, index) => isBad(index)).reduce((sum, pod) => sum + pod.requests(), 0);
    const needed = Math.min(mostRequests, enoughEjections * expectedRequests(share, inARow));
    const isEnough = () => requests() >= needed;
    await callAll({ url: proxies.url, callers, pause: needed > few ? 0 : briefly, isEnough, signal });
    return { requests: requests(), ejections: (await proxies.ejections()).all };
  } finally {
    await proxies.stop();
    await Promise.all(pods.map((pod) => pod.stop()));
  }
}

/** How many pods are out where all fail everything and stay away. */
async function ejectedOf(
  { supervisor, signal }: BenchRun,
  {
    pods: count,
    percent,
    random,
    envoyPath,
  }: { pods: number; percent: number; random: () => number; envoyPath: string },
): Promise<number> {
  const pods = await Promise.all(Array.from({ length: count }, () => playPod(1, random)));
  const proxies = await playProxies({
    supervisor,
    envoyPath,
    callers: 1,
    inARow: 2,
    pods: pods.map(({ port }) => ({ port, weight: 1 })),
    maxEjectionPercent: percent,
    baseEjectionTime: 60_000,
    interval: 1_000,
  });
  try {
    const all = () => pods.reduce((sum, pod) => sum + pod.requests(), 0);
    await callAll({ url: proxies.url, callers: 1, pause: 0, isEnough: () => all() >= 10 * count, signal });
    return (await proxies.ejections()).now;
  } finally {
    await proxies.stop();
    await Promise.all(pods.map((pod) => pod.stop()));
  }
}
