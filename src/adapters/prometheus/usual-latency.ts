import { renderDuration, type Instant, type Milliseconds } from "../../api/instant.ts";
import type { TrafficQuery } from "../../ports/metric-provider.ts";
import type { Problem } from "./answers.ts";
import type { QueryApi } from "./query-api.ts";
import { selector, subjectOf } from "./selectors.ts";

/** Long enough to know a version by. */
const span: Milliseconds = 600_000;
/** Fewer say too little of the slowest one in a hundred. */
const leastRequests = 10_000;

/**
 * The boundaries by which a canary's latency is compared with what stable's was in the ten minutes before `at`: the
 * smallest that so many of its requests kept to, then its lower and its upper neighbour; undefined with too few requests.
 * Chosen from the past alone, or a comparison by them would not be fair.
 */
export async function usualBoundaries(
  api: QueryApi,
  query: TrafficQuery,
  { metric, quantile }: { readonly metric: string; readonly quantile: number },
  at: Instant,
  signal: AbortSignal,
): Promise<readonly Milliseconds[] | undefined | Problem> {
  const stable = { ...subjectOf(metric, query), workloads: [query.stable] };
  const answer = await api.query(`sum by (le) (increase(${selector(stable)}[${renderDuration(span)}]))`, at, signal);
  if (answer.kind === "Problem") return answer;
  if (answer.kind === "Scalar") return undefined;
  const counts = new Map<number, number>();
  for (const { labels, samples } of answer.series)
    counts.set(Number(labels["le"]?.replace("+Inf", "Infinity")), samples[0]?.values[0] ?? 0);
  return boundariesOf(counts, quantile);
}

function boundariesOf(counts: ReadonlyMap<number, number>, quantile: number): readonly Milliseconds[] | undefined {
  const all = counts.get(Infinity) ?? 0;
  const known = [...counts.keys()].filter(Number.isFinite).sort((one, other) => one - other);
  const index = known.findIndex((boundary) => (counts.get(boundary) ?? 0) >= quantile * all);
  const usual = known[index];
  if (all < leastRequests || usual === undefined) return undefined;
  return [usual, known[index - 1] ?? usual, known[index + 1] ?? usual];
}
