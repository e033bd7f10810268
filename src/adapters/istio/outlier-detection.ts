import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { fieldManager } from "../../api/names.ts";
import type { TunedSettings } from "../../api/outlier-status.ts";
import type { OutlierPolicy, OutlierState } from "../../domain/observation.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { isRecord, numberIn, recordIn, recordsIn, textIn, type JsonRecord } from "./json-value.ts";
import { renderObject } from "./mesh-resources.ts";

/** Names of the two versions' subsets. */
export interface SubsetNames {
  readonly stable: string;
  readonly canary: string;
}

/** What a DestinationRule says of outlier detection, and whether its top level would do for both subsets of a Service. */
export function outlierState(
  rule: KubernetesObject,
  names: SubsetNames,
  service: KubernetesObject | undefined,
): OutlierState {
  const subsets = recordsIn(rule.spec, "subsets").filter(
    (subset) => textIn(subset, "name") === names.stable || textIn(subset, "name") === names.canary,
  );
  const before = beforeTuning(rule);
  return {
    isTuned: ownEntry(rule) !== undefined,
    written: writtenIn(rule),
    obstacles: [...obstaclesIn(rule, subsets, before), ...obstaclesOf(service, before)],
    policies: { stable: policyOf(rule, names.stable), canary: policyOf(rule, names.canary) },
    before: JSON.stringify(before),
  };
}

/** What was there before tuning, and what tuning adds beside outlier detection. */
interface Before {
  readonly trafficPolicy?: JsonRecord | undefined;
  /** Whether locality load balancing is switched off with it: it is on wherever there is outlier detection. */
  readonly localityOff: boolean;
}

const beforeSchema = z.object({
  trafficPolicy: z.record(z.string(), z.unknown()).optional(),
  localityOff: z.boolean(),
});

/** Only the blocks that tuning touches: others may change in mid-release. */
function beforeTuning({ spec }: KubernetesObject): Before {
  const policy = spec?.["trafficPolicy"];
  if (!isRecord(policy)) return { localityOff: true };
  const blocks = ["outlierDetection", "loadBalancer"].flatMap((name) => (name in policy ? [[name, policy[name]]] : []));
  const locality = recordIn(recordIn(policy, "loadBalancer"), "localityLbSetting");
  // Weights of localities hold with and without outlier detection; switched off they would not.
  const isDistributed = recordsIn(locality, "distribute").length > 0;
  return {
    trafficPolicy: Object.fromEntries(blocks) as JsonRecord,
    localityOff: !("outlierDetection" in policy) && !isDistributed,
  };
}

/** Blocks of a subset and of a port stand in the place of those of the top level. */
function obstaclesIn(rule: KubernetesObject, subsets: readonly JsonRecord[], before: Before): readonly string[] {
  const name = renderObject("DestinationRule", rule);
  const policy = recordIn(rule.spec, "trafficPolicy");
  const ofSubsets = subsets.flatMap((subset) => {
    const own = recordIn(subset, "trafficPolicy");
    const which = `${name}: subset ${textIn(subset, "name") ?? ""} has`;
    const instead = "of its own, which takes the place of the top level's";
    return [
      ...("outlierDetection" in own ? [`${which} outlierDetection ${instead}`] : []),
      ...("loadBalancer" in own && before.localityOff
        ? [`${which} a loadBalancer ${instead}, so its pods would be chosen by locality`]
        : []),
      ...(recordsIn(own, "portLevelSettings").length > 0 ? [`${which} portLevelSettings ${instead}`] : []),
    ];
  });
  const ofPorts = recordsIn(policy, "portLevelSettings").length > 0;
  const onlyCodes = "outlierDetectionHttpErrorCodes" in recordIn(policy, "outlierDetection");
  return [
    ...ofSubsets,
    ...(ofPorts ? [`${name}: portLevelSettings take the place of its top level`] : []),
    ...(onlyCodes ? [`${name}: outlierDetectionHttpErrorCodes leave errors out`] : []),
  ];
}

/** A Service may have its pods chosen by zone itself: what keeps outlier detection from doing so would end that too. */
function obstaclesOf(service: KubernetesObject | undefined, { localityOff }: Before): readonly string[] {
  if (service === undefined || !localityOff) return [];
  const { name, namespace = "", annotations = {} } = service.metadata;
  const isSpread =
    textIn(service.spec, "trafficDistribution") !== undefined ||
    annotations["networking.istio.io/traffic-distribution"] !== undefined;
  return isSpread ? [`Service ${namespace}/${name} has a trafficDistribution, which tuning would switch off`] : [];
}

/** The fields that the operator has applied and that nobody has changed since. */
function ownedIn(rule: KubernetesObject, ...path: readonly string[]): readonly string[] {
  const applied = recordIn(ownEntry(rule), "fieldsV1");
  const block = ["spec", "trafficPolicy", ...path].reduce((at, field) => recordIn(at, `f:${field}`), applied);
  return Object.keys(block).flatMap((field) => (field.startsWith("f:") ? [field.slice(2)] : []));
}

function writtenIn(rule: KubernetesObject): Partial<TunedSettings> {
  const owned = ownedIn(rule, "outlierDetection");
  const block = recordIn(recordIn(rule.spec, "trafficPolicy"), "outlierDetection");
  return Object.fromEntries(Object.entries(block).filter(([field]) => owned.includes(field)));
}

