import { createHash } from "node:crypto";
import { serviceName, type Rollout } from "../../api/rollout.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";

/** The objects by which a Rollout's traffic goes; all in its namespace. */
export interface Target {
  readonly namespace: string;
  readonly service: string;
  readonly virtualService: TargetObject & {
    /** Names of the http routes to split; undefined means every route that can be. */
    readonly routes?: readonly string[] | undefined;
  };
  readonly destinationRule: TargetObject;
}

export interface TargetObject {
  readonly name: string;
  /** Whether the operator made it and the Rollout owns it. */
  readonly generated: boolean;
}

/** What spec.traffic.istio names; undefined for a spec that cannot be read. */
export function targetOf(rollout: Rollout): Target | undefined {
  const { spec, key } = rollout;
  if (spec === undefined) return undefined;
  const { virtualService, destinationRule } = spec.traffic.istio ?? {};
  const generated = { name: generatedName(key.name), generated: true };
  return {
    namespace: key.namespace,
    service: serviceName(spec),
    virtualService:
      virtualService === undefined
        ? generated
        : { name: virtualService.name, generated: false, routes: virtualService.routes },
    destinationRule: destinationRule === undefined ? generated : { name: destinationRule.name, generated: false },
  };
}

/** Name of generated objects: the Rollout's own, shortened where a label could not hold it. */
export function generatedName(rollout: string): string {
  if (rollout.length <= 63) return rollout;
  const hash = createHash("sha256").update(rollout).digest("hex").slice(0, 8);
  return `${rollout.slice(0, 54).replace(/[-.]+$/, "")}-${hash}`;
}

/**
 * Whether the Rollout, this very one and not an earlier one of its name, controls the object. A generated object that
 * nobody controls any more, because the Rollout was deleted with its dependents orphaned or because somebody took the
 * ownerReference off, is still the Rollout's while it has something to give back: then the label tells.
 */
export function isOwnedBy(object: KubernetesObject, rollout: Rollout): boolean {
  const controllers = (object.metadata.ownerReferences ?? []).filter((owner) => owner.controller === true);
  if (controllers.length > 0) return controllers.some((owner) => owner.uid === rollout.uid);
  const isGenerated = object.metadata.labels?.[managedByLabel] === managedBy;
  const givesBack = rollout.deleting || rollout.status.release?.traffic !== undefined;
  return givesBack && isGenerated && object.metadata.name === generatedName(rollout.key.name);
}

/** On generated objects. */
export const managedByLabel = "app.kubernetes.io/managed-by";
export const managedBy = "serin";
