import type { Instant } from "../../api/instant.ts";
import type { Boundaries } from "./boundaries.ts";
import { everything } from "./boundaries.ts";
import type { Labels, Sample, Series } from "./series.ts";
import { identityOf } from "./series.ts";

/**
 * Joins the buckets of each histogram into one series whose values are [all requests, those surely at or below the
 * limit, those possibly at or below it], read in the same scrape.
 *
 * A histogram that lacks a boundary (its proxy has other buckets than the rest) never speaks against a version nor for
 * it: without the upper one no request counts as slow, without the lower one every request counts as slow or close.
 */
export function histograms(buckets: readonly Series[], { lower, upper }: Boundaries): readonly Series[] {
  const groups = Map.groupBy(buckets, ({ labels }) => histogramOf(labels));
  return [...groups.values()].flatMap((group) => {
    const pick = (texts: readonly string[]) => group.filter(({ labels }) => texts.includes(labels["le"] ?? ""));
    const all = pick([everything])[0];
    if (all === undefined) return [];
    const below = valueAt(pick(lower), () => 0);
    const belowOrClose = valueAt(pick(upper), (total) => total);
    const samples = all.samples.flatMap(({ at, values: [total = 0] }): Sample[] => {
      const values = [total, below(at, total), belowOrClose(at, total)];
      // A scrape is stored whole or not at all; should a part be missing, it must not look like a restart.
      return values.every((value) => value !== undefined) ? [{ at, values }] : [];
    });
    return [{ labels: all.labels, samples }];
  });
}

/** How many requests were slow, and how many were slow or may have been, when `growth` is that of a joined histogram. */
export function slowOf([all = 0, below = 0, belowOrClose = 0]: readonly number[]): {
  readonly slow: number;
  readonly slowOrClose: number;
} {
  return { slow: Math.max(0, all - belowOrClose), slowOrClose: Math.max(0, all - below) };
}

/** The same for the buckets of one histogram. */
export function histogramOf(labels: Labels): string {
  return identityOf(labels, ["le"]);
}

/** The value of a bucket at a scrape; `absent` where the histogram has no such bucket at all. */
function valueAt(
  bucket: readonly Series[],
  absent: (total: number) => number,
): (at: Instant, total: number) => number | undefined {
  const values = new Map(
    bucket.flatMap(({ samples }) => samples.map(({ at, values: [value] }) => [at, value] as const)),
  );
  return (at, total) => (bucket.length === 0 ? absent(total) : values.get(at));
}
