import type { Instant } from "../../api/instant.ts";
import type { Labels, Sample, Series } from "./series.ts";
import { targetOf } from "./series.ts";

/** What to count: the part of each series between two moments. */
export interface Span {
  /** Not counted itself: a sample at `since` is where counting begins. */
  readonly since: Instant;
  /** Counted itself. */
  readonly until: Instant;
  /** Whether everything that a series counts happened after `since`, when it is first seen after `since`. */
  readonly bornWithin: (labels: Labels) => boolean;
}

/** How much a series grew, scrape by scrape; one number for each of its values. */
export interface Increment {
  readonly labels: Labels;
  readonly steps: readonly Sample[];
}

/**
 * How much each series grew within a span. Never formed from a sum, because one series that goes away, or starts
 * again at zero, would hide in it.
 *
 * - Growth is counted from the last sample at or before `since`.
 * - A value that fell means that the process began again: the new value is the growth.
 * - A series that is first seen within the span counts from zero if its target was scraped before without it: it was
 *   born since then. So does one that `bornWithin` vouches for. Otherwise nothing is known of what it counted before,
 *   and its first sample is where counting begins.
 *
 * Adjoining spans add up: for any moment m between them, growth in (since, m] and in (m, until] is the growth in
 * (since, until], provided that `series` reaches back to a sample at or before each `since`.
 */
export function increments(series: readonly Series[], span: Span): readonly Increment[] {
  const firstScrapes = firstScrapeOfTargets(series);
  return series.flatMap(({ labels, samples }) => {
    const known = samples.filter(({ at }) => at <= span.until);
    const first = known[0];
    if (first === undefined || (known.at(-1)?.at ?? 0) <= span.since) return [];
    const bornSeen = (firstScrapes.get(targetOf(labels)) ?? first.at) < first.at;
    const fromZero = first.at > span.since && (bornSeen || span.bornWithin(labels));
    return [{ labels, steps: stepsAfter(known, span.since, fromZero) }];
  });
}

/**
 * Whether it is to be found out what some series were at `since`: they are first seen later, and nothing tells that
 * their target was scraped without them before.
 */
export function lacksBaseline(series: readonly Series[], since: Instant): boolean {
  if (series.every(({ samples: [first] }) => first === undefined || first.at <= since)) return false;
  const firstScrapes = firstScrapeOfTargets(series);
  return series.some(({ labels, samples: [first] }) => {
    return first !== undefined && first.at > since && (firstScrapes.get(targetOf(labels)) ?? first.at) >= first.at;
  });
}

/** A first sample from which counting begins is a step of nothing: its target was scraped. */
function stepsAfter(samples: readonly Sample[], since: Instant, fromZero: boolean): readonly Sample[] {
  const zero: readonly number[] = samples[0]?.values.map(() => 0) ?? [];
  let before = fromZero ? zero : undefined;
  return samples.flatMap(({ at, values }) => {
    const growth = before === undefined ? zero : grown(before, values);
    before = values;
    return at > since ? [{ at, values: growth }] : [];
  });
}

/** One value that fell is enough: they belong to one process, and the others only happen to be higher than before. */
function grown(before: readonly number[], now: readonly number[]): readonly number[] {
  const restarted = now.some((value, index) => value < (before[index] ?? 0));
  return restarted ? now : now.map((value, index) => value - (before[index] ?? 0));
}

function firstScrapeOfTargets(series: readonly Series[]): ReadonlyMap<string, Instant> {
  const first = new Map<string, Instant>();
  for (const { labels, samples } of series) {
    const target = targetOf(labels);
    const at = samples[0]?.at;
    if (at !== undefined) first.set(target, Math.min(at, first.get(target) ?? at));
  }
  return first;
}

/**
 * The same series reaching back to `since`: those without a sample at or before it get the value that they had then,
 * and those that ended before it are there to tell that their target was scraped.
 * `earlier` has one sample per series, whose time is not known better than "at or before `since`".
 */
export function reachingBack(
  series: readonly Series[],
  earlier: readonly Series[],
  identity: (labels: Labels) => string,
): readonly Series[] {
  const before = new Map(earlier.map((one) => [identity(one.labels), one]));
  const extended = series.map((one) => {
    const baseline = before.get(identity(one.labels))?.samples[0];
    before.delete(identity(one.labels));
    const first = one.samples[0];
    if (baseline === undefined || (first !== undefined && first.at <= baseline.at)) return one;
    return { labels: one.labels, samples: [baseline, ...one.samples] };
  });
  return [...extended, ...before.values()];
}

/** What some series grew by in all. */
export function totalGrowth(grown: readonly Increment[]): number {
  return grown.flatMap(({ steps }) => steps).reduce((total, { values: [more = 0] }) => total + more, 0);
}
