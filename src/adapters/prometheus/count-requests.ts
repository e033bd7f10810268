import type { Instant } from "../../api/instant.ts";
import type { Counts } from "../../api/rollout-status.ts";
import { noCounts, nothing, sum, type Tick } from "../../domain/analysis/blocks.ts";
import { increments } from "./increments.ts";
import type { Increment, Span } from "./increments.ts";
import { classOf, isLost } from "./request-class.ts";
import type { Labels } from "./series.ts";
import { slowOf } from "./slow-requests.ts";
import type { Window } from "./window.ts";

/** The two workloads between which requests are told apart, as Istio's metrics name them. */
export interface Workloads {
  readonly stable: string;
  readonly canary: string;
}

/** The requests of both workloads that ended in the span (since, until], by the scrape that showed them. */
export function countRequests(
  window: Pick<Window, "requests" | "durations" | "watching">,
  workloads: Workloads,
  { since, until }: { readonly since: Instant; readonly until: Instant },
): readonly Tick[] {
  // The canary did not exist before the release, and lost requests are counted from the first of them on.
  const bornWithin = (labels: Labels) => window.watching && (workloadOf(labels) === workloads.canary || isLost(labels));
  const span: Span = { since, until, bornWithin };
  const scrapes = new Map<Instant, Scrape>();
  const take = (
    all: readonly Increment[],
    add: (scrape: Scrape, one: Increment, growth: readonly number[]) => Scrape,
  ) => {
    for (const one of all)
      // A scrape that showed nothing of both is one all the same.
      for (const { at, values } of one.steps) scrapes.set(at, add(scrapes.get(at) ?? nothing, one, values));
  };
  take(increments(window.requests, span), (scrape, { labels }, growth) =>
    withRequests(scrape, workloads, labels, growth),
  );
  take(increments(window.durations ?? [], span), (scrape, { labels }, growth) =>
    classOf(labels) === "ClientGone" ? scrape : withCounts(scrape, workloads, labels, slowOf(growth)),
  );
  return [...scrapes].map(([at, scrape]) => ({ at, ...scrape })).sort((one, other) => one.at - other.at);
}

type Scrape = Omit<Tick, "at">;

function withRequests(scrape: Scrape, workloads: Workloads, labels: Labels, [requests = 0]: readonly number[]): Scrape {
  if (isLost(labels)) return { ...scrape, lost: scrape.lost + requests };
  const kind = classOf(labels);
  if (kind !== "ClientGone")
    return withCounts(scrape, workloads, labels, { requests, errors: kind === "Failed" ? requests : 0 });
  const version = versionOf(workloads, labels);
  if (version === undefined) return scrape;
  return { ...scrape, gone: { ...scrape.gone, [version]: scrape.gone[version] + requests } };
}

function withCounts(scrape: Scrape, workloads: Workloads, labels: Labels, counts: Partial<Counts>): Scrape {
  const version = versionOf(workloads, labels);
  if (version === undefined) return scrape;
  return { ...scrape, [version]: sum(scrape[version], { ...noCounts, ...counts }) };
}

function versionOf({ stable, canary }: Workloads, labels: Labels): "stable" | "canary" | undefined {
  const workload = workloadOf(labels);
  if (workload === canary) return "canary";
  return workload === stable ? "stable" : undefined;
}

/** Whether requests to a workload were counted while nothing tells how long they took. */
export function durationsMissing(window: Pick<Window, "durations">, workload: string, counts: Counts): boolean {
  if (window.durations === undefined || counts.requests === 0) return false;
  return !window.durations.some(({ labels }) => workloadOf(labels) === workload);
}

export function workloadOf(labels: Labels): string | undefined {
  return labels["destination_workload"];
}
