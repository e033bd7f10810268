import type { JsonPatch, KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import type { TrafficAction } from "../../ports/traffic-router.ts";
import { destinationRules } from "./mesh-resources.ts";
import { disownedPatch, identity, ownEntry, restoredPatch, tunedConfiguration } from "./outlier-detection.ts";
import type { Target } from "./target.ts";

export type OutlierAction = Extract<TrafficAction, { kind: "tuneOutliers" | "restoreOutliers" }>;

/**
 * Tunes outlier detection by server-side apply of its fields alone, so that nobody who applies the rest is in the way, or
 * puts it back. Where there is no DestinationRule there is nothing to do.
 */
export async function writeOutliers(
  objects: KubernetesObjects,
  { namespace, destinationRule: { name } }: Target,
  action: OutlierAction,
  signal: AbortSignal,
): Promise<void> {
  const rule = await objects.read(destinationRules, namespace, name, signal);
  if (rule === undefined) return;
  if (action.kind === "tuneOutliers") {
    await objects.apply(destinationRules, tunedConfiguration(rule, action.settings, action.before), { signal });
    return;
  }
  const write = (from: KubernetesObject, patch: JsonPatch) =>
    patch.length === 0 ? from : objects.jsonPatch(destinationRules, namespace, name, patch, { signal });
  const restored = await write(rule, restoredPatch(rule, action.before));
  const given = await write(restored, disownedPatch(restored, action.before));
  // A field that was the same before and after still counts as applied by the operator.
  if (ownEntry(given) !== undefined) await objects.apply(destinationRules, identity(given), { signal });
}
