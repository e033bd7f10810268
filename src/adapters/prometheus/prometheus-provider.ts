import { renderDuration } from "../../api/instant.ts";
import type { Instant, Milliseconds } from "../../api/instant.ts";
import { totalsOf, type Tick } from "../../domain/analysis/blocks.ts";
import type { Counted, Measurement } from "../../domain/observation.ts";
import type { Clock } from "../../ports/clock.ts";
import type { PodReport } from "../../domain/outliers/pods.ts";
import type { MetricProvider, PodsQuery, TrafficQuery } from "../../ports/metric-provider.ts";
import { countArrivals } from "./arrivals.ts";
import { countRequests, durationsMissing } from "./count-requests.ts";
import { createFeed } from "./feed/feed.ts";
import { createSeriesBudget, type SeriesBudget } from "./feed/series-budget.ts";
import { createTwinWatch } from "./feed/twin-watch.ts";
import { freshFor } from "./freshness.ts";
import { checkValues, countRatios, mergeTicks } from "./own-metrics.ts";
import { countPods } from "./pod-counts.ts";
import { patient } from "./patience.ts";
import { createQueryApi } from "./query-api.ts";
import type { QueryApiOptions } from "./query-api.ts";
import { reuseMeasurements } from "./recent-measurements.ts";
import type { MetricNames } from "./recorded.ts";
import { durationMetric } from "./selectors.ts";
import { createServerClock } from "./server-clock.ts";
import type { ServerClock } from "./server-clock.ts";
import { createSettlingTime } from "./settling.ts";
import type { SettlingTime } from "./settling.ts";
import { trafficSinceShift } from "./since-shift.ts";
import { usualBoundaries } from "./usual-latency.ts";
import { usualTraffic } from "./usual-traffic.ts";
import { createBoundaryList, fetchWindow } from "./window.ts";
import type { Window, WindowParts } from "./window.ts";

export interface PrometheusOptions extends Omit<QueryApiOptions, "queryTimeout"> {
  readonly clock: Clock;
  /** How long one measurement may take in all; 3 s unless told. */
  readonly timeout?: Milliseconds | undefined;
  /** Series that are kept for all Rollouts at most; 50,000 unless told. */
  readonly seriesBudget?: number | undefined;
  /** Told what was measured, never an address's password, a token or a header. */
  readonly log?:
    { debug(fields: object, message: string): void; warn(fields: object, message: string): void } | undefined;
}

const defaultTimeout: Milliseconds = 3_000;
const podsTimeout: Milliseconds = 1_000;
const defaultSeriesBudget = 50_000;

/** Enough for two scrapes at Prometheus's default of one a minute, so that age and interval can be told. */
const leastWindow: Milliseconds = 120_000;

/** Where traffic goes is where it went of late: what a proxy did before it knew the routes is not held against it for longer. */
const shiftWindow: Milliseconds = 60_000;
/** A series must have been scraped twice to show anything; where that takes longer, the window is as many scrapes long. */
const shiftScrapes = 4;
/** More would only cost. */
const longestShiftWindow: Milliseconds = 300_000;

/** A watermark this far ahead of Prometheus is no rounding: its clock was set back. */
const clockTolerance: Milliseconds = 60_000;

interface Parts extends WindowParts {
  readonly clock: Clock;
  readonly serverClock: ServerClock;
  readonly settlingTime: SettlingTime;
  readonly seriesBudget: SeriesBudget;
}

/**
 * Counts requests from Istio's standard metrics in Prometheus, or in anything that answers its query API.
 *
 * Counts are of raw counters: what a measurement counts ends at its `until`, and the next one that begins there counts
 * neither less nor more. A measurement never throws and takes at most `timeout`: what stands in the way is told in the
 * answer's sentence. Samples are asked for once, for all Rollouts together, and kept for some minutes.
 */
