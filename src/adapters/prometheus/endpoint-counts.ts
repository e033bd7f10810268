import type { Instant, Milliseconds } from "../../api/instant.ts";
import type { PodCounts, Version } from "../../domain/outliers/pods.ts";
import type { PodsQuery } from "../../ports/metric-provider.ts";
import type { Problem } from "./answers.ts";
import type { Feed } from "./feed/feed.ts";
import { increments, type Increment } from "./increments.ts";
import { ticksOf, type Meant } from "./pod-ticks.ts";
import { oneOfTexts, type Subject } from "./selectors.ts";

/** Envoy's statistics of endpoints, which a cluster keeps with track_cluster_stats.per_endpoint_stats. */
const totalMetric = "envoy_cluster_endpoint_rq_total";
const errorMetric = "envoy_cluster_endpoint_rq_error";
const clusterLabel = "envoy_cluster_name";
const addressLabel = "envoy_endpoint_address";

/**
 * The requests to each endpoint of both subsets, as the callers' Envoys count them; its address stands for the pod's name.
 * A change of traffic policy has these counters begin again at zero: what they then show is what has come since.
 */
export async function countEndpoints(
  feed: Feed,
  query: PodsQuery,
  {
    since,
    until,
    looksBefore,
  }: { readonly since: Instant; readonly until: Instant; readonly looksBefore: Milliseconds },
  signal: AbortSignal,
): Promise<readonly PodCounts[] | Problem> {
  const [totals, errors] = await Promise.all(
    [totalMetric, errorMetric].map(async (metric) => {
      const store = await feed.follow(subjectOf(metric, query), since - looksBefore, until, signal);
      if ("kind" in store) return store;
      return increments(store.between(since - looksBefore, until), { since, until, bornWithin: () => false });
    }),
  );
  if (totals === undefined || errors === undefined) throw new Error("two metrics have two answers");
  if ("kind" in totals) return totals;
  return "kind" in errors ? errors : podsIn(totals, errors, query);
}

/** The clusters of both subsets: `outbound|8080|canary|product.shop.svc.cluster.local`. */
function subjectOf(metric: string, { namespace, service, reporter, subsets }: PodsQuery): Subject {
  const subset = oneOfTexts([subsets.stable, subsets.canary]);
  const host = oneOfTexts([`${service}.${namespace}.svc`]);
  const raw = `${metric}{${clusterLabel}=~"outbound\\\\|[0-9]+\\\\|(${subset})\\\\|${host}\\\\..+"}`;
  return { metric, reporter, namespace, service, workloads: [], raw };
}

function podsIn(
  totals: readonly Increment[],
  errors: readonly Increment[],
  { subsets }: PodsQuery,
): readonly PodCounts[] {
  const versionOf = ({ labels }: Increment): Version =>
    (labels[clusterLabel] ?? "").split("|")[2] === subsets.canary ? "canary" : "stable";
  const keyOf = (one: Increment) => JSON.stringify([versionOf(one), one.labels[addressLabel] ?? ""]);
  const failed = Map.groupBy(errors, keyOf);
  return [...Map.groupBy(totals, keyOf)].flatMap(([key, its]) => {
    const [first] = its;
    const pod = first?.labels[addressLabel];
    if (first === undefined || pod === undefined) return [];
    return [
      {
        version: versionOf(first),
        pod,
        ticks: ticksOf([...its.map(asRequests), ...(failed.get(key) ?? []).map(asErrors)]),
      },
    ];
  });
}

const asRequests = (one: Increment): Meant => ({ ...one, as: { requests: true, errors: false } });
const asErrors = (one: Increment): Meant => ({ ...one, as: { requests: false, errors: true } });
