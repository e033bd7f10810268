import type { Instant } from "../../api/instant.ts";
import type { PodTick } from "../../domain/outliers/pods.ts";
import type { Increment } from "./increments.ts";

/** What the growth of a series counts. */
export interface Meaning {
  readonly requests: boolean;
  readonly errors: boolean;
}

/** Growth that is known to count something. */
export interface Meant extends Pick<Increment, "steps"> {
  readonly as: Meaning;
}

/** Scrape by scrape, in the order of time, what grew together. */
export function ticksOf(grown: readonly Meant[]): readonly PodTick[] {
  const ticks = new Map<Instant, PodTick>();
  for (const { as, steps } of grown)
    for (const {
      at,
      values: [more = 0],
    } of steps) {
      const { requests, errors } = ticks.get(at) ?? { requests: 0, errors: 0 };
      ticks.set(at, { at, requests: requests + (as.requests ? more : 0), errors: errors + (as.errors ? more : 0) });
    }
  return [...ticks.values()].sort((one, other) => one.at - other.at);
}
