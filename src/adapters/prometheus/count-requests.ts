import type { Instant } from "../../api/instant.ts";
import type { Counts } from "../../api/rollout-status.ts";
import { increments } from "./increments.ts";
import type { Increment, Span } from "./increments.ts";
import { classOf } from "./request-class.ts";
import type { Labels } from "./series.ts";
import { slowOf } from "./slow-requests.ts";
import type { Window } from "./window.ts";

/** The two workloads between which requests are told apart, as Istio's metrics name them. */
export interface Workloads {
  readonly stable: string;
  readonly canary: string;
}

/** The requests of both workloads that ended in the span (since, until]. */
export function countRequests(
  window: Window,
  { stable, canary }: Workloads,
  { since, until }: { readonly since: Instant; readonly until: Instant },
): { readonly stable: Counts; readonly canary: Counts } {
  // The canary did not exist before the release; what its series count is the release's.
  const span: Span = { since, until, bornWithin: (labels) => window.watching && workloadOf(labels) === canary };
  const requests = judged(increments(window.requests, span));
  const durations = judged(increments(window.durations ?? [], span));
  const countsOf = (workload: string) => sum(of(workload, requests), of(workload, durations));
  return { stable: countsOf(stable), canary: countsOf(canary) };
}

/** Whether requests to a workload were counted while nothing tells how long they took. */
export function durationsMissing(window: Window, workload: string, counts: Counts): boolean {
  if (window.durations === undefined || counts.requests === 0) return false;
  return !window.durations.some(({ labels }) => workloadOf(labels) === workload);
}

export function workloadOf(labels: Labels): string | undefined {
  return labels["destination_workload"];
}

function judged(all: readonly Increment[]): readonly Increment[] {
  return all.filter(({ labels }) => classOf(labels) !== "ClientGone");
}

function of(workload: string, all: readonly Increment[]): readonly Increment[] {
  return all.filter(({ labels }) => workloadOf(labels) === workload);
}

function sum(requests: readonly Increment[], durations: readonly Increment[]): Counts {
  const slow = durations.map(({ growth }) => slowOf(growth));
  return {
    requests: total(requests.map(first)),
    errors: total(requests.filter(({ labels }) => classOf(labels) === "Failed").map(first)),
    slow: total(slow.map((one) => one.slow)),
    slowOrClose: total(slow.map((one) => one.slowOrClose)),
  };
}

function first({ growth }: Increment): number {
  return growth[0] ?? 0;
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((so, more) => so + more, 0);
}