export function createPrometheusProvider(options: PrometheusOptions): MetricProvider {
  const { timeout = defaultTimeout, log } = options;
  const parts = assemble(options, timeout);
  return {
    async arrivals(query, signal) {
      const arrivals = await countArrivals(parts.api, query, AbortSignal.any([signal, AbortSignal.timeout(timeout)]));
      log?.debug({ namespace: query.namespace, service: query.service, arrivals }, "callers looked at");
      return arrivals;
    },
    usual(query, signal) {
      return usualTraffic(parts.api, query, AbortSignal.any([signal, AbortSignal.timeout(timeout)]));
    },
    async pods(query, signal) {
      // A verdict that is known already does not wait for long.
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(Math.min(timeout, podsTimeout))]);
      const report = await podReport(parts, query, deadline);
      log?.debug({ namespace: query.namespace, service: query.service, report }, "pods looked at");
      return report;
    },
    measure: reuseMeasurements(
      async (query, signal) => {
        const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
        const measurement = await measure(parts, query, deadline);
        log?.debug({ namespace: query.namespace, service: query.service, measurement }, "requests measured");
        return measurement;
      },
      () => performance.now(),
    ),
  };
}

function assemble(options: PrometheusOptions, timeout: Milliseconds): Parts {
  const { clock, log, seriesBudget = defaultSeriesBudget } = options;
  const now = () => performance.now();
  const api = patient(createQueryApi({ ...options, queryTimeout: timeout }), { now });
  const feed = createFeed({ api, now });
  return {
    api,
    feed,
    clock,
    serverClock: createServerClock(api, clock),
    settlingTime: createSettlingTime(api, clock),
    listBoundaries: createBoundaryList(api),
    twinsOf: createTwinWatch((example) =>
      log?.warn({ example }, "a proxy is scraped more than once; its requests are counted once"),
    ),
    seriesBudget: createSeriesBudget({ api, most: seriesBudget }),
  };
}

async function podReport(parts: Parts, query: PodsQuery, signal: AbortSignal): Promise<PodReport> {
  const [offset, settling] = await Promise.all([parts.serverClock.offset(signal), parts.settlingTime(query, signal)]);
  if (offset.kind === "Problem") return unavailable(offset.problem);
  const until = parts.clock.now() + offset.ahead - settling;
  const since = Math.min(query.since + offset.ahead, until);
  return countPods(parts, query, { since, until }, signal);
}

async function measure(parts: Parts, asked: TrafficQuery, signal: AbortSignal): Promise<Measurement> {
  const { clock } = parts;
  const [offset, settling] = await Promise.all([parts.serverClock.offset(signal), parts.settlingTime(asked, signal)]);
  if (offset.kind === "Problem") return unavailable(offset.problem);
  const query = asked.sinceClock === "operator" ? { ...asked, since: asked.since + offset.ahead } : asked;
  const settled = clock.now() + offset.ahead - settling;
  if (query.since - settled > clockTolerance) {
    return noData(`Prometheus's clock is ${renderDuration(query.since - settled)} behind the last measurement`);
  }
  const until = Math.max(settled, query.since);
  const names = await parts.seriesBudget(query, until, signal);
  if (names.kind === "Problem") return unavailable(names.problem);
  if (names.kind === "Over") return { kind: "NoData", message: names.message, isTooMuch: true };
  const shiftFrom = shiftStart(query.shiftedAt, offset.ahead, until);
  const countFrom = query.since - (query.lookBack ?? 0);
  const start = Math.min(countFrom, until - leastWindow, shiftFrom ?? until) - 1;
  const frame = { start, since: query.since, until, shiftFrom, countFrom };
  const fetched = await fetchWindow(parts, names, query, frame, signal);
  if (fetched.kind === "Problem") return unavailable(fetched.problem);
  const measurement = measurementOf(fetched.window, query, { until, shiftFrom, names });
  if (measurement.kind !== "Counts") return measurement;
  const own = await withOwnMetrics(parts, query, measurement, signal);
  return own.kind === "Counts" ? withUsual(parts, query, { measurement: own, metric: names.durations }, signal) : own;
}

