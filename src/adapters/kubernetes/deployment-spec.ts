import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { numberAt, textAt, valueAt } from "./json-fields.ts";
import { desiredReplicasAnnotation, maxReplicasAnnotation } from "./workload-resources.ts";

/** The surge for the length of an adoption: with room for both versions nothing has to shrink. */
export const openSurgeValue = "100%";

/** The most pods that the Deployment may have while it rolls: its size and its surge. */
export function maxReplicas(deployment: KubernetesObject): number {
  const replicas = numberAt(deployment, "spec", "replicas");
  return replicas + surgeInPods(surgeOf(deployment), replicas);
}

/**
 * The annotations that the Deployment controller keeps on its ReplicaSets and takes for the truth when it scales. A
 * ReplicaSet without them is scaled wrongly after an adoption.
 */
export function scalingAnnotations(deployment: KubernetesObject): Readonly<Record<string, string>> {
  return {
    [desiredReplicasAnnotation]: String(numberAt(deployment, "spec", "replicas")),
    [maxReplicasAnnotation]: String(maxReplicas(deployment)),
  };
}

export function isRollingUpdate(deployment: KubernetesObject): boolean {
  return textAt(deployment, "spec", "strategy", "type") !== "Recreate";
}

export function isPaused(deployment: KubernetesObject): boolean {
  return valueAt(deployment, "spec", "paused") === true;
}

/** A number of pods or a percentage; undefined where the strategy has none. */
export function surgeOf(deployment: KubernetesObject): unknown {
  return valueAt(deployment, "spec", "strategy", "rollingUpdate", "maxSurge");
}

/** Percentages are rounded up, as the Deployment controller does. */
function surgeInPods(surge: unknown, replicas: number): number {
  if (typeof surge === "number") return surge;
  const share = typeof surge === "string" ? Number.parseInt(surge, 10) : 0;
  return Number.isNaN(share) ? 0 : Math.ceil((share * replicas) / 100);
}
