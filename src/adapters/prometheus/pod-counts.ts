import type { Instant, Milliseconds } from "../../api/instant.ts";
import type { CalledCounts, PodCounts, PodReport, Version } from "../../domain/outliers/pods.ts";
import type { PodsQuery } from "../../ports/metric-provider.ts";
import { workloadOf } from "./count-requests.ts";
import { countEndpoints } from "./endpoint-counts.ts";
import type { Feed } from "./feed/feed.ts";
import type { SampleStore } from "./feed/sample-store.ts";
import type { Twins } from "./feed/twins.ts";
import { scrapeInterval } from "./freshness.ts";
import { increments, totalGrowth, type Increment } from "./increments.ts";
import { ticksOf, type Meaning } from "./pod-ticks.ts";
import { classOf } from "./request-class.ts";
import { requestsMetric, subjectOf, type Subject } from "./selectors.ts";
import { targetOf } from "./series.ts";

/** What bringing counts of pods needs. */
export interface PodCountParts {
  readonly feed: Feed;
  readonly twinsOf: (subject: Subject, requests: SampleStore, until: Instant) => Twins;
}

/** The label that tells which pod was scraped; a PodMonitor writes it, and so does Istio's sample configuration. */
const podLabel = "pod";
/** Two scrapes before the first count: one may be late. */
const looksBefore: Milliseconds = 120_000;

/**
 * The requests to each pod of both versions after `since`, as the pods' own proxies report them or, where these are not
 * told apart, as callers' Envoys count them by endpoint; and by how many proxies they came, as these report them. What no
 * proxy of a pod has seen, a refused connection for one, only the callers' Envoys count.
 */
export async function countPods(
  { feed, twinsOf }: PodCountParts,
  query: PodsQuery,
  { since, until }: { readonly since: Instant; readonly until: Instant },
  signal: AbortSignal,
): Promise<PodReport> {
  const frame = { since, until, looksBefore };
  const pods = subjectOf(requestsMetric, { ...query, reporter: "destination" });
  const callers: Subject = { ...subjectOf(requestsMetric, { ...query, reporter: "source" }), withLost: true };
  const [ofPods, ofCallers] = await Promise.all(
    [pods, callers].map((subject) => feed.follow(subject, since - looksBefore, until, signal)),
  );
  if (ofPods === undefined || ofCallers === undefined) throw new Error("two subjects have two answers");
  if ("kind" in ofPods) return { kind: "Unavailable", message: ofPods.problem };
  if ("kind" in ofCallers) return { kind: "Unavailable", message: ofCallers.problem };
  const grown = (subject: Subject, store: SampleStore) => {
    const { isTwin } = twinsOf(subject, store, until);
    const series = store.between(since - looksBefore, until).filter(({ labels }) => !isTwin(labels));
    return increments(series, { since, until, bornWithin: (labels) => workloadOf(labels) === query.canary });
  };
  const its = grown(pods, ofPods);
  const missing = whatIsMissing(its, query);
  const counted = missing === undefined ? podsIn(its, query) : await countEndpoints(feed, query, frame, signal);
  if ("kind" in counted) return { kind: "Unavailable", message: counted.problem };
  const called = callersIn(grown(callers, ofCallers), query, until - since);
  if (missing !== undefined && counted.length === 0)
    return isCalled(called) ? { kind: "Unknown", message: missing } : { kind: "Unavailable", message: "no requests" };
  const interval = scrapeInterval((missing === undefined ? ofPods : ofCallers).scrapes());
  return { kind: "Counts", since, until, interval, pods: counted, callers: called };
}

function whatIsMissing(grown: readonly Increment[], { namespace, service, stable, canary }: PodsQuery) {
  const scrape = `scrape the proxies of the Deployment's pods, with the pod's name in the label ${podLabel}, or have the callers' Envoys keep statistics of endpoints (docs/metrics.md)`;
  if (grown.length === 0)
    return `Prometheus has no requests to ${stable} or ${canary} by Service ${namespace}/${service} that the pods' own proxies report (${requestsMetric}, reporter="destination"); ${scrape}.`;
  if (grown.some(({ labels }) => (labels[podLabel] ?? "") !== "")) return undefined;
  return `what the pods' own proxies report (${requestsMetric}, reporter="destination") has no label ${podLabel}; ${scrape}.`;
}

function podsIn(grown: readonly Increment[], { canary }: PodsQuery): readonly PodCounts[] {
  const version = (one: Increment): Version => (workloadOf(one.labels) === canary ? "canary" : "stable");
  const byPod = Map.groupBy(grown, (one) => JSON.stringify([version(one), one.labels[podLabel] ?? ""]));
  return [...byPod.values()].flatMap((its) => {
    const [first] = its;
    const pod = first?.labels[podLabel];
    return first === undefined || pod === undefined
      ? []
      : [{ version: version(first), pod, ticks: ticksOf(its.map((one) => ({ ...one, as: meaningOf(one) }))) }];
  });
}

/** What callers gave up says nothing about the pod; the scrape is one all the same. */
function meaningOf({ labels }: Increment): Meaning {
  const kind = classOf(labels);
  return { requests: kind !== "ClientGone", errors: kind === "Failed" };
}

function callersIn(grown: readonly Increment[], { stable, canary }: PodsQuery, length: Milliseconds) {
  const counts = (workload: string): CalledCounts => {
    const its = grown.filter(({ labels }) => workloadOf(labels) === workload);
    const byProxy = [...Map.groupBy(its, ({ labels }) => targetOf(labels)).values()];
    return {
      rates: byProxy.map((each) => (1_000 * totalGrowth(each)) / Math.max(1, length)),
      errors: totalGrowth(its.filter(({ labels }) => classOf(labels) === "Failed")),
    };
  };
  return { stable: counts(stable), canary: counts(canary) };
}

/** Where nobody calls, nothing is known of how requests are counted. */
function isCalled({ stable, canary }: Readonly<Record<Version, CalledCounts>>): boolean {
  return [...stable.rates, ...canary.rates].some((rate) => rate > 0);
}
