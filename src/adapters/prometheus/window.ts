import type { Instant, Milliseconds } from "../../api/instant.ts";
import type { TrafficQuery } from "../../ports/metric-provider.ts";
import type { Problem } from "./answers.ts";
import { boundariesAround, everything, textsOf } from "./boundaries.ts";
import type { Boundaries } from "./boundaries.ts";
import type { Feed } from "./feed/feed.ts";
import type { SampleStore } from "./feed/sample-store.ts";
import type { Twins } from "./feed/twins.ts";
import { scrapeInterval } from "./freshness.ts";
import { lacksBaseline, reachingBack } from "./increments.ts";
import type { QueryApi } from "./query-api.ts";
import { asCounters, type MetricNames } from "./recorded.ts";
import { isLost } from "./request-class.ts";
import { lastWithin, selector, subjectOf, type Subject } from "./selectors.ts";
import { identityOf } from "./series.ts";
import { ShortMemory } from "./short-memory.ts";
import type { Series } from "./series.ts";
import { histogramOf, histograms } from "./slow-requests.ts";

/** The samples that one measurement looks at. */
export interface Window {
  /** When the newest sample of request counters was scraped, and how often they are. */
  readonly newest: Instant | undefined;
  readonly interval: Milliseconds;
  /** When the next sample of any of them is due; undefined when none is. */
  readonly due: Instant | undefined;
  /** Request counters as they were scraped, from the last change of weights on. */
  readonly shifted: readonly Series[];
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
  /** From where on `shifted` is to be; undefined: not at all. */
  readonly shiftFrom: Instant | undefined;
  /** From where on requests are to be counted; `since` unless something before it is to be told as well. */
  readonly countFrom: Instant;
}

/** How far before `since` a value is looked for, for a series that was not scraped just then. */
const looksBack: Milliseconds = 3_600_000;
/** Two scrapes before the first count: one may be late. */
const scrapesBefore = 2.5;

export type Fetched = { readonly kind: "Window"; readonly window: Window } | Problem;

/** The values of `le` that the histograms of a query have. */
export type ListBoundaries = (
  query: TrafficQuery,
  metric: string,
  at: Instant,
  signal: AbortSignal,
) => Promise<readonly string[] | Problem>;

export interface WindowParts {
  readonly api: QueryApi;
  readonly feed: Feed;
  readonly listBoundaries: ListBoundaries;
  /** Which of the series say the same as others; asked with those of the last minutes. */
  readonly twinsOf: (subject: Subject, requests: SampleStore, until: Instant) => Twins;
}

/** Brings all that one measurement needs; asks for what is not here yet, and for what was before a series is new. */
export async function fetchWindow(
  parts: WindowParts,
  names: MetricNames,
  query: TrafficQuery,
  frame: Frame,
  signal: AbortSignal,
): Promise<Fetched> {
  const histogram = await histogramSubject(parts.listBoundaries, names, query, frame.until, signal);
  if ("kind" in histogram) return histogram;
  const subject: Subject = { ...subjectOf(names.requests, query), withLost: true };
  const stores = await follow(parts.feed, [subject, histogram.subject], frame, signal);
  if ("kind" in stores) return stores;
  const { requests, buckets } = stores;
  const { isTwin } = parts.twinsOf(subject, requests, frame.until);
  const single = (series: readonly Series[]) => series.filter(({ labels }) => !isTwin(labels));
  const read = (store: SampleStore | undefined, from: Instant) => {
    const series = single(store?.between(from, frame.until) ?? []);
    return names.areGrowth ? asCounters(series) : series;
  };
  const interval = scrapeInterval(requests.scrapes());
  const countFrom = Math.max(frame.start, frame.countFrom - scrapesBefore * interval);
  const counted = read(requests, countFrom);
  const durations = histograms(read(buckets, countFrom), histogram.boundaries, histogram.beyond);
  const window: Window = {
    // What was lost says nothing about whether versions are seen.
    newest: requests.newest((labels) => !isLost(labels)),
    interval,
    due: requests.due(interval),
    shifted: frame.shiftFrom === undefined ? [] : read(requests, frame.shiftFrom - 1),
    requests: counted,
    durations: query.slowerThan === undefined ? undefined : durations,
    watching: true,
  };
  const isUnfounded = lacksBaseline(counted, frame.since) || lacksBaseline(durations, frame.since);
  if (!isUnfounded || names.areGrowth) return { kind: "Window", window };
  return withBaselines(parts.api, { window, subject, histogram, single }, frame.since, signal);
}

