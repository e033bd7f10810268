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

/** What is known of requests pod by pod. */
export type PodReport =
  | {
      readonly kind: "Counts";
      /** Requests are counted after `since` up to `until`, on Prometheus's clock. */
      readonly since: Instant;
      readonly until: Instant;
      readonly pods: readonly PodCounts[];
      /** Requests per second to each version by each calling proxy: every proxy ejects for itself. */
      readonly callers: Readonly<Record<Version, readonly number[]>>;
    }
  /** Nothing tells which pod a request went to; the message says what to add. */
  | { readonly kind: "Unknown"; readonly message: string }
  | { readonly kind: "Unavailable"; readonly message: string };

/** How long a pod without a request is still one that is called. */
const calledWithin: Milliseconds = 10_000;

/** The pods of a version that are called: one that was replaced has no requests any more. */
export function podsOf(report: Extract<PodReport, { kind: "Counts" }>, version: Version): readonly PodCounts[] {
  const isCalled = ({ ticks }: PodCounts) =>
    ticks.some(({ at, requests }) => requests > 0 && at > report.until - calledWithin);
  return report.pods.filter((each) => each.version === version && isCalled(each));
}

/** All requests of some pods. */
export function totalOf(pods: readonly PodCounts[]): { readonly requests: number; readonly errors: number } {
  const all = pods.flatMap(({ ticks }) => ticks);
  return {
    requests: all.reduce((sum, { requests }) => sum + requests, 0),
    errors: all.reduce((sum, { errors, requests }) => sum + Math.min(errors, requests), 0),
  };
}
