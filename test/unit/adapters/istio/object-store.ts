import { isDeepStrictEqual } from "node:util";
import type {
  JsonPatch,
  KubernetesObject,
  KubernetesObjects,
  Resource,
} from "../../../../src/ports/kubernetes-objects.ts";
import { ConflictError, NotFoundError } from "../../../../src/runtime/errors.ts";
import { applyPatch, copyOf, isRecord, PatchMisfit, type Json } from "../../../simulation/cluster/json.ts";

/** One object as it was at a time, for looking at every version that was ever stored. */
export interface StoredVersion {
  readonly plural: string;
  readonly object: KubernetesObject;
}

export interface ObjectStore extends KubernetesObjects {
  /** Every version of every object, oldest first; dry runs leave none. */
  readonly versions: readonly StoredVersion[];
  /** What was asked of it, `dryRun` for one that would not have been written. */
  readonly requests: readonly string[];
  put(plural: string, object: KubernetesObject): KubernetesObject;
  get(plural: string, namespace: string, name: string): KubernetesObject | undefined;
  /** Makes writes fail from now on where `refuse` answers with an error. */
  refuseWrites(refuse: (plural: string, object: KubernetesObject) => Error | undefined): void;
}

/** Objects in memory whose patches mean what RFC 6902 says; the integration tests ask a real API server the same. */
export function createObjectStore(unserved: readonly string[] = []): ObjectStore {
  const objects = new Map<string, KubernetesObject>();
  const versions: StoredVersion[] = [];
  const requests: string[] = [];
  const applied = new Map<string, object>();
  let refuse: (plural: string, object: KubernetesObject) => Error | undefined = () => undefined;
  let clock = 0;

  const keyOf = (plural: string, namespace: string | undefined, name: string): string =>
    `${plural}/${namespace ?? ""}/${name}`;

  const store = (plural: string, object: KubernetesObject): KubernetesObject => {
    clock += 1;
    const key = keyOf(plural, object.metadata.namespace, object.metadata.name);
    // Whoever applied something owns it for as long as it is there as it was applied.
    const owned = ownedFields(object.spec, applied.get(key) ?? {});
    const { managedFields: before = [], ...known } = object.metadata;
    const others = before.filter(({ manager, operation }) => manager !== "serin" || operation !== "Apply");
    const entry = { manager: "serin", operation: "Apply", fieldsV1: { "f:spec": owned } };
    const managedFields = owned === undefined ? others : [...others, entry];
    const managed = managedFields.length === 0 ? {} : { managedFields };
    const metadata = { uid: `uid-${clock}`, ...known, ...managed, resourceVersion: String(clock) };
    const stored = copyOf({ ...object, metadata });
    objects.set(key, stored);
    versions.push({ plural, object: stored });
    return stored;
  };

  const write = (
    verb: string,
    plural: string,
    object: KubernetesObject,
    dryRun: boolean | undefined,
  ): KubernetesObject => {
    requests.push(`${dryRun === true ? "dryRun " : ""}${verb} ${plural}/${object.metadata.name}`);
    const error = refuse(plural, object);
    if (error !== undefined) throw error;
    return dryRun === true ? object : store(plural, object);
  };

  const unused = (): never => {
    throw new Error("the router does not use this");
  };

  return {
    versions,
    requests,
    put: store,
    get: (plural, namespace, name) => objects.get(keyOf(plural, namespace, name)),
    refuseWrites: (decide) => (refuse = decide),
    cached: ({ plural }, namespace, name) => objects.get(keyOf(plural, namespace, name)),
    cachedAll: ({ plural }: Resource, namespace?: string) =>
      [...objects.entries()]
        .filter(([key]) => key.startsWith(`${plural}/${namespace === undefined ? "" : `${namespace}/`}`))
        .map(([, object]) => object),
    watches: ({ plural }) => !unserved.includes(plural),
    read: ({ plural }, namespace, name) => Promise.resolve(objects.get(keyOf(plural, namespace, name))),
    list: unused,
    create: async ({ plural }, object, { dryRun }) => {
      const { namespace, name } = (object as KubernetesObject).metadata;
      if (objects.has(keyOf(plural, namespace, name))) throw new ConflictError("already there");
      return Promise.resolve(write("create", plural, object as KubernetesObject, dryRun));
    },
    mergePatch: unused,
    jsonPatch: async ({ plural }, namespace, name, patch, { dryRun }) => {
      const current = objects.get(keyOf(plural, namespace, name));
      if (current === undefined) throw new NotFoundError(name);
      return Promise.resolve(write("patch", plural, patched(current, patch), dryRun));
    },
    apply: async ({ plural }, object, { dryRun }) => {
      const asked = object as KubernetesObject;
      const { namespace, name } = asked.metadata;
      const current = objects.get(keyOf(plural, namespace, name));
      if (current === undefined) throw new NotFoundError(name);
      const spec = merged(current.spec, asked.spec ?? {}) as Record<string, unknown>;
      applied.set(keyOf(plural, namespace, name), asked.spec ?? {});
      return Promise.resolve(write("apply", plural, { ...current, spec }, dryRun));
    },
    remove: ({ plural }, { metadata }) => {
      requests.push(`remove ${plural}/${metadata.name}`);
      objects.delete(keyOf(plural, metadata.namespace, metadata.name));
      return Promise.resolve();
    },
  };
}

/** The object after the patch; throws a ConflictError where it does not fit. */
export function patched(object: KubernetesObject, patch: JsonPatch): KubernetesObject {
  const root = copyOf(object);
  try {
    applyPatch(root as unknown as Json, patch);
  } catch (error) {
    throw error instanceof PatchMisfit ? new ConflictError(error.message) : error;
  }
  return root;
}

/** Server-side apply of records: they are merged, all else is replaced. */
function merged(current: unknown, asked: unknown): unknown {
  if (!isRecord(current) || !isRecord(asked)) return asked;
  const fields = Object.entries(asked).map(([field, value]) => [field, merged(current[field], value)]);
  return { ...current, ...Object.fromEntries(fields) };
}

/** What of an applied configuration is there as it was applied, as fieldsV1; undefined where nothing is. */
function ownedFields(current: unknown, asked: unknown): object | undefined {
  if (!isRecord(asked)) return isDeepStrictEqual(current, asked) ? {} : undefined;
  const fields = Object.entries(asked).flatMap(([field, value]) => {
    const owned = ownedFields(isRecord(current) ? current[field] : undefined, value);
    return owned === undefined ? [] : [[`f:${field}`, owned] as const];
  });
  return fields.length === 0 ? undefined : Object.fromEntries(fields);
}
