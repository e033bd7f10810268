import { z } from "zod";
import type { Rollout } from "../../api/rollout.ts";
import { parseOriginal, type Original } from "./original.ts";
import type { Sides } from "./subset-weights.ts";

/** What a release between subsets of the user's found, with the subsets that it is between. */
export interface SubsetOriginal extends Original {
  readonly sides: Sides;
}

const schema = z.object({
  sides: z.object({ stable: z.string(), canary: z.string().optional(), retired: z.array(z.string()) }),
});

/** Undefined for text that no release between subsets has recorded. */
export function parseSubsetOriginal(text: string | undefined): SubsetOriginal | undefined {
  const original = parseOriginal(text);
  if (text === undefined || original === undefined) return undefined;
  const { data } = schema.safeParse(JSON.parse(text));
  return data && { ...original, sides: { ...data.sides, canary: data.sides.canary } };
}

/** Whether the Rollout releases between subsets, also where its spec cannot be read any more in mid-release. */
export function releasesSubsets(rollout: Rollout): boolean {
  if (rollout.spec !== undefined) return rollout.spec.subset !== undefined;
  return parseSubsetOriginal(rollout.status.release?.traffic?.original) !== undefined;
}

/** Between which subsets the Rollout divides; undefined while it is not known which one serves. */
export function sidesOf({ spec, status }: Rollout, recorded: SubsetOriginal | undefined): Sides | undefined {
  if (recorded !== undefined) return recorded.sides;
  const stable = status.stable?.podTemplateHash;
  // Suspended and at rest the routes are the user's, whatever subset they go to.
  const isTheirs = spec?.suspend === true && status.release === undefined;
  if (stable === undefined || isTheirs) return undefined;
  const canary = status.canary?.podTemplateHash;
  const retired = (status.subsets?.retired ?? []).filter((subset) => subset !== stable && subset !== canary);
  return { stable, canary, retired };
}
