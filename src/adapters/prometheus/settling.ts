import type { Milliseconds } from "../../api/instant.ts";
import type { VersionsQuery } from "../../ports/metric-provider.ts";
import type { Clock } from "../../ports/clock.ts";
import type { QueryApi } from "./query-api.ts";
import { requestsMetric, selector, subjectOf } from "./selectors.ts";
import { ShortMemory } from "./short-memory.ts";

/** How long after its date a sample of a query may still be missing. */
export type SettlingTime = (query: VersionsQuery, signal: AbortSignal) => Promise<Milliseconds>;

/** What storing takes after the scrape has ended. */
const storing: Milliseconds = 100;
const least: Milliseconds = 150;
/** While nothing is known of the targets. */
const usual: Milliseconds = 1_000;
/** A target that answers more slowly may lose counts at the seam of two measurements: a verdict must not wait for it. */
const most: Milliseconds = 3_000;
const asksEvery: Milliseconds = 60_000;

/**
 * A sample is dated by the start of its scrape and stored at its end, so what is measured must have been dated a scrape
 * ago. How long scrapes of the query's targets take is asked for at most once a minute; while unknown, a second.
 */
export function createSettlingTime(api: QueryApi, clock: Clock): SettlingTime {
  const known = new ShortMemory<Milliseconds>(asksEvery);
  return async (query, signal) => {
    const key = JSON.stringify([query.namespace, query.service, query.reporter]);
    const now = clock.now();
    const remembered = known.recall(key, now);
    if (remembered !== undefined) return remembered;
    const slowest = `max(scrape_duration_seconds and on (instance, job) ${selector(subjectOf(requestsMetric, query))})`;
    const answer = await api.query(slowest, undefined, signal);
    const seconds = answer.kind === "Series" ? answer.series[0]?.samples[0]?.values[0] : undefined;
    if (seconds === undefined) return usual;
    const settling = Math.min(most, Math.max(least, Math.ceil(seconds * 1_000) + storing));
    known.remember(key, settling, now);
    return settling;
  };
}
