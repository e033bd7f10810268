import { isDeepStrictEqual } from "node:util";
import { hashLabel } from "../../api/names.ts";
import type { SubsetState } from "../../domain/observation.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { isRecord, recordIn, recordsIn, textIn, type JsonRecord } from "./json-value.ts";

type SubsetName = "stable" | "canary";

/** What the two subsets were before a release. */
export interface OriginalSubsets {
  /** Whether spec.subsets was there at all. */
  readonly listed: boolean;
  readonly stable?: JsonRecord | undefined;
  readonly canary?: JsonRecord | undefined;
}

/** A DestinationRule's subsets; undefined where it has no list. */
export type Subsets = readonly JsonRecord[] | undefined;

export function subsetsOf(rule: KubernetesObject): Subsets {
  return Array.isArray(rule.spec?.["subsets"]) ? recordsIn(rule.spec, "subsets") : undefined;
}

/** The hashes that the two subsets select. */
export function subsetState(subsets: Subsets): SubsetState {
  const hashes = { stable: hashNamed(subsets, "stable"), canary: hashNamed(subsets, "canary") };
  return { kind: "Present", ...hashes, ...(find(subsets, "canary") === undefined && { lacksCanary: true }) };
}

/** Where somebody wrote a second subset of the name, with another hash or none, nothing is known to be selected. */
function hashNamed(subsets: Subsets, name: SubsetName): string | undefined {
  const hashes = new Set(subsets?.filter((subset) => textIn(subset, "name") === name).map(hashOf));
  return hashes.size === 1 ? [...hashes][0] : undefined;
}

/** A name that two subsets have: proxies know one of them, and nobody can tell which. */
export function doubledSubset(subsets: Subsets): string | undefined {
  const names = (subsets ?? []).flatMap((subset) => textIn(subset, "name") ?? []);
  return names.find((name, at) => names.indexOf(name) < at);
}

/**
 * What the subsets are without a release. A hash in them is what a release left that nobody remembers: it is taken out,
 * and with it a subset that is nothing else, unless a route names it (`stillNamed`).
 */
export function originalSubsets(subsets: Subsets, stillNamed: (subset: SubsetName) => boolean): OriginalSubsets {
  const before = (name: SubsetName): JsonRecord | undefined => {
    const found = find(subsets, name);
    if (found === undefined || hashOf(found) === undefined) return found;
    const isOnlyHash = Object.keys(recordIn(found, "labels")).length === 1 && Object.keys(found).length === 2;
    return isOnlyHash && !stillNamed(name) ? undefined : withLabels(found, labelsWithoutHash(found));
  };
  return { listed: subsets !== undefined, stable: before("stable"), canary: before("canary") };
}

/** The subsets when each of the two selects one hash; other subsets, other fields and the order stay. */
export function narrowed(subsets: Subsets, stable: string, canary: string): Subsets {
  const current = find(subsets, "stable");
  const labels = { ...labelsWithoutHash(current), [hashLabel]: stable };
  return withCanary(put(subsets, withLabels(current ?? { name: "stable" }, labels)), canary);
}

/** The subsets when stable selects what it selected before the release, which is every pod where it was not there. */
export function widened(subsets: Subsets, original: OriginalSubsets, canary: string): Subsets {
  return withCanary(put(subsets, original.stable ?? { name: "stable" }), canary);
}

/** The subsets as before the release; those that are not ours stay as they are now. */
export function restored(subsets: Subsets, original: OriginalSubsets): Subsets {
  const back = (["stable", "canary"] as const).reduce<Subsets>((list, name) => {
    const before = original[name];
    return before === undefined ? list?.filter((subset) => textIn(subset, "name") !== name) : put(list, before);
  }, subsets);
  return back?.length === 0 && !original.listed ? undefined : back;
}

/** The patch that makes spec.subsets so. Empty where it is. */
export function subsetsPatch(rule: KubernetesObject, next: Subsets): JsonPatch {
  const before = subsetsOf(rule);
  if (isDeepStrictEqual(before && [...before], next && [...next])) return [];
  const unchanged = { op: "test", path: "/metadata/resourceVersion", value: rule.metadata.resourceVersion } as const;
  const path = "/spec/subsets";
  if (before === undefined) return [unchanged, { op: "add", path, value: next }];
  const same = { op: "test", path, value: rule.spec?.["subsets"] } as const;
  return [unchanged, same, next === undefined ? { op: "remove", path } : { op: "replace", path, value: next }];
}

function withCanary(subsets: Subsets, hash: string): Subsets {
  return put(subsets, withLabels(find(subsets, "canary") ?? { name: "canary" }, { [hashLabel]: hash }));
}

function find(subsets: Subsets, name: SubsetName): JsonRecord | undefined {
  return subsets?.find((subset) => textIn(subset, "name") === name);
}

/** In the place of each subset of its name, or at the end: of two of one name nobody can tell which one counts. */
function put(subsets: Subsets, subset: JsonRecord): readonly JsonRecord[] {
  const list = subsets ?? [];
  const isThere = list.some((each) => each["name"] === subset["name"]);
  return isThere ? list.map((each) => (each["name"] === subset["name"] ? subset : each)) : [...list, subset];
}

function hashOf(subset: JsonRecord | undefined): string | undefined {
  return textIn(recordIn(subset, "labels"), hashLabel);
}

function labelsWithoutHash(subset: JsonRecord | undefined): JsonRecord {
  return Object.fromEntries(Object.entries(recordIn(subset, "labels")).filter(([label]) => label !== hashLabel));
}

function withLabels(subset: JsonRecord, labels: JsonRecord): JsonRecord {
  const wasRecord = isRecord(subset["labels"]);
  return Object.keys(labels).length === 0 && !wasRecord ? subset : { ...subset, labels };
}
