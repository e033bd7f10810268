import { renderDuration, type Instant, type Milliseconds, type Ratio } from "../../api/instant.ts";
import { boundariesByUsual } from "../../domain/analysis/usual-boundaries.ts";
import { usualSpan } from "../../domain/analysis/usual.ts";
import type { TrafficQuery } from "../../ports/metric-provider.ts";
import type { Problem } from "./answers.ts";
import type { QueryApi } from "./query-api.ts";
import { selector, subjectOf } from "./selectors.ts";

/** By which histogram's buckets, and up to which share of the requests. */
export interface UsualLatencyQuery {
  readonly metric: string;
  readonly quantile: Ratio;
}

/** The boundaries that follow from stable's latency in the ten minutes before `at`; undefined where too little is known. */
export async function usualBoundaries(
  api: QueryApi,
  query: TrafficQuery,
  { metric, quantile }: UsualLatencyQuery,
  at: Instant,
  signal: AbortSignal,
): Promise<readonly Milliseconds[] | undefined | Problem> {
  const stable = { ...subjectOf(metric, query), workloads: [query.stable] };
  const within = `[${renderDuration(usualSpan)}]`;
  const answer = await api.query(`sum by (le) (increase(${selector(stable)}${within}))`, at, signal);
  if (answer.kind === "Problem") return answer;
  if (answer.kind === "Scalar") return undefined;
  const counts = answer.series.map(({ labels, samples: [last] }): [Milliseconds, number] => [
    Number(labels["le"]?.replace("+Inf", "Infinity")),
    last?.values[0] ?? 0,
  ]);
  return boundariesByUsual(new Map(counts), quantile);
}
