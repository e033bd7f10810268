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

/** What a DestinationRule says of outlier detection, and whether its top level would do for both subsets. */
export function outlierState(rule: KubernetesObject, names: SubsetNames): OutlierState {
  const subsets = recordsIn(rule.spec, "subsets").filter(
    (subset) => textIn(subset, "name") === names.stable || textIn(subset, "name") === names.canary,
  );
  const before = beforeTuning(rule);
  return {
    isTuned: ownEntry(rule) !== undefined,
    obstacles: obstaclesIn(rule, subsets, before),
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
  return [...ofSubsets, ...(ofPorts ? [`${name}: portLevelSettings take the place of its top level`] : [])];
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

/** What is applied to own nothing any more. */
export function identity({ apiVersion, kind, metadata: { name, namespace } }: KubernetesObject): object {
  return { apiVersion, kind, metadata: { name, namespace } };
}

/** The entry that says which fields the operator has applied. */
export function ownEntry({ metadata }: KubernetesObject): object | undefined {
  return metadata.managedFields?.find(({ manager, operation }) => manager === fieldManager && operation === "Apply");
}

/**
 * The patch that puts the fields back that tuning wrote: those that still are as it wrote them. What somebody else has
 * written since stays. Empty where nothing is to be put back.
 */
export function restoredPatch(rule: KubernetesObject, settings: TunedSettings, before: string): JsonPatch {
  const current = rule.spec?.["trafficPolicy"];
  if (!isRecord(current)) return [];
  const { trafficPolicy: original, localityOff } = parseBefore(before);
  const detection = restoredBlock(current["outlierDetection"], original?.["outlierDetection"], { ...settings });
  const balancing = localityOff
    ? restoredBalancing(current["loadBalancer"], original?.["loadBalancer"])
    : current["loadBalancer"];
  const next = without({ ...current, outlierDetection: detection, loadBalancer: balancing });
  if (isDeepStrictEqual(next, current)) return [];
  const isEmpty = Object.keys(next).length === 0 && original === undefined;
  const path = "/spec/trafficPolicy";
  return [
    { op: "test", path: "/metadata/resourceVersion", value: rule.metadata.resourceVersion },
    isEmpty ? { op: "remove", path } : { op: "replace", path, value: next },
  ];
}

/** The block with each field that is as it was written put back; undefined where nothing is left of what was not there. */
function restoredBlock(current: unknown, original: unknown, written: JsonRecord): JsonRecord | undefined {
  if (!isRecord(current)) return undefined;
  const before = isRecord(original) ? original : {};
  const fields = Object.entries(current).map(([field, value]) =>
    isDeepStrictEqual(value, written[field]) ? [field, before[field]] : [field, value],
  );
  const block = without(Object.fromEntries(fields) as JsonRecord);
  return Object.keys(block).length === 0 && !isRecord(original) ? undefined : block;
}

function restoredBalancing(current: unknown, original: unknown): JsonRecord | undefined {
  if (!isRecord(current)) return undefined;
  const before = isRecord(original) ? original : undefined;
  const locality = restoredBlock(current["localityLbSetting"], before?.["localityLbSetting"], { enabled: false });
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
