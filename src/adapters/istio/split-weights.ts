import { isDeepStrictEqual } from "node:util";
import { numberIn, recordIn, textIn, type JsonRecord } from "./json-value.ts";

/** What a route's destinations of our host were before a release. */
export interface OriginalRoute {
  readonly name?: string | undefined;
  /** Our destinations in their order: one, or the stable and the canary one. */
  readonly entries: readonly JsonRecord[];
  /** What their weights add up to: what is divided. */
  readonly sum: number;
}

/** Which part a destination of our host plays; undefined for a subset of the user's own. */
export function roleOf(entry: JsonRecord): "stable" | "canary" | undefined {
  const subset = textIn(recordIn(entry, "destination"), "subset");
  if (subset === undefined || subset === "stable") return "stable";
  return subset === "canary" ? "canary" : undefined;
}

/** An absent weight is 0 among several destinations, and everything for a route's only one. */
export function sumOfWeights(ours: readonly JsonRecord[], inRoute: number): number {
  const [only] = ours;
  if (inRoute === 1 && only !== undefined && !("weight" in only)) return 100;
  return ours.reduce((sum, entry) => sum + (numberIn(entry, "weight") ?? 0), 0);
}

/**
 * The canary's part of `sum` at `weight` percent, in whole numbers: nothing only at 0 %, everything only at 100 %.
 * `sum` is at least 2.
 */
export function canaryPart(sum: number, weight: number): number {
  if (weight <= 0) return 0;
  if (weight >= 100) return sum;
  return Math.min(sum - 1, Math.max(1, Math.round((sum * weight) / 100)));
}

/** Our destinations when the canary gets `weight` percent: fields that we do not know go with the entry they were in. */
export function splitEntries(original: OriginalRoute, weight: number): readonly JsonRecord[] {
  const canary = canaryPart(original.sum, weight);
  const stable = original.sum - canary;
  const [only] = original.entries;
  if (original.entries.length === 1 && only !== undefined) {
    return [withSubset(only, "stable", stable), withSubset(only, "canary", canary)];
  }
  return original.entries.map((entry) =>
    roleOf(entry) === "canary" ? withSubset(entry, "canary", canary) : withSubset(entry, "stable", stable),
  );
}

/** The weight at which the destinations are a split of the original; undefined when they are none. */
export function splitWeight(ours: readonly JsonRecord[], original: OriginalRoute): number | undefined {
  for (let weight = 0; weight <= 100; weight += 1) {
    if (isDeepStrictEqual([...ours], [...splitEntries(original, weight)])) return weight;
  }
  return undefined;
}

/**
 * What our destinations are without a release. A canary with weight is what a release left that nobody remembers: its
 * part goes to stable. Where `subsetsStay` is false there are no subsets without a release, so none is named.
 */
export function atRest(
  name: string | undefined,
  ours: readonly JsonRecord[],
  inRoute: number,
  subsetsStay: boolean,
): OriginalRoute {
  const sum = sumOfWeights(ours, inRoute);
  const [first] = ours;
  if (!subsetsStay && first !== undefined && ours.some(namesAnySubset)) {
    const { weight: _, ...others } = first;
    const { subset: __, ...destination } = recordIn(first, "destination");
    const isAll = ours.length === inRoute && sum === 100;
    return { name, entries: [{ ...others, destination, ...(!isAll && { weight: sum }) }], sum };
  }
  const isLeft = (entry: JsonRecord): boolean => roleOf(entry) === "canary" && (numberIn(entry, "weight") ?? 0) > 0;
  const cleared = (entry: JsonRecord): JsonRecord => ({ ...entry, weight: roleOf(entry) === "canary" ? 0 : sum });
  return { name, entries: ours.length === 2 && ours.some(isLeft) ? ours.map(cleared) : ours, sum };
}

/** Whether the destinations are those from before the release, or what somebody has since written in their place. */
export function looksAtRest(ours: readonly JsonRecord[], original: OriginalRoute): boolean {
  if (isDeepStrictEqual([...ours], [...original.entries])) return true;
  const [only] = ours;
  if (ours.length !== 1 || only === undefined) return false;
  // `stable` may be about to go: who names it is at rest only where the route named it before.
  const subset = textIn(recordIn(only, "destination"), "subset");
  return subset === undefined || (subset === "stable" && original.entries.some(namesAnySubset));
}

function namesAnySubset(entry: JsonRecord): boolean {
  return textIn(recordIn(entry, "destination"), "subset") !== undefined;
}

function withSubset(entry: JsonRecord, subset: string, weight: number): JsonRecord {
  return { ...entry, destination: { ...recordIn(entry, "destination"), subset }, weight };
}