/** The settings that hold for a subset; its own block stands alone. */
function policyOf(rule: KubernetesObject, subset: string): OutlierPolicy | undefined {
  const found = recordsIn(rule.spec, "subsets").find((each) => textIn(each, "name") === subset);
  const own = recordIn(found, "trafficPolicy");
  const top = recordIn(rule.spec, "trafficPolicy");
  const [policy, path] =
    "outlierDetection" in own ? [own, `subset ${subset}, trafficPolicy`] : [top, "spec.trafficPolicy"];
  if (!("outlierDetection" in policy)) return undefined;
  const block = policy["outlierDetection"];
  return {
    where: `${renderObject("DestinationRule", rule)}, ${path}.outlierDetection`,
    consecutive5xxErrors: numberIn(block, "consecutive5xxErrors"),
    consecutiveGatewayErrors: numberIn(block, "consecutiveGatewayErrors"),
    maxEjectionPercent: numberIn(block, "maxEjectionPercent"),
    minHealthPercent: numberIn(block, "minHealthPercent"),
  };
}

/** What is applied to tune: fields of outlier detection alone, and what keeps locality load balancing as it was. */
export function tunedConfiguration(rule: KubernetesObject, settings: TunedSettings, before: string): object {
  const { localityOff } = parseBefore(before);
  return {
    ...identity(rule),
    spec: {
      trafficPolicy: {
        outlierDetection: { ...settings },
        ...(localityOff ? { loadBalancer: { localityLbSetting: { enabled: false } } } : {}),
      },
    },
  };
}

/** What is applied to own nothing any more; only to the object as it was read: without its uid a gone one is made anew. */
export function identity({
  apiVersion,
  kind,
  metadata: { name, namespace, uid, resourceVersion },
}: KubernetesObject): object {
  return { apiVersion, kind, metadata: { name, namespace, uid, resourceVersion } };
}

/** The entry that says which fields the operator has applied. */
export function ownEntry({ metadata }: KubernetesObject): object | undefined {
  return metadata.managedFields?.find(({ manager, operation }) => manager === fieldManager && operation === "Apply");
}

/**
 * The patch that puts the fields back that tuning wrote: those that still are the operator's. What somebody else has
 * written since stays. Empty where nothing is to be put back.
 */
export function restoredPatch(rule: KubernetesObject, before: string): JsonPatch {
  const current = rule.spec?.["trafficPolicy"];
  if (!isRecord(current)) return [];
  const { trafficPolicy: original } = parseBefore(before);
  const detection = restoredBlock(
    current["outlierDetection"],
    original?.["outlierDetection"],
    ownedIn(rule, "outlierDetection"),
  );
  const balancing = restoredBalancing(
    current["loadBalancer"],
    original?.["loadBalancer"],
    ownedIn(rule, "loadBalancer", "localityLbSetting"),
  );
  const next = without({ ...current, outlierDetection: detection, loadBalancer: balancing });
  if (isDeepStrictEqual(next, current)) return [];
  const isEmpty = Object.keys(next).length === 0 && original === undefined;
  const path = "/spec/trafficPolicy";
  return [unchanged(rule), isEmpty ? { op: "remove", path } : { op: "replace", path, value: next }];
}

/**
 * The patch that gives the fields up which putting them back has made the operator's, so that whoever had them before can
 * change or remove them. Empty where it has none.
 */
export function disownedPatch(rule: KubernetesObject, before: string): JsonPatch {
  const { trafficPolicy: original } = parseBefore(before);
  const blocks = ["outlierDetection", "loadBalancer"].filter((name) => original !== undefined && name in original);
  return (rule.metadata.managedFields ?? []).flatMap((entry, index): JsonPatch => {
    const spec = recordIn(recordIn(entry, "fieldsV1"), "f:spec");
    const owned = recordIn(spec, "f:trafficPolicy");
    const theirs = blocks.map((name) => `f:${name}`).filter((name) => name in owned);
    if (entry.manager !== fieldManager || entry.operation !== "Update" || theirs.length === 0) return [];
    const path = `/metadata/managedFields/${index}/fieldsV1/f:spec`;
    // A parent without children would stand for all that is in it.
    const isAll = Object.keys(owned).every((name) => theirs.includes(name) || name === ".");
    const isWhole = isAll && Object.keys(spec).every((name) => name === "f:trafficPolicy" || name === ".");
    const paths = isWhole
      ? [path]
      : isAll
        ? [`${path}/f:trafficPolicy`]
        : theirs.map((name) => `${path}/f:trafficPolicy/${name}`);
    return [unchanged(rule), ...paths.map((each) => ({ op: "remove", path: each }) as const)];
  });
}

function unchanged({ metadata }: KubernetesObject) {
  return { op: "test", path: "/metadata/resourceVersion", value: metadata.resourceVersion } as const;
}

/** The block with each field that is the operator's put back; undefined where nothing is left of what was not there. */
function restoredBlock(current: unknown, original: unknown, owned: readonly string[]): JsonRecord | undefined {
  if (!isRecord(current)) return undefined;
  const before = isRecord(original) ? original : {};
  const fields = Object.entries(current).map(([field, value]) => [
    field,
    owned.includes(field) ? before[field] : value,
  ]);
  const block = without(Object.fromEntries(fields) as JsonRecord);
  return Object.keys(block).length === 0 && !isRecord(original) ? undefined : block;
}

function restoredBalancing(current: unknown, original: unknown, owned: readonly string[]): JsonRecord | undefined {
  if (!isRecord(current)) return undefined;
  const before = isRecord(original) ? original : undefined;
  const locality = restoredBlock(current["localityLbSetting"], before?.["localityLbSetting"], owned);
  const block = without({ ...current, localityLbSetting: locality });
  return Object.keys(block).length === 0 && before === undefined ? undefined : block;
}

function without(record: JsonRecord): JsonRecord {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

/** Text that is none of ours says that nothing was there. */
function parseBefore(text: string): Before {
  try {
    return beforeSchema.safeParse(JSON.parse(text)).data ?? { localityOff: false };
  } catch {
    return { localityOff: false };
  }
}
