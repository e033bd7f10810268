import type { Instant } from "../../api/instant.ts";
import type { Boundaries } from "./boundaries.ts";
import { everything } from "./boundaries.ts";
import type { Labels, Sample, Series } from "./series.ts";
import { remembered, withoutLabels } from "./series.ts";

/**
 * Joins the buckets of each histogram into one series whose values are [all requests, those surely at or below the
 * limit, those possibly at or below it, then those at or below each of `beyond`], read in the same scrape.
 *
 * A histogram that lacks a boundary (its proxy has other buckets than the rest) never speaks against a version nor for
 * it: without the upper one no request counts as slow, without the lower one every request counts as slow or close.
 */
export function histograms(
  buckets: readonly Series[],
  { lower, upper }: Boundaries,
  beyond: readonly (readonly string[])[] = [],
): readonly Series[] {
  const groups = Map.groupBy(buckets, ({ labels }) => histogramOf(labels));
  return [...groups.values()].flatMap((group) => {
    const pick = (texts: readonly string[]) => group.filter(({ labels }) => texts.includes(labels["le"] ?? ""));
    const all = pick([everything])[0];
    if (all === undefined) return [];
    const below = valueAt(pick(lower), () => 0);
    const belowOrClose = valueAt(pick(upper), (total) => total);
    const others = beyond.map((texts) => valueAt(pick(texts), (total) => total));
    const samples = all.samples.flatMap(({ at, values: [total = 0] }, index): Sample[] => {
      const values = [total, below(at, total, index), belowOrClose(at, total, index)].concat(
        others.map((other) => other(at, total, index)),
      );
      // A scrape is stored whole or not at all; should a part be missing, it must not look like a restart.
      return values.every((value) => value !== undefined) ? [{ at, values }] : [];
    });
    return [{ labels: all.labels, samples }];
  });
}

/**
 * How many requests were slow, and how many were slow or may have been, when `growth` is that of a joined histogram; and
 * how many were slower than each of the boundaries that were asked for besides.
 */
export function slowOf([all = 0, below = 0, belowOrClose = 0, ...others]: readonly number[]): {
  readonly slow: number;
  readonly slowOrClose: number;
  readonly beyond?: number[];
} {
  return {
    slow: Math.max(0, all - belowOrClose),
    slowOrClose: Math.max(0, all - below),
    ...(others.length === 0 ? {} : { beyond: others.map((within) => Math.max(0, all - within)) }),
  };
}

const owners = new WeakMap<Labels, string>();

/** The same for the buckets of one histogram. */
export function histogramOf(labels: Labels): string {
  return remembered(owners, labels, () => withoutLabels(labels, ["__name__", "le"]));
}

/** The value of a bucket at a scrape, which is most often its `index`th; `absent` where there is no such bucket at all. */
function valueAt(
  [bucket, ...others]: readonly Series[],
  absent: (total: number) => number,
): (at: Instant, total: number, index: number) => number | undefined {
  if (bucket === undefined) return (_at, total) => absent(total);
  const all = [bucket, ...others].flatMap(({ samples }) => samples);
  return (at, _total, index) => {
    const likely = all[index];
    return (likely?.at === at ? likely : all.findLast((sample) => sample.at === at))?.values[0];
  };
}
