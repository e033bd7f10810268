import { difference, latencyQuantile, type CallCounts } from "../cluster/load/counts.ts";

/** How a version has been answering over the last seconds. */
export interface VersionTraffic {
  readonly perSecond: number;
  /** From 0 to 1; undefined without requests. */
  readonly errors: number | undefined;
  /** Undefined without requests. */
  readonly p99Ms: number | undefined;
}

export interface Traffic {
  /** To be called with the load's counts about twice a second. */
  sample(at: number, counts: CallCounts): void;
  of(version: string): VersionTraffic;
  /** The version's share of all requests, from 0 to 1, one number per second since `from`; the newest last. */
  shares(version: string, from: number): readonly number[];
}

interface Sample {
  readonly at: number;
  readonly counts: CallCounts;
}

const silence: VersionTraffic = { perSecond: 0, errors: undefined, p99Ms: undefined };

/** Rates, errors and latencies over a window that moves with the load's counts. */
export function createTraffic({ windowMs = 3000, keepMs = 300_000 } = {}): Traffic {
  const samples: Sample[] = [];
  const seconds: Sample[] = [];

  function window(): { readonly counts: CallCounts; readonly seconds: number } | undefined {
    const [first, last] = [samples[0], samples.at(-1)];
    if (first === undefined || last === undefined || last.at === first.at) return undefined;
    return { counts: difference(last.counts, first.counts), seconds: (last.at - first.at) / 1000 };
  }

  return {
    sample(at, counts) {
      samples.push({ at, counts });
      while (samples.length > 2 && (samples[1]?.at ?? at) <= at - windowMs) samples.shift();
      if (at - (seconds.at(-1)?.at ?? -Infinity) >= 1000) seconds.push({ at, counts });
      while (seconds.length > 0 && (seconds[0]?.at ?? at) < at - keepMs) seconds.shift();
    },
    of(version) {
      const now = window();
      const counts = now?.counts.byVersion[version];
      if (now === undefined || counts === undefined) return silence;
      return {
        perSecond: counts.total / now.seconds,
        errors: counts.failed / counts.total,
        p99Ms: latencyQuantile(counts, 0.99),
      };
    },
    shares(version, from) {
      return seconds.slice(1).flatMap((second, index) => {
        const before = seconds[index];
        if (before === undefined || before.at < from) return [];
        const total = second.counts.total - before.counts.total;
        return total === 0 ? [] : [(totalOf(second, version) - totalOf(before, version)) / total];
      });
    },
  };
}

function totalOf({ counts }: Sample, version: string): number {
  return counts.byVersion[version]?.total ?? 0;
}
