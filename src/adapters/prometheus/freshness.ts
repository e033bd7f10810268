import type { Instant, Milliseconds } from "../../api/instant.ts";
import type { Series } from "./series.ts";

/** Prometheus's own default, taken until two scrapes were seen. */
const usualInterval: Milliseconds = 60_000;

/** However often Prometheus scrapes, data of the last 15 s are fresh: one late scrape is no outage. */
const alwaysFresh: Milliseconds = 15_000;

/** When the newest sample was scraped; undefined without any. */
export function newestSample(series: readonly Series[]): Instant | undefined {
  return series.reduce<Instant | undefined>((newest, { samples }) => {
    const last = samples.at(-1)?.at;
    return last === undefined ? newest : Math.max(last, newest ?? last);
  }, undefined);
}

/** The median time between two samples of a series. */
export function scrapeInterval(series: readonly Series[]): Milliseconds {
  const gaps = series
    .flatMap(({ samples }) => samples.slice(1).map(({ at }, index) => at - (samples[index]?.at ?? at)))
    .sort((one, other) => one - other);
  return gaps[Math.floor(gaps.length / 2)] ?? usualInterval;
}

/** How old the newest sample may be: three scrapes, so that a late one and a lost one are no outage. */
export function freshFor(interval: Milliseconds): Milliseconds {
  return Math.max(3 * interval, alwaysFresh);
}
