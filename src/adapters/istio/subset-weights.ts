import { numberIn, recordIn, textIn, type JsonRecord } from "./json-value.ts";
import { canaryPart } from "./split-weights.ts";

/** The subsets of the user's between which a Rollout divides its share of a route. */
export interface Sides {
  /** The one that serves. */
  readonly stable: string;
  /** The one that is being released; undefined without a release. */
  readonly canary: string | undefined;
  /** Those that served before: git may still name them, and what it gives them belongs to stable. */
  readonly retired: readonly string[];
}

/** A Rollout's destinations in one route: what they are, and what their weights add up to. */
export interface Share {
  readonly entries: readonly JsonRecord[];
  readonly sum: number;
}

/** Whose part a destination of the host is; undefined for a subset that is nobody's business here. */
export function sideOf(entry: JsonRecord, sides: Sides): "stable" | "canary" | undefined {
  const subset = subsetIn(entry);
  if (subset !== undefined && subset === sides.canary) return "canary";
  // Without a subset a request meets any version: that is no share of its own.
  if (subset === undefined || subset === sides.stable || sides.retired.includes(subset)) return "stable";
  return undefined;
}

export function subsetIn(entry: JsonRecord): string | undefined {
  return textIn(recordIn(entry, "destination"), "subset");
}

/** What each destination gets: all, where the only one says nothing; nothing, where one of several says nothing. */
export function partsOf({ entries, sum }: Share): readonly number[] {
  return entries.map((entry) => numberIn(entry, "weight") ?? (entries.length === 1 ? sum : 0));
}

/** The subset that gets the whole share; undefined where several do, or destinations without a subset. */
export function serverOf(share: Share): string | undefined {
  const parts = partsOf(share);
  const used = share.entries.filter((_, at) => (parts[at] ?? 0) > 0).map(subsetIn);
  return used.every((subset) => subset === used[0]) ? used[0] : undefined;
}

/**
 * The share with all of it for one subset. Where a destination names the subset, the others stay with weight 0; where
 * none does, the largest comes to name it. Where it is so, nothing changes.
 */
export function givenAll(share: Share, subset: string): Share {
  const { entries, sum } = share;
  if (serverOf(share) === subset) return share;
  const parts = partsOf(share);
  const named = entries.findIndex((entry) => subsetIn(entry) === subset);
  const chosen = named === -1 ? parts.indexOf(Math.max(...parts)) : named;
  return {
    sum,
    entries: entries.map((entry, at) => {
      const wanted = at === chosen ? sum : 0;
      const kept = at === chosen && named === -1 ? withSubset(entry, subset) : entry;
      return parts[at] === wanted ? kept : { ...kept, weight: wanted };
    }),
  };
}

/**
 * The share, all of it stable's, divided: the canary gets `weight` percent. Its destination is the one that is there, or
 * a copy of stable's right behind it; fields that we do not know go with the destination that they were in.
 */
export function divided({ entries, sum }: Share, { stable, canary }: Sides, weight: number): readonly JsonRecord[] {
  if (canary === undefined) return entries;
  const part = canaryPart(sum, weight);
  const first = entries.findIndex((entry) => subsetIn(entry) === stable);
  const own = entries.findIndex((entry) => subsetIn(entry) === canary);
  return entries.flatMap((entry, at) => {
    const rest = { ...entry, weight: sum - part };
    if (at === first) return own === -1 ? [rest, { ...withSubset(entry, canary), weight: part }] : [rest];
    return [{ ...entry, weight: at === own ? part : 0 }];
  });
}

function withSubset(entry: JsonRecord, subset: string): JsonRecord {
  return { ...entry, destination: { ...recordIn(entry, "destination"), subset } };
}
