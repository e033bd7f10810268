import { fieldManager } from "../../../src/api/names.ts";
import type { KubernetesObject, KubernetesObjects, Resource } from "../../../src/ports/kubernetes-objects.ts";
import { ConflictError } from "../../../src/runtime/errors.ts";
import { applyPatch, mergePatched, PatchMisfit, type Json } from "./json.ts";
import { failed, labelsOf, metadataOf, type MemoryStore } from "./memory-store.ts";

/** Objects as they are known of, which may be of a while ago. */
export interface ObjectView {
  find(plural: string, namespace: string, name: string): KubernetesObject | undefined;
  all(plural: string, namespace?: string): readonly KubernetesObject[];
}

/** Resources that this API server does not serve. */
const unserved: ReadonlySet<string> = new Set(["httproutes", "grpcroutes"]);

/** The port to a store in memory; caches show the view. The same contract holds for the port to a real API server. */
export function memoryObjects(store: MemoryStore, view: ObjectView, manager = fieldManager): KubernetesObjects {
  const answer = <T>(run: () => T): Promise<T> => Promise.try(run);
  return {
    cached: ({ plural }, namespace, name) => view.find(plural, namespace, name),
    cachedAll: ({ plural }, namespace) => view.all(plural, namespace),
    watches: ({ plural }) => !unserved.has(plural),
    read: ({ plural }, namespace, name) => answer(() => store.get(plural, namespace, name)),
    list: ({ plural }, namespace, selector) => answer(() => store.list(plural, namespace, labelsOf(selector))),
    create: ({ plural }, object, { dryRun }) => answer(() => store.create(plural, object, manager, dryRun)),
    mergePatch: (resource, namespace, name, patch, options) =>
      answer(() =>
        store.update(placeOf(resource, namespace, name), (current) => merged(current, patch), manager, options),
      ),
    jsonPatch: (resource, namespace, name, patch, options) =>
      answer(() => {
        const change = (current: Json) => {
          try {
            applyPatch(current, patch);
            return withoutVersion(current);
          } catch (error) {
            if (!(error instanceof PatchMisfit)) throw error;
            throw failed(ConflictError, 422, "Invalid", `the patch does not fit ${name}: ${error.message}`);
          }
        };
        return store.update(placeOf(resource, namespace, name), change, manager, options);
      }),
    apply: ({ plural }, object, { dryRun }) => answer(() => store.apply(plural, object, manager, dryRun)),
    remove: ({ plural }, { metadata: { namespace, name, uid } }, { dryRun }) =>
      answer(() => {
        if (dryRun === true || store.get(plural, namespace, name)?.metadata.uid !== uid) return;
        store.remove({ plural, namespace, name }, manager);
      }),
  };
}

function placeOf({ plural }: Resource, namespace: string | undefined, name: string) {
  return { plural, namespace, name };
}

/** A patch is conditional where it names a version. */
function merged(current: Json, patch: object): Json {
  return mergePatched(withoutVersion(current), patch) as Json;
}

function withoutVersion(object: Json): Json {
  const { resourceVersion: _, ...metadata } = metadataOf(object);
  return { ...object, metadata };
}
