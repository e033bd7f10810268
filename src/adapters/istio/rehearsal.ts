import type { Rollout } from "../../api/rollout.ts";
import type { Problem } from "../../domain/observation.ts";
import type { JsonPatch, KubernetesObject, KubernetesObjects, Resource } from "../../ports/kubernetes-objects.ts";
import { RejectedError } from "../../runtime/errors.ts";
import { narrowed, subsetsOf, subsetsPatch, widened, type Subsets } from "./destination-rule.ts";
import type { ServiceHost } from "./hosts.ts";
import { destinationRules, renderObject, virtualServices } from "./mesh-resources.ts";
import { originalsFor, selectedOf, type Original } from "./original.ts";
import { splitPatch, unchangedPatch } from "./virtual-service.ts";

/** One write of a release, computed on the object as it is now. */
export interface RehearsedWrite {
  readonly resource: Resource;
  readonly object: KubernetesObject;
  /** Undefined: the object would be created as it is. */
  readonly patch: JsonPatch | undefined;
  /** `VirtualService shop/product with 10 % for the canary`. */
  readonly what: string;
}

/** Every write of a release to the VirtualService: each weight of the steps, none, and the way back. */
export function routeWrites(
  object: KubernetesObject,
  isThere: boolean,
  rollout: Rollout,
  service: ServiceHost,
  original: Original,
): readonly RehearsedWrite[] {
  const selected = selectedOf(object, original.target, service);
  const originals = originalsFor(original, selected);
  const name = renderObject("VirtualService", object);
  const asked = (rollout.spec?.steps ?? []).flatMap((step) => step.weight ?? []);
  const splits = [...new Set([0, ...asked])].map((weight) => ({
    patch: splitPatch(object, selected, originals, weight),
    what: `${name} with ${weight} % for the canary`,
  }));
  const rest = {
    patch: isThere ? unchangedPatch(object, selected) : undefined,
    what: `${name} as it is without a release`,
  };
  const writes = [rest, ...splits.filter((split) => split.patch.length > 0)];
  return writes.map(({ patch, what }) =>
    isThere || patch === undefined
      ? { resource: virtualServices, object, patch, what }
      : { resource: virtualServices, object: patched(object, patch), patch: undefined, what },
  );
}

/** Every write of a release to the DestinationRule: narrowed, widened, and the way back. */
export function subsetWrites(
  object: KubernetesObject,
  isThere: boolean,
  rollout: Rollout,
  original: Original,
): readonly RehearsedWrite[] {
  const { stable, canary } = rollout.status;
  const hashes = [stable?.podTemplateHash ?? "stable", canary?.podTemplateHash ?? "canary"] as const;
  const before = subsetsOf(object);
  const forms: readonly (readonly [Subsets, string])[] = [
    [narrowed(before, ...hashes), "the subsets of a release"],
    [widened(before, original.subsets, hashes[1]), "the subsets of a release that ends"],
  ];
  const name = renderObject("DestinationRule", object);
  const unchanged: JsonPatch = [
    { op: "test", path: "/metadata/resourceVersion", value: object.metadata.resourceVersion },
    { op: "replace", path: "/spec", value: object.spec },
  ];
  const rest = {
    resource: destinationRules,
    object,
    patch: isThere ? unchanged : undefined,
    what: `${name} as it is without a release`,
  };
  return [
    rest,
    ...forms.map(([subsets, what]) => ({
      resource: destinationRules,
      object: isThere ? object : { ...object, spec: { ...object.spec, subsets } },
      patch: isThere ? subsetsPatch(object, subsets) : undefined,
      what: `${name} with ${what}`,
    })),
  ].filter((write) => write.patch === undefined || write.patch.length > 0);
}

/** Asks the API server for each write, without writing. The first refusal is the answer; other errors reject. */
export async function askFor(
  writes: readonly RehearsedWrite[],
  objects: KubernetesObjects,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const options = { dryRun: true, signal };
  for (const { resource, object, patch, what } of writes) {
    try {
      if (patch === undefined) await objects.create(resource, object, options);
      else await objects.jsonPatch(resource, object.metadata.namespace, object.metadata.name, patch, options);
    } catch (error) {
      if (!(error instanceof RejectedError)) throw error;
      return {
        problem: "TrafficConfigRejected",
        message: `${what} was refused, so the release did not start: ${error.message}`,
      };
    }
  }
  return undefined;
}

/** The object with the routes that the patch writes: for objects that the API server does not have yet. */
function patched(object: KubernetesObject, patch: JsonPatch): KubernetesObject {
  const http = [...((object.spec?.["http"] ?? []) as object[])];
  for (const step of patch) {
    const index = /^\/spec\/http\/(\d+)\/route$/.exec(step.path)?.[1];
    if (step.op === "replace" && index !== undefined)
      http[Number(index)] = { ...http[Number(index)], route: step.value };
  }
  return { ...object, spec: { ...object.spec, http } };
}
