import type { Milliseconds, Ratio } from "../../api/instant.ts";

/** Of fewer requests, too little is known of the slowest one in a hundred. */
const leastRequests = 10_000;

/**
 * The boundaries by which a canary's latency is compared with stable's: the smallest within which the share `quantile` of
 * stable's requests ended, then its lower and its upper neighbour, itself where it has none; undefined with fewer than
 * 10,000 requests. `counts` are requests before the release by the boundary within which they ended, in milliseconds, with
 * Infinity for all: boundaries that were chosen by what is judged would not make a fair bet.
 */
export function boundariesByUsual(
  counts: ReadonlyMap<Milliseconds, number>,
  quantile: Ratio,
): readonly Milliseconds[] | undefined {
  const all = counts.get(Infinity) ?? 0;
  const known = [...counts].filter(([boundary]) => Number.isFinite(boundary)).sort(([one], [other]) => one - other);
  const index = known.findIndex(([, ended]) => ended >= quantile * all);
  const usual = known[index]?.[0];
  if (all < leastRequests || usual === undefined) return undefined;
  return [usual, known[index - 1]?.[0] ?? usual, known[index + 1]?.[0] ?? usual];
}
