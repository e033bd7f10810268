import type { Milliseconds } from "../../api/instant.ts";
import type { TrafficQuery } from "../../ports/metric-provider.ts";

/** Names of Istio's standard metrics. */
export const requestsMetric = "istio_requests_total";
export const durationMetric = "istio_request_duration_milliseconds_bucket";

/** The series of both workloads of a query, as PromQL writes them; `boundaries` are values of `le`. */
export function selector(metric: string, query: TrafficQuery, boundaries?: readonly string[]): string {
  // A waypoint reports for callers that have no proxy of their own: for them it is the source.
  const reporter = query.reporter === "source" ? matchesOneOf(["source", "waypoint"]) : `=${quote("destination")}`;
  const matchers = [
    `reporter${reporter}`,
    `destination_service_namespace=${quote(query.namespace)}`,
    `destination_service_name=${quote(query.service)}`,
    `destination_workload${matchesOneOf([query.stable, query.canary])}`,
    ...(boundaries === undefined ? [] : [`le${matchesOneOf(boundaries)}`]),
  ];
  return `${metric}{${matchers.join(",")}}`;
}

/** All samples of a selector within a length of time before the moment of evaluation. */
export function samplesWithin(selected: string, length: Milliseconds): string {
  return `${selected}[${Math.max(1, Math.ceil(length))}ms]`;
}

/** The last value of each series, if it had one within a length of time before the moment of evaluation. */
export function lastWithin(selected: string, length: Milliseconds): string {
  return `last_over_time(${samplesWithin(selected, length)})`;
}

function matchesOneOf(values: readonly string[]): string {
  return `=~${quote(values.map(escapeForRegularExpression).join("|"))}`;
}

/** A PromQL string: as in Go, so that a value can never end the string it is in. */
function quote(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** RE2 takes a backslash before any punctuation. */
function escapeForRegularExpression(value: string): string {
  return value.replaceAll(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}
