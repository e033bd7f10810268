import type { Instant, Milliseconds } from "../../api/instant.ts";
import type { FoundPod } from "../../api/outlier-status.ts";

export type Version = FoundPod["version"];

/** What one scrape showed of a pod's requests since the scrape before. */
export interface PodTick {
  readonly at: Instant;
  readonly requests: number;
  readonly errors: number;
}

/** The requests to one pod. */
export interface PodCounts {
  readonly version: Version;
  readonly pod: string;
  /** In the order of time. */
  readonly ticks: readonly PodTick[];
}

/** What the callers' proxies say of a version, over the same time. */
export interface CalledCounts {
  /** Requests per second by each of them: every proxy ejects for itself. */
  readonly rates: readonly number[];
  /** Requests that failed, wherever. */
  readonly errors: number;
}

/** What is known of requests pod by pod. */
export type PodReport =
  | {
      readonly kind: "Counts";
      /** Requests are counted after `since` up to `until`, on Prometheus's clock. */
      readonly since: Instant;
      readonly until: Instant;
      /** Between two scrapes of a pod. */
      readonly interval: Milliseconds;
      readonly pods: readonly PodCounts[];
      readonly callers: Readonly<Record<Version, CalledCounts>>;
    }
  /** Nothing tells which pod a request went to; the message says what to add. */
  | { readonly kind: "Unknown"; readonly message: string }
  /** Nobody can say: Prometheus is away, or there were no requests. */
  | { readonly kind: "Unavailable"; readonly message: string };

/** A report that counted requests. */
export type CountedPods = Extract<PodReport, { kind: "Counts" }>;

/** How long a pod without a request is still one that is called; scrapes that are further apart give longer. */
const calledWithin: Milliseconds = 10_000;
const scrapesWithin = 2.5;

/** The pods of a version that are called: one that was replaced has no requests any more. */
export function podsOf(report: CountedPods, version: Version): readonly PodCounts[] {
  const within = Math.max(calledWithin, scrapesWithin * report.interval);
  const isCalled = ({ ticks }: PodCounts) =>
    ticks.some(({ at, requests }) => requests > 0 && at > report.until - within);
  return report.pods.filter((each) => each.version === version && isCalled(each));
}

/** All requests of some pods. */
export function totalOf(pods: readonly Pick<PodCounts, "ticks">[]): {
  readonly requests: number;
  readonly errors: number;
} {
  const all = pods.flatMap(({ ticks }) => ticks);
  return {
    requests: all.reduce((sum, { requests }) => sum + requests, 0),
    errors: all.reduce((sum, { errors, requests }) => sum + Math.min(errors, requests), 0),
  };
}
