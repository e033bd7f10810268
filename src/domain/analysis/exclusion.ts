import type { Ratio } from "../../api/instant.ts";
import { winOfRequests } from "./wealth.ts";

/** How much less often than supposed requests are bad: what the bets are on. */
const ratios = [0.02, 0.1, 0.25, 0.5] as const;

/**
 * Evidence that fewer than `share` of all requests are bad, from 1 for none: the mean wealth of bets on each request.
 * It reaches 1/β with a chance of at most β while the share is `share` or more, however often one looks (Ville, 1939).
 * `clusterSize` is how many requests fail together for one cause.
 */
export function evidenceBelow(bad: number, total: number, share: Ratio, clusterSize = 1): number {
  const won = ratios.map(winOfRequests({ bad, total, share }, clusterSize));
  return won.reduce((sum, one) => sum + one, 0) / ratios.length;
}

/** The largest share that is not excluded: an upper bound that holds at every look with a chance of 1 − β. */
export function upperBound(bad: number, total: number, beta: number, clusterSize = 1): Ratio {
  let [low, high] = [0, 1];
  if (evidenceBelow(bad, total, high, clusterSize) < 1 / beta) return 1;
  // Evidence rises with the share; each turn halves what is left, until doubles cannot tell it apart.
  for (let turn = 0; turn < 60; turn += 1) {
    const middle = (low + high) / 2;
    if (evidenceBelow(bad, total, middle, clusterSize) < 1 / beta) low = middle;
    else high = middle;
  }
  return low;
}