async function withUsual(
  { api }: Parts,
  query: TrafficQuery,
  { measurement, metric }: { readonly measurement: Counted; readonly metric: string },
  signal: AbortSignal,
): Promise<Measurement> {
  const { usualQuantile: quantile } = query;
  // Growth that rules recorded is no counter to ask for the increase of.
  if (quantile === undefined || metric !== durationMetric) return measurement;
  const boundaries = await usualBoundaries(api, query, { metric, quantile }, query.since, signal);
  if (boundaries === undefined) return measurement;
  return "kind" in boundaries ? unavailable(boundaries.problem) : { ...measurement, boundaries };
}

/** How far before `since` counters of the team's own are read: a scrape or two. */
const ownLookBack: Milliseconds = 150_000;

async function withOwnMetrics(
  parts: Parts,
  { ratios = [], checks = [] }: TrafficQuery,
  measurement: Counted,
  signal: AbortSignal,
): Promise<Measurement> {
  const { since, until, ticks } = measurement;
  const [counted, values] = await Promise.all([
    countRatios(parts, ratios, { start: since - ownLookBack, since, until }, signal),
    checkValues(parts.api, checks, until, signal),
  ]);
  if ("kind" in counted) return unavailable(counted.problem);
  if ("kind" in values) return unavailable(values.problem);
  return { ...measurement, ticks: mergeTicks(ticks, counted), ...(values.length === 0 ? {} : { checks: values }) };
}

interface Measured {
  readonly until: Instant;
  readonly shiftFrom: Instant | undefined;
  readonly names: MetricNames;
}

/** What a window says, if what it holds is recent enough to be judged. */
function measurementOf(window: Window, query: TrafficQuery, { until, shiftFrom, names }: Measured): Measurement {
  const stale = staleness(window, query, names.requests, until);
  if (stale !== undefined) return noData(stale);
  const ticks = countRequests(window, query, { since: query.since, until });
  if (durationsMissing(window, query.canary, totalsOf(ticks).canary)) {
    return noData(`Prometheus counts requests to ${query.canary} but has no ${names.durations} of them`);
  }
  const { interval, due } = window;
  const recent = until - Math.max(shiftWindow, shiftScrapes * interval);
  const sinceShift =
    shiftFrom === undefined
      ? undefined
      : trafficSinceShift(window.shifted, query, { from: Math.max(shiftFrom, recent), until });
  const before = countedBefore(window, query);
  return {
    kind: "Counts",
    since: query.since,
    until,
    interval,
    ticks,
    sinceShift,
    ...(before && { before }),
    ...(due === undefined ? {} : { due }),
  };
}

function countedBefore(window: Window, query: TrafficQuery): readonly Tick[] | undefined {
  const { since, lookBack } = query;
  return lookBack === undefined ? undefined : countRequests(window, query, { since: since - lookBack, until: since });
}

function staleness(
  { newest, interval }: Window,
  query: TrafficQuery,
  metric: string,
  until: Instant,
): string | undefined {
  if (newest === undefined) return `Prometheus has no recent ${described(query, metric)}`;
  const age = until - newest;
  const allowed = freshFor(interval);
  if (age <= allowed) return undefined;
  return `Prometheus's newest ${described(query, metric)} are ${renderDuration(age)} old; they may be ${renderDuration(allowed)} old`;
}

/** The selector in words. */
function described({ namespace, service, reporter, stable, canary }: TrafficQuery, metric: string): string {
  const whose = reporter === "source" ? "the callers' proxies" : "the pods' own proxies";
  return `counts of requests (${metric}) to ${stable} or ${canary} by Service ${namespace}/${service}, as ${whose} report them`;
}

/** `shiftedAt` is a moment of the operator's clock. */
function shiftStart(shiftedAt: Instant | undefined, ahead: Milliseconds, until: Instant): Instant | undefined {
  if (shiftedAt === undefined || shiftedAt + ahead >= until) return undefined;
  return Math.max(shiftedAt + ahead, until - longestShiftWindow);
}

function noData(message: string): Measurement {
  return { kind: "NoData", message };
}

function unavailable(message: string): { readonly kind: "Unavailable"; readonly message: string } {
  return { kind: "Unavailable", message };
}
