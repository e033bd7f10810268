import type { Instant } from "../../api/instant.ts";
import type { Counted } from "../../domain/observation.ts";
import type { Workloads } from "./count-requests.ts";
import { workloadOf } from "./count-requests.ts";
import { increments, totalGrowth } from "./increments.ts";
import type { Increment } from "./increments.ts";
import type { Series } from "./series.ts";

export type SinceShift = Counted["sinceShift"];

/** As many callers as fit into one sentence, half of them by each version. */
const callersNamed = 6;

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
    callers: describeCallers(grown, { stable, canary }),
  };
}

/**
 * The callers with the most requests to each version, such as `shop/client 42 of 410 to canary`: one that goes where it
 * should not may be small beside all others.
 */
function describeCallers(grown: readonly Increment[], { stable, canary }: Workloads): readonly string[] {
  const byName = Map.groupBy(grown, ({ labels }) => {
    return `${labels["source_workload_namespace"] ?? "unknown"}/${labels["source_workload"] ?? "unknown"}`;
  });
  const callers = [...byName]
    .map(([name, its]) => ({
      name,
      all: totalGrowth(its),
      stable: requestsTo(stable, its),
      canary: requestsTo(canary, its),
    }))
    .filter(({ all }) => all > 0)
    .sort((one, other) => other.all - one.all || (one.name < other.name ? -1 : 1));
  const most = (version: "stable" | "canary") =>
    callers.toSorted((one, other) => other[version] - one[version]).slice(0, callersNamed / 2);
  const named = new Set([...most("stable"), ...most("canary")]);
  return callers
    .filter((caller) => named.has(caller))
    .map(({ name, all, canary: its }) => `${name} ${its} of ${all} to canary`);
}

function requestsTo(workload: string, grown: readonly Increment[]): number {
  return totalGrowth(grown.filter(({ labels }) => workloadOf(labels) === workload));
}
