import type { Block } from "./blocks.ts";

/**
 * How many errors come together: by how much more their numbers in blocks vary than those of independent ones would
 * (Pearson's χ² divided by its degrees of freedom). 1 for independent errors, and where there are none to tell.
 */
export function clusterSizeIn(blocks: readonly Pick<Block, "stable">[]): number {
  const counted = blocks.map(({ stable }) => stable).filter(({ requests }) => requests > 0);
  const requests = counted.reduce((sum, one) => sum + one.requests, 0);
  const share = counted.reduce((sum, one) => sum + one.errors, 0) / requests;
  if (counted.length < 2 || !(share > 0 && share < 1)) return 1;
  const chiSquared = counted.reduce((sum, one) => {
    const expected = share * one.requests;
    return sum + (one.errors - expected) ** 2 / (expected * (1 - share));
  }, 0);
  return Math.max(1, chiSquared / (counted.length - 1));
}
