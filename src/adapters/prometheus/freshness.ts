import type { Instant, Milliseconds } from "../../api/instant.ts";

/** Prometheus's own default, taken until two scrapes were seen. */
const usualInterval: Milliseconds = 60_000;

/** However often Prometheus scrapes, data of the last 15 s are fresh: one late scrape is no outage. */
const alwaysFresh: Milliseconds = 15_000;

/** The median time between two scrapes of a series, when those of some are known. */
export function scrapeInterval(scrapes: readonly (readonly Instant[])[]): Milliseconds {
  const gaps = scrapes
    .flatMap((times) => times.slice(1).map((at, index) => at - (times[index] ?? at)))
    .sort((one, other) => one - other);
  return gaps[Math.floor(gaps.length / 2)] ?? usualInterval;
}

/** How old the newest sample may be: three scrapes, so that a late one and a lost one are no outage. */
export function freshFor(interval: Milliseconds): Milliseconds {
  return Math.max(3 * interval, alwaysFresh);
}
