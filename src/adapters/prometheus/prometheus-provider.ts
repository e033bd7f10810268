import { renderDuration } from "../../api/instant.ts";
import type { Instant, Milliseconds } from "../../api/instant.ts";
import type { Measurement } from "../../domain/observation.ts";
import type { Clock } from "../../ports/clock.ts";
import type { MetricProvider, TrafficQuery } from "../../ports/metric-provider.ts";
import { countRequests, durationsMissing } from "./count-requests.ts";
import { freshFor, newestSample, scrapeInterval } from "./freshness.ts";
import { createQueryApi } from "./query-api.ts";
import type { QueryApi, QueryApiOptions } from "./query-api.ts";
import { durationMetric, requestsMetric } from "./selectors.ts";
import { createServerClock } from "./server-clock.ts";
import type { ServerClock } from "./server-clock.ts";
import { createSettlingTime } from "./settling.ts";
import type { SettlingTime } from "./settling.ts";
import { trafficSinceShift } from "./since-shift.ts";
import { createBoundaryList, fetchWindow } from "./window.ts";
import type { ListBoundaries, Window } from "./window.ts";

export interface PrometheusOptions extends QueryApiOptions {
  readonly clock: Clock;
  /** How long one measurement may take in all; 3 s unless told. */
  readonly timeout?: Milliseconds | undefined;
  /** Told what was measured, never an address's password, a token or a header. */
  readonly log?: { debug(fields: object, message: string): void } | undefined;
}

const defaultTimeout: Milliseconds = 3_000;

/** Enough for two scrapes at Prometheus's default of one a minute, so that age and interval can be told. */
const leastWindow: Milliseconds = 120_000;

/** Traffic that was seen to move is seen in its last minutes too; more would only cost. */
const longestShiftWindow: Milliseconds = 300_000;

/** A watermark this far ahead of Prometheus is no rounding: its clock was set back. */
const clockTolerance: Milliseconds = 60_000;

interface Parts {
  readonly api: QueryApi;
  readonly serverClock: ServerClock;
  readonly settlingTime: SettlingTime;
  readonly listBoundaries: ListBoundaries;
}

/**
 * Counts requests from Istio's standard metrics in Prometheus, or in anything that answers its query API.
 *
 * Counts are of raw counters: what a measurement counts ends at its `until`, and the next one that begins there counts
 * neither less nor more. A measurement never throws and takes at most `timeout`: what stands in the way is told in the
 * answer's sentence.
 */
export function createPrometheusProvider(options: PrometheusOptions): MetricProvider {
  const { clock, timeout = defaultTimeout, log } = options;
  const api = createQueryApi(options);
  const parts: Parts = {
    api,
    serverClock: createServerClock(api, clock),
    settlingTime: createSettlingTime(api, clock),
    listBoundaries: createBoundaryList(api),
  };
  return {
    async measure(query, signal) {
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
      const measurement = await measure(parts, clock, query, deadline);
      log?.debug({ namespace: query.namespace, service: query.service, measurement }, "requests measured");
      return measurement;
    },
  };
}

async function measure(parts: Parts, clock: Clock, asked: TrafficQuery, signal: AbortSignal): Promise<Measurement> {
  const [offset, settling] = await Promise.all([parts.serverClock.offset(signal), parts.settlingTime(asked, signal)]);
  if (offset.kind === "Problem") return unavailable(offset.problem);
  const query = asked.sinceClock === "operator" ? { ...asked, since: asked.since + offset.ahead } : asked;
  const settled = clock.now() + offset.ahead - settling;
  if (query.since - settled > clockTolerance) {
    return noData(`Prometheus's clock is ${renderDuration(query.since - settled)} behind the last measurement`);
  }
  const until = Math.max(settled, query.since);
  const shiftFrom = shiftStart(query.shiftedAt, offset.ahead, until);
  const start = Math.min(query.since, until - leastWindow, shiftFrom ?? until) - 1;
  const fetched = await fetchWindow(parts, query, { start, since: query.since, until }, signal);
  if (fetched.kind === "Problem") return unavailable(fetched.problem);
  return measurementOf(fetched.window, query, until, shiftFrom);
}

/** What a window says, if what it holds is recent enough to be judged. */
function measurementOf(
  window: Window,
  query: TrafficQuery,
  until: Instant,
  shiftFrom: Instant | undefined,
): Measurement {
  const stale = staleness(window, query, until);
  if (stale !== undefined) return noData(stale);
  const counts = countRequests(window, query, { since: query.since, until });
  if (durationsMissing(window, query.canary, counts.canary)) {
    return noData(`Prometheus counts requests to ${query.canary} but has no ${durationMetric} of them`);
  }
  const sinceShift =
    shiftFrom === undefined ? undefined : trafficSinceShift(window.scraped, query, { from: shiftFrom, until });
  return { kind: "Counts", until, ...counts, sinceShift };
}

function staleness({ scraped }: Window, query: TrafficQuery, until: Instant): string | undefined {
  const newest = newestSample(scraped);
  if (newest === undefined) return `Prometheus has no recent ${described(query)}`;
  const age = until - newest;
  const allowed = freshFor(scrapeInterval(scraped));
  if (age <= allowed) return undefined;
  return `Prometheus's newest ${described(query)} are ${renderDuration(age)} old; they may be ${renderDuration(allowed)} old`;
}

/** The selector in words. */
function described({ namespace, service, reporter, stable, canary }: TrafficQuery): string {
  const whose = reporter === "source" ? "the callers' proxies" : "the pods' own proxies";
  return `counts of requests (${requestsMetric}) to ${stable} or ${canary} by Service ${namespace}/${service}, as ${whose} report them`;
}

/** `shiftedAt` is a moment of the operator's clock. */
function shiftStart(shiftedAt: Instant | undefined, ahead: Milliseconds, until: Instant): Instant | undefined {
  if (shiftedAt === undefined || shiftedAt + ahead >= until) return undefined;
  return Math.max(shiftedAt + ahead, until - longestShiftWindow);
}

function noData(message: string): Measurement {
  return { kind: "NoData", message };
}

function unavailable(message: string): Measurement {
  return { kind: "Unavailable", message };
}
