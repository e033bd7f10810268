import type { Milliseconds } from "../../api/instant.ts";
import type { TrafficQuery, VersionsQuery } from "../../ports/metric-provider.ts";
import { isLost, unknown } from "./request-class.ts";
import type { Labels } from "./series.ts";

/** Names of Istio's standard metrics. */
export const requestsMetric = "istio_requests_total";
export const durationMetric = "istio_request_duration_milliseconds_bucket";

/** The series of one metric that count the requests to some workloads behind a Service. */
export interface Subject {
  readonly metric: string;
  readonly reporter: TrafficQuery["reporter"];
  readonly namespace: string;
  readonly service: string;
  /** Values of destination_workload. */
  readonly workloads: readonly string[];
  /** Whether requests to the Service for which no workload was found belong to it as well. */
  readonly withLost?: boolean | undefined;
  /** Values of `le`; all when undefined. */
  readonly boundaries?: readonly string[] | undefined;
  /** A selector as a user wrote it, instead of all the others; it is asked for by itself. */
  readonly raw?: string | undefined;
}

/** Both workloads of a query. */
export function subjectOf(metric: string, query: VersionsQuery, boundaries?: readonly string[]): Subject {
  const { reporter, namespace, service, stable, canary } = query;
  return { metric, reporter, namespace, service, workloads: [stable, canary], boundaries };
}

/** The same for two subjects exactly when they select the same series. */
export function keyOf({ metric, reporter, namespace, service, workloads, withLost, boundaries, raw }: Subject): string {
  return JSON.stringify([metric, reporter, namespace, service, workloads, withLost, boundaries, raw]);
}

/**
 * The series of some subjects, as PromQL writes them. Subjects of one metric and one reporter can be asked for at once;
 * what is selected is theirs and perhaps more: `selects` tells whose a series is.
 */
export function selector(...subjects: readonly Subject[]): string {
  const [first] = subjects;
  if (first === undefined) throw new RangeError("there is nothing to select");
  if (first.raw !== undefined) return first.raw;
  const all = (pick: (subject: Subject) => readonly string[]) => [...new Set(subjects.flatMap(pick))];
  const boundaries = all((subject) => subject.boundaries ?? []);
  const withLost = subjects.some((subject) => subject.withLost);
  const more = withLost ? [unknown] : [];
  const matchers = [
    // A waypoint reports for callers that have no proxy of their own: for them it is the source.
    `reporter${oneOf(first.reporter === "source" ? ["source", "waypoint"] : ["destination"])}`,
    `destination_service_namespace${oneOf([...all(({ namespace }) => [namespace]), ...more])}`,
    `destination_service_name${withLost ? hostsOf(all(({ service }) => [service])) : oneOf(all(({ service }) => [service]))}`,
    `destination_workload=~${quote(
      [...all(({ workloads }) => workloads), ...more].map(escapeForRegularExpression).join("|"),
    )}`,
    ...(boundaries.length === 0 ? [] : [`le=~${quote(boundaries.map(escapeForRegularExpression).join("|"))}`]),
  ];
  return `${first.metric}{${matchers.join(",")}}`;
}

/** Whether a series that was selected with others is one of this subject. */
export function selects(subject: Subject, labels: Labels): boolean {
  const { namespace, service, workloads, withLost = false, boundaries, raw } = subject;
  if (raw !== undefined) return true;
  const place = placeOf(labels);
  return (
    place.namespace === namespace &&
    place.service === service &&
    (workloads.includes(labels["destination_workload"] ?? "") || (withLost && isLost(labels))) &&
    (boundaries === undefined || boundaries.includes(labels["le"] ?? ""))
  );
}

/**
 * The Service that the requests of a series were for. Where a proxy found neither route nor cluster, Istio writes the
 * Host header as it came: `web`, `web:8080`, `web.shop`, `web.shop.svc.cluster.local`; a short name is one of the
 * caller's own namespace.
 */
export function placeOf(labels: Labels): { readonly namespace: string; readonly service: string } {
  const [namespace = "", name = ""] = [labels["destination_service_namespace"], labels["destination_service_name"]];
  if (namespace !== unknown) return { namespace, service: name };
  const [host = ""] = name.split(":");
  const [service = "", given = labels["source_workload_namespace"] ?? "", domain = "svc"] = host.split(".");
  return { namespace: domain === "svc" ? given : unknown, service };
}

/** All samples of a selector within a length of time before the moment of evaluation. */
export function samplesWithin(selected: string, length: Milliseconds): string {
  return `${selected}[${Math.max(1, Math.ceil(length))}ms]`;
}

/** The last value of each series, if it had one within a length of time before the moment of evaluation. */
export function lastWithin(selected: string, length: Milliseconds): string {
  return `last_over_time(${samplesWithin(selected, length)})`;
}

/** Names of Services, and Host headers that begin with one. */
function hostsOf(services: readonly string[]): string {
  const names = services.map(escapeForRegularExpression);
  return `=~${quote([...names, `(${names.join("|")})[.:].+`].join("|"))}`;
}

function oneOf(values: readonly string[]): string {
  const [only = ""] = values;
  return values.length === 1 ? `=${quote(only)}` : `=~${quote(values.map(escapeForRegularExpression).join("|"))}`;
}

/** A PromQL string: as in Go, so that a value can never end the string it is in. */
function quote(value: string): string {
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

/** The part of a regular expression, inside a PromQL string, that matches one of some texts. */
export function oneOfTexts(texts: readonly string[]): string {
  return quote(texts.map(escapeForRegularExpression).join("|")).slice(1, -1);
}

/** RE2 takes a backslash before any punctuation. */
function escapeForRegularExpression(value: string): string {
  return value.replaceAll(/[\\.+*?()|[\]{}^$]/g, "\\$&");
}
