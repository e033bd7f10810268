import { renderDuration } from "../../api/instant.ts";
import type { Milliseconds } from "../../api/instant.ts";
import type { Arrivals } from "../../domain/observation.ts";
import type { ArrivalsQuery } from "../../ports/metric-provider.ts";
import type { QueryApi } from "./query-api.ts";
import { requestsMetric, selector } from "./selectors.ts";

/** Long enough for rare callers, short enough that those who were given a proxy meanwhile are not held against anybody. */
const span: Milliseconds = 300_000;

/**
 * Who called the stable pods, by their own proxies. Istio writes `source_workload="unknown"` where the caller has no
 * proxy that could tell its name. Pods whose proxies report nothing answer as if nobody had called.
 */
export async function countArrivals(api: QueryApi, query: ArrivalsQuery, signal: AbortSignal): Promise<Arrivals> {
  const { namespace, service, stable } = query;
  const selected = selector({
    metric: requestsMetric,
    reporter: "destination",
    namespace,
    service,
    workloads: [stable],
  });
  const expression = `sum by (source_workload) (increase(${selected}[${renderDuration(span)}]))`;
  const answer = await api.query(expression, undefined, signal);
  if (answer.kind === "Problem") return { kind: "Unavailable", message: answer.problem };
  if (answer.kind === "Scalar")
    return { kind: "Unavailable", message: "Prometheus answered with a number where series were asked for" };
  const callers = answer.series.map(({ labels, samples }) => ({
    isUnknown: labels["source_workload"] === "unknown",
    requests: samples[0]?.values[0] ?? 0,
  }));
  const total = (all: typeof callers) => Math.round(all.reduce((sum, { requests }) => sum + requests, 0));
  return {
    kind: "Counts",
    span,
    requests: total(callers),
    withoutProxy: total(callers.filter(({ isUnknown }) => isUnknown)),
  };
}
