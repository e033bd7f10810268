import type { Instant, Milliseconds } from "../../api/instant.ts";
import { addTotals, noCounts, nothing, type Tick } from "../../domain/analysis/blocks.ts";
import type { CheckResult } from "../../domain/analysis/checks.ts";
import type { CheckQuery, RatioQuery } from "../../domain/metric-queries.ts";
import type { Answer, Problem } from "./answers.ts";
import type { Feed } from "./feed/feed.ts";
import { increments, lacksBaseline, reachingBack } from "./increments.ts";
import type { QueryApi } from "./query-api.ts";
import { lastWithin, type Subject } from "./selectors.ts";
import { identityOf, type Sample, type Series } from "./series.ts";

export interface OwnMetricsParts {
  readonly api: QueryApi;
  readonly feed: Feed;
}

export interface OwnMetricsFrame {
  /** From where on samples are read: some scrapes before `since`. */
  readonly start: Instant;
  readonly since: Instant;
  readonly until: Instant;
}

type Version = "stable" | "canary";

/** How far back the value of a counter is looked for that was not scraped of late. */
const looksBack: Milliseconds = 3_600_000;

/** What the team's own ratios counted in the span (since, until], by the scrape that showed it. */
export async function countRatios(
  parts: OwnMetricsParts,
  ratios: readonly RatioQuery[],
  frame: OwnMetricsFrame,
  signal: AbortSignal,
): Promise<readonly Tick[] | Problem> {
  const wanted = ratios.flatMap((ratio) =>
    (["stable", "canary"] as const).flatMap((version) =>
      (["bad", "total"] as const).map((part) => ({ name: ratio.name, version, part, selected: ratio[version][part] })),
    ),
  );
  const found = await Promise.all(wanted.map((one) => growth(parts, one, frame, signal)));
  const ticks: Tick[] = [];
  for (const [index, steps] of found.entries()) {
    const one = wanted[index];
    if ("kind" in steps) return about(one?.name ?? "", steps);
    if (one === undefined) continue;
    for (const {
      at,
      values: [more = 0],
    } of steps) {
      const count = { name: one.name, bad: 0, total: 0, [one.part]: more };
      ticks.push({ at, ...nothing, [one.version]: { ...noCounts, metrics: [count] } });
    }
  }
  return ticks;
}

interface Counter {
  readonly version: Version;
  readonly selected: string;
}

async function growth(
  { api, feed }: OwnMetricsParts,
  { version, selected }: Counter,
  { start, since, until }: OwnMetricsFrame,
  signal: AbortSignal,
): Promise<readonly Sample[] | Problem> {
  const store = await feed.follow(rawSubject(selected), start, until, signal);
  if ("kind" in store) return store;
  let series = store.between(start, until);
  // What pods of the canary count is the release's from the first on: they were made in it.
  const isCanary = version === "canary";
  if (!isCanary && lacksBaseline(series, since)) {
    const before = await api.query(lastWithin(selected, looksBack), since, signal);
    if (before.kind === "Problem") return before;
    if (before.kind === "Series") series = reachingBack(series, before.series, identityOf);
  }
  return increments(series, { since, until, bornWithin: () => isCanary }).flatMap(({ steps }) => steps);
}

function rawSubject(raw: string): Subject {
  return { metric: "", reporter: "source", namespace: "", service: "", workloads: [], raw };
}

/** What is counted apart, in the order of time; what has the same date becomes one. */
export function mergeTicks(some: readonly Tick[], others: readonly Tick[]): readonly Tick[] {
  if (others.length === 0) return some;
  const byDate = new Map<Instant, Tick>();
  for (const tick of [...some, ...others]) {
    const same = byDate.get(tick.at);
    byDate.set(tick.at, same === undefined ? tick : { ...same, ...addTotals(same, tick) });
  }
  return [...byDate.values()].sort((one, other) => one.at - other.at);
}

/** Values of the team's own at a moment; undefined for one that has none, or more than one. */
export async function checkValues(
  api: QueryApi,
  checks: readonly CheckQuery[],
  at: Instant,
  signal: AbortSignal,
): Promise<readonly CheckResult[] | Problem> {
  const answers = await Promise.all(checks.map(({ query }) => api.query(query, at, signal)));
  const results: CheckResult[] = [];
  for (const [index, answer] of answers.entries()) {
    const name = checks[index]?.name ?? "";
    if (answer.kind === "Problem") return about(name, answer);
    const value = only(answer);
    results.push({ name, value: Number.isFinite(value) ? value : undefined });
  }
  return results;
}

/** Prometheus's own words about a query repeat parts of it, and come into statuses and events that others may read. */
function about(name: string, { problem, cause, kind }: Problem): Problem {
  const said =
    cause === "Refused" ? "Prometheus refused its query or answered with what it should not; ask it there" : problem;
  return { kind, cause, problem: `metric ${name}: ${said}` };
}

function only(answer: Exclude<Answer, Problem>): number | undefined {
  if (answer.kind === "Scalar") return answer.value;
  const values = answer.series.flatMap(({ samples }: Series) => samples.slice(-1).flatMap((sample) => sample.values));
  return values.length === 1 ? values[0] : undefined;
}
