import type { Instant, Milliseconds } from "../../api/instant.ts";
import type { TrafficQuery } from "../../ports/metric-provider.ts";
import type { Answer } from "./answers.ts";
import { boundariesAround, everything } from "./boundaries.ts";
import type { Boundaries } from "./boundaries.ts";
import { reachingBack } from "./increments.ts";
import type { QueryApi } from "./query-api.ts";
import { durationMetric, lastWithin, requestsMetric, samplesWithin, selector } from "./selectors.ts";
import { identityOf } from "./series.ts";
import type { Series } from "./series.ts";
import { histogramOf, histograms } from "./slow-requests.ts";

/** The samples that one measurement looks at. */
export interface Window {
  /** Request counters as they were scraped, from the frame's start on. */
  readonly scraped: readonly Series[];
  /** The same, reaching back to a sample at or before `since`; the time of that one is not exact. */
  readonly requests: readonly Series[];
  /** Joined histograms (slow-requests.ts); undefined when latency is not judged. */
  readonly durations: readonly Series[] | undefined;
  /** Whether Prometheus was scraping at the start of the span: if not, it cannot know what was born since. */
  readonly watching: boolean;
}

/** Which samples to get: all from `start` to `until`, and what series were at `since` if they have none before it. */
export interface Frame {
  readonly start: Instant;
  readonly since: Instant;
  readonly until: Instant;
}

/** How far before `since` a value is looked for, for a series that was not scraped just then. */
const looksBack: Milliseconds = 3_600_000;

export type Fetched = { readonly kind: "Window"; readonly window: Window } | Extract<Answer, { kind: "Problem" }>;

/** The values of `le` that the histograms of a query have. */
export type ListBoundaries = (
  query: TrafficQuery,
  at: Instant,
  signal: AbortSignal,
) => Promise<readonly string[] | Answer>;

/** Asks for all that one measurement needs, with as few queries as the case allows: two, or five where a series is new. */
export async function fetchWindow(
  { api, listBoundaries }: { readonly api: QueryApi; readonly listBoundaries: ListBoundaries },
  query: TrafficQuery,
  frame: Frame,
  signal: AbortSignal,
): Promise<Fetched> {
  const histogram = await histogramSelector(listBoundaries, query, frame.until, signal);
  if ("kind" in histogram) return histogram;
  const requested = selector(requestsMetric, query);
  const within = (selected: string) => samplesWithin(selected, frame.until - frame.start);
  const [requests, buckets] = await Promise.all([
    ask(api, within(requested), frame.until, signal),
    histogram.selected === undefined ? none : ask(api, within(histogram.selected), frame.until, signal),
  ]);
  if ("kind" in requests) return requests;
  if ("kind" in buckets) return buckets;
  const durations = histograms(buckets, histogram.boundaries);
  const judged = query.slowerThan !== undefined;
  const window: Window = { scraped: requests, requests, durations: judged ? durations : undefined, watching: true };
  if (![...requests, ...durations].some((series) => startsAfter(series, frame.since)))
    return { kind: "Window", window };

  const [requestsThen, bucketsThen, targets] = await Promise.all([
    ask(api, lastWithin(requested, looksBack), frame.since, signal),
    histogram.selected === undefined ? none : ask(api, lastWithin(histogram.selected, looksBack), frame.since, signal),
    ask(api, "count(up)", frame.since, signal),
  ]);
  if ("kind" in requestsThen) return requestsThen;
  if ("kind" in bucketsThen) return bucketsThen;
  if ("kind" in targets) return targets;
  const durationsThen = histograms(bucketsThen, histogram.boundaries);
  return {
    kind: "Window",
    window: {
      scraped: requests,
      requests: reachingBack(requests, requestsThen, (labels) => identityOf(labels)),
      durations: judged ? reachingBack(durations, durationsThen, histogramOf) : undefined,
      watching: targets.length > 0,
    },
  };
}

const none: readonly Series[] = [];

function startsAfter({ samples }: Series, since: Instant): boolean {
  const first = samples[0];
  return first !== undefined && first.at > since;
}

async function ask(
  api: QueryApi,
  expression: string,
  at: Instant,
  signal: AbortSignal,
): Promise<readonly Series[] | Extract<Answer, { kind: "Problem" }>> {
  const answer = await api.query(expression, at, signal);
  if (answer.kind === "Series") return answer.series;
  if (answer.kind === "Problem") return answer;
  return { kind: "Problem", problem: "Prometheus answered with a number where series were asked for" };
}

async function histogramSelector(
  listBoundaries: ListBoundaries,
  query: TrafficQuery,
  at: Instant,
  signal: AbortSignal,
): Promise<
  { readonly selected: string | undefined; readonly boundaries: Boundaries } | Extract<Answer, { kind: "Problem" }>
> {
  const unknown = { selected: undefined, boundaries: { lower: [], upper: [] } };
  if (query.slowerThan === undefined) return unknown;
  const existing = await listBoundaries(query, at, signal);
  if ("kind" in existing) return existing.kind === "Problem" ? existing : unknown;
  if (existing.length === 0) return unknown;
  const boundaries = boundariesAround(query.slowerThan, existing);
  const wanted = new Set([...boundaries.lower, ...boundaries.upper, everything]);
  return { selected: selector(durationMetric, query, [...wanted]), boundaries };
}

/** Boundaries change with a proxy's configuration only, so an answer is good for ten minutes. */
const boundariesLast: Milliseconds = 600_000;

/** Asks which boundaries there are, and remembers. */
export function createBoundaryList(api: QueryApi): ListBoundaries {
  const known = new Map<string, { readonly existing: readonly string[]; readonly at: Instant }>();
  return async (query, at, signal) => {
    const key = JSON.stringify([query.namespace, query.service, query.reporter]);
    const remembered = known.get(key);
    if (remembered !== undefined && at - remembered.at < boundariesLast) return remembered.existing;
    const answer = await ask(api, `group by (le) (${selector(durationMetric, query)})`, at, signal);
    if ("kind" in answer) return answer;
    const existing = answer.flatMap(({ labels }) => labels["le"] ?? []);
    if (existing.length > 0) known.set(key, { existing, at });
    return existing;
  };
}
