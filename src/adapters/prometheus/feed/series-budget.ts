import type { Instant, Milliseconds } from "../../../api/instant.ts";
import type { TrafficQuery } from "../../../ports/metric-provider.ts";
import type { Problem } from "../answers.ts";
import type { QueryApi } from "../query-api.ts";
import { recordedNames, standardNames, type MetricNames } from "../recorded.ts";
import { selector, subjectOf } from "../selectors.ts";
import { ShortMemory } from "../short-memory.ts";

/** Which metrics to read for a Rollout: what callers count, or where that is too much, what rules recorded of it. */
export type SeriesBudget = (
  query: TrafficQuery,
  at: Instant,
  signal: AbortSignal,
) => Promise<
  ({ readonly kind: "Within" } & MetricNames) | { readonly kind: "Over"; readonly message: string } | Problem
>;

export interface SeriesBudgetOptions {
  readonly api: QueryApi;
  /** Series that may be kept for all Rollouts together. */
  readonly most: number;
}

/** What a Rollout reads. */
interface Admitted {
  readonly names: MetricNames;
  readonly series: number;
}

const asksEvery: Milliseconds = 60_000;
/** A histogram's buckets that are read: below the limit, above it, and all. */
const bucketsRead = 3;

/**
 * Counts before it reads, once a minute for each Rollout. A Rollout that would go past the budget reads recorded
 * metrics if there are any, and is told how to have them if there are none; the others read on.
 */
export function createSeriesBudget({ api, most }: SeriesBudgetOptions): SeriesBudget {
  const admitted = new ShortMemory<Admitted>(asksEvery);

  async function count(selected: string, at: Instant, signal: AbortSignal) {
    const answer = await api.query(`count(${selected})`, at, signal);
    if (answer.kind === "Problem") return answer;
    return answer.kind === "Series" ? (answer.series[0]?.samples[0]?.values[0] ?? 0) : 0;
  }

  /** What selectors of the team's own select, all together. */
  async function countOwn({ ratios = [] }: TrafficQuery, at: Instant, signal: AbortSignal) {
    const selectors = ratios.flatMap(({ stable, canary }) =>
      [stable, canary].flatMap(({ bad, total }) => [bad, total]),
    );
    let sum = 0;
    for (const found of await Promise.all(selectors.map((selected) => count(selected, at, signal)))) {
      if (typeof found !== "number") return found;
      sum += found;
    }
    return sum;
  }

  return async (query, at, signal) => {
    const { namespace, service, reporter, stable, canary, slowerThan, ratios } = query;
    const key = JSON.stringify([namespace, service, reporter, stable, canary, slowerThan, ratios]);
    const before = admitted.recall(key, at);
    if (before !== undefined) return { kind: "Within", ...before.names };
    admitted.forget(at);
    const of = (metric: string) => count(selector(subjectOf(metric, query)), at, signal);
    const [counters, own] = await Promise.all([of(standardNames.requests), countOwn(query, at, signal)]);
    if (typeof counters !== "number") return counters;
    if (typeof own !== "number") return own;
    const series = counters * (slowerThan === undefined ? 1 : 1 + bucketsRead) + own;
    const others = [...admitted.entries()].reduce((sum, [other, each]) => sum + (other === key ? 0 : each.series), 0);
    let found: Admitted = { names: standardNames, series };
    if (others + series > most) {
      const recorded = await of(recordedNames.requests);
      if (typeof recorded !== "number") return recorded;
      const isTooMuch = others + own > most;
      if (recorded === 0 || isTooMuch)
        return { kind: "Over", message: overBudget(query, series, { own, others, most }) };
      found = { names: recordedNames, series: recorded + own };
    }
    admitted.remember(key, found, at);
    return { kind: "Within", ...found.names };
  };
}

function overBudget(
  { namespace, service }: TrafficQuery,
  series: number,
  { own, others, most }: { readonly own: number; readonly others: number; readonly most: number },
): string {
  const beside = others === 0 ? "" : `, beside ${others} of other releases`;
  const theirs = own === 0 ? "" : ` (${own} of them by selectors of spec.analysis.metrics)`;
  const what =
    others + own > most
      ? "let these selectors name less, or counters that rules recorded"
      : "add the recording rules of docs/metrics.md to Prometheus, and they are read instead";
  return (
    `${series} series${theirs} tell of the requests to Service ${namespace}/${service}${beside}, and the operator reads ` +
    `${most} at most (--series-budget): ${what}`
  );
}
