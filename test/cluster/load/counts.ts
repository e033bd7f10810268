/** One answered request, as a caller saw it. */
export interface Observed {
  /** When it was sent, epoch milliseconds. */
  readonly at: number;
  readonly latencyMs: number;
  /** 0 when there was no answer at all. */
  readonly status: number;
  /** What the pod called itself; undefined when the answer came from a proxy or there was none. */
  readonly version: string | undefined;
}

export interface VersionCounts {
  readonly total: number;
  readonly failed: number;
  /** When the first and the last request that it answered were sent, epoch milliseconds. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** Its answers by the upper bound of their latency in milliseconds, about 5 % apart. */
  readonly latency: Readonly<Record<string, number>>;
}

export interface CallCounts {
  readonly total: number;
  /** No answer, or a status from 400 on. */
  readonly failed: number;
  /** The first of the failed ones, for people who have to find out why. */
  readonly failures: readonly Observed[];
  readonly byStatus: Readonly<Record<string, number>>;
  /** `none` counts answers that name no version. */
  readonly byVersion: Readonly<Record<string, VersionCounts>>;
  /** Answers by the upper bound of their latency in milliseconds, about 5 % apart. */
  readonly latency: Readonly<Record<string, number>>;
}

export interface Counting {
  add(observed: Observed): void;
  snapshot(): CallCounts;
}

/** What is known of a version while counting goes on. */
interface Tally {
  total: number;
  failed: number;
  firstAt: number;
  lastAt: number;
  readonly latency: Map<string, number>;
}

const keptFailures = 20;
const noVersion = "none";
const step = 1.05;
const shortestMs = 0.01;

export function isFailure(status: number): boolean {
  return status === 0 || status >= 400;
}

export function createCounting(): Counting {
  let total = 0;
  let failed = 0;
  const failures: Observed[] = [];
  const byStatus = new Map<string, number>();
  const byVersion = new Map<string, Tally>();
  const latency = new Map<string, number>();
  return {
    add(observed) {
      const { at, latencyMs, status, version = noVersion } = observed;
      total += 1;
      const bad = Number(isFailure(status));
      failed += bad;
      if (bad > 0 && failures.length < keptFailures) failures.push(observed);
      increment(byStatus, `${status}`);
      const bound = upperBound(latencyMs);
      increment(latency, bound);
      const tally = byVersion.get(version) ?? { total: 0, failed: 0, firstAt: at, lastAt: at, latency: new Map() };
      tally.total += 1;
      tally.failed += bad;
      tally.firstAt = Math.min(tally.firstAt, at);
      tally.lastAt = Math.max(tally.lastAt, at);
      increment(tally.latency, bound);
      byVersion.set(version, tally);
    },
    snapshot: () => ({
      total,
      failed,
      failures: [...failures],
      byStatus: Object.fromEntries(byStatus),
      byVersion: Object.fromEntries(
        [...byVersion].map(([version, tally]) => [version, { ...tally, latency: Object.fromEntries(tally.latency) }]),
      ),
      latency: Object.fromEntries(latency),
    }),
  };
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function upperBound(latencyMs: number): string {
  const steps = Math.ceil(Math.log(Math.max(latencyMs, shortestMs)) / Math.log(step));
  return (step ** steps).toPrecision(3);
}

/** What happened between an earlier snapshot and a later one. First and last times are those of the later one. */
export function difference(later: CallCounts, earlier: CallCounts): CallCounts {
  const byVersion = Object.entries(later.byVersion).flatMap(([version, counts]) => {
    const before = earlier.byVersion[version];
    const total = counts.total - (before?.total ?? 0);
    const failed = counts.failed - (before?.failed ?? 0);
    const latency = subtract(counts.latency, before?.latency ?? {});
    return total === 0 ? [] : [[version, { ...counts, total, failed, latency }] as const];
  });
  return {
    total: later.total - earlier.total,
    failed: later.failed - earlier.failed,
    failures: later.failures.slice(earlier.failures.length),
    byStatus: subtract(later.byStatus, earlier.byStatus),
    byVersion: Object.fromEntries(byVersion),
    latency: subtract(later.latency, earlier.latency),
  };
}

type Histogram = Readonly<Record<string, number>>;

function subtract(later: Histogram, earlier: Histogram): Record<string, number> {
  const differences = Object.entries(later).map(([key, count]) => [key, count - (earlier[key] ?? 0)] as const);
  return Object.fromEntries(differences.filter(([, count]) => count > 0));
}

/**
 * The latency below which that share of all answers, or of those of one version, stayed, in milliseconds, to 5 %. NaN
 * without answers.
 */
export function latencyQuantile(counts: Pick<CallCounts, "latency">, quantile: number): number {
  const bounds = Object.entries(counts.latency)
    .map(([bound, count]) => [Number(bound), count] as const)
    .sort(([left], [right]) => left - right);
  let left = quantile * bounds.reduce((sum, [, count]) => sum + count, 0);
  for (const [bound, count] of bounds) {
    left -= count;
    if (left <= 0) return bound;
  }
  return NaN;
}
