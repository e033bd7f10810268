import type { Instant } from "../../api/instant.ts";
import type { Measurement } from "../../domain/observation.ts";
import type { Workloads } from "./count-requests.ts";
import { workloadOf } from "./count-requests.ts";
import { increments } from "./increments.ts";
import type { Increment } from "./increments.ts";
import type { Series } from "./series.ts";

export type SinceShift = Extract<Measurement, { kind: "Counts" }>["sinceShift"];

/** As many callers as fit into one sentence. */
const callersNamed = 5;

/**
 * The requests that ended between scrapes of which both are newer than `from`, so that none of them can be older; the
 * ones whose client went away count too, for they moved like the others. Undefined until a series was scraped twice.
 */
export function trafficSinceShift(
  requests: readonly Series[],
  { stable, canary }: Workloads,
  { from, until }: { readonly from: Instant; readonly until: Instant },
): SinceShift {
  const newer = requests.map(({ labels, samples }) => ({
    labels,
    samples: samples.filter(({ at }) => at >= from && at <= until),
  }));
  if (!newer.some(({ samples }) => samples.length > 1)) return undefined;
  const grown = increments(newer, { since: from - 1, until, bornWithin: () => false });
  return {
    stable: requestsTo(stable, grown),
    canary: requestsTo(canary, grown),
    callers: describeCallers(grown, canary),
  };
}

/** The callers with the most requests, such as `shop/client 42 of 410 to canary`. */
function describeCallers(grown: readonly Increment[], canary: string): readonly string[] {
  const callers = Map.groupBy(grown, ({ labels }) => {
    return `${labels["source_workload_namespace"] ?? "unknown"}/${labels["source_workload"] ?? "unknown"}`;
  });
  return [...callers]
    .map(([name, its]) => ({ name, all: sum(its), toCanary: requestsTo(canary, its) }))
    .filter(({ all }) => all > 0)
    .sort((one, other) => other.all - one.all || (one.name < other.name ? -1 : 1))
    .slice(0, callersNamed)
    .map(({ name, all, toCanary }) => `${name} ${toCanary} of ${all} to canary`);
}

function requestsTo(workload: string, grown: readonly Increment[]): number {
  return sum(grown.filter(({ labels }) => workloadOf(labels) === workload));
}

function sum(grown: readonly Increment[]): number {
  return grown.reduce((so, { growth: [more = 0] }) => so + more, 0);
}
