import { rolloutLabel } from "../api/names.ts";
import type { ObjectKey } from "../api/object-key.ts";
import type { ConditionReason } from "../api/reasons.ts";
import { storedServiceName } from "../api/rollout.ts";
import type { KubernetesObject } from "../ports/kubernetes-objects.ts";

export type TriggerKind = "Deployment" | "ReplicaSet" | "Service" | "Route";

/**
 * The Rollouts that a changed object concerns, of those that are given as they are stored. One more than need be costs
 * a look at the caches; one fewer would be blind. `before` is the object as it was, where that is known: what it does
 * not name any more it concerns too.
 */
export function rolloutsConcernedBy(
  kind: TriggerKind,
  object: KubernetesObject,
  rollouts: readonly KubernetesObject[],
  before?: KubernetesObject,
): readonly ObjectKey[] {
  if (kind === "Route") {
    const versions = before === undefined ? [object] : [object, before];
    const texts = new Set(versions.flatMap(({ spec }) => textsIn(spec)));
    return rollouts.filter((rollout) => mayRoute(object, texts, rollout)).map(keyOf);
  }
  const near = rollouts.filter((rollout) => rollout.metadata.namespace === object.metadata.namespace);
  return near.filter((rollout) => concerns(kind, object, rollout)).map(keyOf);
}

/**
 * The Rollouts that one which has changed may have kept from its Deployment or Service and does not any more: those of its
 * namespace that say so, and where it is gone all of them.
 */
export function rolloutsFreedBy(changed: ObjectKey, rollouts: readonly KubernetesObject[]): readonly ObjectKey[] {
  const near = rollouts.filter(({ metadata }) => metadata.namespace === changed.namespace);
  const isThere = near.some(({ metadata }) => metadata.name === changed.name);
  const others = near.filter(({ metadata }) => metadata.name !== changed.name);
  return others.filter((other) => !isThere || isKept(other)).map(keyOf);
}

const keptBy: readonly unknown[] = ["WorkloadClaimed", "HostClaimed"] satisfies readonly ConditionReason[];

function isKept({ status }: KubernetesObject): boolean {
  const conditions = (status?.["conditions"] ?? []) as readonly { readonly reason?: unknown }[];
  return conditions.some(({ reason }) => keptBy.includes(reason));
}

/** A key of VirtualServices that leads to another one, whose hosts and routes it makes its own. */
const delegate = "delegate";

/**
 * Routes to a Service may come from any namespace: by a host that begins with its name and namespace or with a
 * wildcard, by a reference to its namespace, by a delegate that may lead anywhere, or because the Rollout names them.
 */
function mayRoute(object: KubernetesObject, texts: ReadonlySet<string>, { metadata, spec }: KubernetesObject): boolean {
  const { namespace = "" } = metadata;
  if (object.metadata.namespace === namespace || texts.has(namespace) || texts.has(delegate)) return true;
  if (namesOf(spec).includes(object.metadata.name)) return true;
  const host = `${storedServiceName(spec) ?? ""}.${namespace}`;
  return [...texts].some((text) => text.startsWith("*") || text.toLowerCase().startsWith(host));
}

/** The objects of Istio that a Rollout names. */
function namesOf(spec: KubernetesObject["spec"]): readonly unknown[] {
  const { istio } = (spec?.["traffic"] ?? {}) as { readonly istio?: KubernetesObject["spec"] };
  return [nameIn(istio, "virtualService"), nameIn(istio, "destinationRule")];
}

/** Every text in a value, and the key that leads to another VirtualService. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === delegate ? [key] : []).concat(textsIn(inner)));
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
      return storedServiceName(rollout.spec) === object.metadata.name;
  }
}

function nameIn(spec: KubernetesObject["spec"], reference: string): string | undefined {
  const value = spec?.[reference] as { readonly name?: unknown } | undefined;
  return typeof value?.name === "string" ? value.name : undefined;
}

function keyOf({ metadata }: KubernetesObject): ObjectKey {
  return { namespace: metadata.namespace ?? "", name: metadata.name };
}
