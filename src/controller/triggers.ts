import { rolloutLabel } from "../api/names.ts";
import type { ObjectKey } from "../api/object-key.ts";
import type { KubernetesObject } from "../ports/kubernetes-objects.ts";

export type TriggerKind = "Deployment" | "ReplicaSet" | "Service" | "Route";

/**
 * The Rollouts that a changed object concerns, of those that are given as they are stored. One more than need be costs
 * a look at the caches; one fewer would be blind.
 */
export function rolloutsConcernedBy(
  kind: TriggerKind,
  object: KubernetesObject,
  rollouts: readonly KubernetesObject[],
): readonly ObjectKey[] {
  // Routes to a host may come from any namespace, and delegates may name any other: all are looked at afresh.
  if (kind === "Route") return rollouts.map(keyOf);
  const near = rollouts.filter((rollout) => rollout.metadata.namespace === object.metadata.namespace);
  return near.filter((rollout) => concerns(kind, object, rollout)).map(keyOf);
}

function concerns(kind: Exclude<TriggerKind, "Route">, object: KubernetesObject, rollout: KubernetesObject): boolean {
  const target = nameIn(rollout.spec, "targetRef");
  // Which pods a subset selects is in two other objects: whatever runs in the namespace may be one of its versions.
  if (kind !== "Service" && typeof rollout.spec?.["subset"] === "string") return true;
  switch (kind) {
    case "Deployment":
      return target === object.metadata.name || object.metadata.labels?.[rolloutLabel] === rollout.metadata.name;
    case "ReplicaSet":
      return (object.metadata.ownerReferences ?? []).some(
        (owner) => owner.uid === rollout.metadata.uid || (owner.kind === "Deployment" && owner.name === target),
      );
    case "Service":
      return (nameIn(rollout.spec, "service") ?? target) === object.metadata.name;
  }
}

function nameIn(spec: KubernetesObject["spec"], reference: string): string | undefined {
  const value = spec?.[reference] as { readonly name?: unknown } | undefined;
  return typeof value?.name === "string" ? value.name : undefined;
}

function keyOf({ metadata }: KubernetesObject): ObjectKey {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}