async function follow(
  feed: Feed,
  [subject, histogram]: readonly [Subject, Subject | undefined],
  { start, until }: Frame,
  signal: AbortSignal,
): Promise<{ readonly requests: SampleStore; readonly buckets: SampleStore | undefined } | Problem> {
  const [requests, buckets] = await Promise.all([
    feed.follow(subject, start, until, signal),
    histogram && feed.follow(histogram, start, until, signal),
  ]);
  if ("kind" in requests) return requests;
  return buckets !== undefined && "kind" in buckets ? buckets : { requests, buckets };
}

interface Unfounded {
  readonly window: Window;
  readonly subject: Subject;
  readonly histogram: HistogramSubject;
  readonly single: (series: readonly Series[]) => readonly Series[];
}

/** What series were before they came into view, and whether anybody was looking then. */
async function withBaselines(
  api: QueryApi,
  { window, subject, histogram, single }: Unfounded,
  since: Instant,
  signal: AbortSignal,
): Promise<Fetched> {
  const [requestsThen, bucketsThen, targets] = await Promise.all([
    ask(api, lastWithin(selector(subject), looksBack), since, signal),
    histogram.subject === undefined
      ? none
      : ask(api, lastWithin(selector(histogram.subject), looksBack), since, signal),
    ask(api, "count(up)", since, signal),
  ]);
  if ("kind" in requestsThen) return requestsThen;
  if ("kind" in bucketsThen) return bucketsThen;
  if ("kind" in targets) return targets;
  const { requests, durations } = window;
  const durationsThen = histograms(single(bucketsThen), histogram.boundaries, histogram.beyond);
  return {
    kind: "Window",
    window: {
      ...window,
      requests: reachingBack(requests, single(requestsThen), identityOf),
      durations: durations && reachingBack(durations, durationsThen, histogramOf),
      watching: targets.length > 0,
    },
  };
}

const none: readonly Series[] = [];

async function ask(
  api: QueryApi,
  expression: string,
  at: Instant,
  signal: AbortSignal,
): Promise<readonly Series[] | Problem> {
  const answer = await api.query(expression, at, signal);
  if (answer.kind === "Series") return answer.series;
  if (answer.kind === "Problem") return answer;
  const problem = "Prometheus answered with a number where series were asked for";
  return { kind: "Problem", cause: "Refused", problem };
}

interface HistogramSubject {
  /** Undefined where latency is not judged, or nothing tells of it. */
  readonly subject: Subject | undefined;
  readonly boundaries: Boundaries;
  /** How the boundaries of the query's `beyond` are written. */
  readonly beyond: readonly (readonly string[])[];
}

async function histogramSubject(
  listBoundaries: ListBoundaries,
  names: MetricNames,
  query: TrafficQuery,
  at: Instant,
  signal: AbortSignal,
): Promise<HistogramSubject | Problem> {
  const unknown = { subject: undefined, boundaries: { lower: [], upper: [] }, beyond: [] };
  if (query.slowerThan === undefined) return unknown;
  const existing = await listBoundaries(query, names.durations, at, signal);
  if ("kind" in existing) return existing;
  if (existing.length === 0) return unknown;
  const boundaries = boundariesAround(query.slowerThan, existing);
  const beyond = (query.beyond ?? []).map((boundary) => textsOf(boundary, existing));
  const wanted = new Set([...boundaries.lower, ...boundaries.upper, ...beyond.flat(), everything]);
  return { subject: subjectOf(names.durations, query, [...wanted]), boundaries, beyond };
}

/** Boundaries change with a proxy's configuration only, so an answer is good for ten minutes. */
const boundariesLast: Milliseconds = 600_000;

/** Asks which boundaries there are, and remembers. */
export function createBoundaryList(api: QueryApi): ListBoundaries {
  const known = new ShortMemory<readonly string[]>(boundariesLast);
  return async (query, metric, at, signal) => {
    const key = JSON.stringify([metric, query.namespace, query.service, query.reporter]);
    const remembered = known.recall(key, at);
    if (remembered !== undefined) return remembered;
    const answer = await ask(api, `group by (le) (${selector(subjectOf(metric, query))})`, at, signal);
    if ("kind" in answer) return answer;
    const existing = answer.flatMap(({ labels }) => labels["le"] ?? []);
    if (existing.length > 0) known.remember(key, existing, at);
    return existing;
  };
}
