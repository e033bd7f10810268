import { ApiFailure } from "../../../src/adapters/kubernetes/errors.ts";
import type { KubernetesObject, Resource, WriteOptions } from "../../../src/ports/kubernetes-objects.ts";
import { ConflictError, NotFoundError } from "../../../src/runtime/errors.ts";
import { copyOf, isRecord, isSame, mergePatched, type Json } from "./json.ts";

/** An object that is being changed; `undefined` as a result: it is gone. */
export type Change = (current: Json) => Json;

/** What happened to an object, in the order in which it happened. */
export interface StoredEvent {
  readonly sequence: number;
  readonly at: number;
  readonly plural: string;
  readonly kind: "changed" | "deleted";
  readonly object: KubernetesObject;
  readonly manager: string;
}

export interface StoreOptions {
  /** Milliseconds. */
  readonly now: () => number;
  /** Admission: answers with the object as it is to be stored, or throws why it is not. */
  readonly admit?: (plural: string, object: Json, before: Json | undefined) => Json;
}

const withStatus: ReadonlySet<string> = new Set(["rollouts", "deployments", "replicasets", "pods"]);

/** Objects in memory with the API server's rules of versions, generations, subresources, finalizers and managers. */
export class MemoryStore {
  readonly #objects = new Map<string, KubernetesObject>();
  readonly #options: StoreOptions;
  readonly #listeners: ((event: StoredEvent) => void)[] = [];
  #version = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  onEvent(listener: (event: StoredEvent) => void): void {
    this.#listeners.push(listener);
  }

  get(plural: string, namespace: string | undefined, name: string): KubernetesObject | undefined {
    return this.#objects.get(keyOf(plural, namespace, name));
  }

  /** Those with all of the labels, oldest first. */
  list(plural: string, namespace?: string, labels: Readonly<Record<string, string>> = {}): readonly KubernetesObject[] {
    const prefix = namespace === undefined ? `${plural}/` : `${plural}/${namespace}/`;
    const found: KubernetesObject[] = [];
    for (const [key, object] of this.#objects) {
      if (!key.startsWith(prefix)) continue;
      if (Object.entries(labels).every(([label, value]) => object.metadata.labels?.[label] === value))
        found.push(object);
    }
    return found;
  }

  create(plural: string, object: object, manager: string, dryRun = false, applied?: object): KubernetesObject {
    const { metadata } = object as KubernetesObject;
    if (this.get(plural, metadata.namespace, metadata.name) !== undefined)
      throw failed(ConflictError, 409, "AlreadyExists", `${plural} "${metadata.name}" already exists`);
    const now = this.#now();
    const fresh = copyOf(object) as Json;
    if (withStatus.has(plural) && plural !== "pods") delete fresh["status"];
    fresh["metadata"] = { ...metadata, uid: `uid-${this.#version + 1}`, generation: 1, creationTimestamp: now };
    const admitted = this.#options.admit?.(plural, fresh, undefined) ?? fresh;
    return dryRun ? (admitted as unknown as KubernetesObject) : this.#put(plural, admitted, { manager, applied });
  }

  /** Server-side apply, forced: what was applied before and is not any more goes. */
  apply(plural: string, object: object, manager: string, dryRun = false): KubernetesObject {
    const { metadata } = object as KubernetesObject;
    const where = { plural, namespace: metadata.namespace, name: metadata.name };
    const current = this.get(plural, metadata.namespace, metadata.name);
    if (metadata.uid !== undefined && metadata.uid !== current?.metadata.uid)
      throw failed(ConflictError, 409, "Conflict", `${plural} "${metadata.name}": uid mismatch`);
    if (current === undefined) return this.create(plural, object, manager, dryRun, object);
    const change = (current: Json): Json => {
      const before = appliedBy(current, manager);
      const { resourceVersion: _, ...own } = metadataOf(current);
      return mergePatched(withoutFields({ ...current, metadata: own }, before, fieldsOf(object)), object) as Json;
    };
    return this.update(where, change, manager, { dryRun, applied: object });
  }

  /** Changes what is there, or a part of it. Does nothing where nothing differs. */
  update(where: Place, change: Change, manager: string, options: UpdateOptions = {}): KubernetesObject {
    const { plural, namespace, name } = where;
    const current = this.get(plural, namespace, name);
    if (current === undefined) throw failed(NotFoundError, 404, "NotFound", `${plural} "${name}" not found`);
    const before = copyOf(current) as unknown as Json;
    const changed = kept(plural, before, change(copyOf(before)), options.subresource);
    const asked = metadataOf(changed)["resourceVersion"];
    if (asked !== undefined && asked !== current.metadata.resourceVersion)
      throw failed(ConflictError, 409, "Conflict", `${plural} "${name}": the object has been modified`);
    const admitted = options.subresource === "status" ? changed : this.#admitted(plural, changed, before);
    if (isSame(admitted, before) && ownsNoOther(before, manager, options.applied)) return current;
    if (isNewGeneration(plural, before, admitted))
      metadataOf(admitted)["generation"] = Number(metadataOf(before)["generation"] ?? 1) + 1;
    if (options.dryRun === true) return admitted as unknown as KubernetesObject;
    return this.#put(plural, admitted, { manager, before, applied: options.applied });
  }

  #admitted(plural: string, object: Json, before: Json): Json {
    return this.#options.admit?.(plural, object, before) ?? object;
  }

  /** Deletes, or marks as being deleted where finalizers wait. */
  remove({ plural, namespace, name }: Place, manager: string): void {
    const current = this.get(plural, namespace, name);
    if (current === undefined || current.metadata.deletionTimestamp !== undefined) return;
    if ((current.metadata.finalizers ?? []).length === 0) return this.#drop(plural, current, manager);
    const marked = copyOf(current) as unknown as Json;
    metadataOf(marked)["deletionTimestamp"] = this.#now();
    this.#put(plural, marked, { manager });
  }

  #put(plural: string, object: Json, write: Write): KubernetesObject {
    const { manager } = write;
    this.#version += 1;
    const metadata = metadataOf(object);
    metadata["resourceVersion"] = String(this.#version);
    metadata["managedFields"] = managersOf(object, write, this.#now());
    const stored = object as unknown as KubernetesObject;
    if (metadata["deletionTimestamp"] !== undefined && (stored.metadata.finalizers ?? []).length === 0) {
      this.#drop(plural, stored, manager);
      return stored;
    }
    this.#objects.set(keyOf(plural, stored.metadata.namespace, stored.metadata.name), stored);
    this.#tell({ plural, kind: "changed", object: stored, manager });
    return stored;
  }

  #drop(plural: string, object: KubernetesObject, manager: string): void {
    this.#version += 1;
    this.#objects.delete(keyOf(plural, object.metadata.namespace, object.metadata.name));
    this.#tell({ plural, kind: "deleted", object, manager });
  }

  #tell(event: Omit<StoredEvent, "sequence" | "at">): void {
    const told = { ...event, sequence: this.#version, at: this.#options.now() };
    for (const listener of this.#listeners) listener(told);
  }

  #now(): string {
    return new Date(Math.floor(this.#options.now() / 1_000) * 1_000).toISOString().replace(".000Z", "Z");
  }
}

/** Where an object is. */
export interface Place {
  readonly plural: Resource["plural"];
  readonly namespace: string | undefined;
  readonly name: string;
}

export function keyOf(plural: string, namespace: string | undefined, name: string): string {
  return `${plural}/${namespace ?? ""}/${name}`;
}

export function metadataOf(object: Json): Json {
  return object["metadata"] as Json;
}

type Failing = typeof ConflictError | typeof NotFoundError;

export function failed(kind: Failing, code: number, reason: string, message: string): Error {
  return new kind(message, { cause: new ApiFailure(message, code, reason) });
}

/** A write of one part leaves the others as they are, and nobody writes what the server keeps. */
function kept(plural: string, before: Json, changed: Json, subresource: string | undefined): Json {
  const { uid, creationTimestamp, generation, deletionTimestamp } = metadataOf(before);
  const own = { uid, creationTimestamp, generation, ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }) };
  const metadata = { ...metadataOf(changed), ...own };
  if (subresource === "status")
    return { ...before, metadata: { ...metadataOf(before), ...versionIn(changed) }, status: changed["status"] };
  if (!withStatus.has(plural) || plural === "pods") return { ...changed, metadata };
  const { status: _, ...others } = changed;
  return { ...others, metadata, ...("status" in before ? { status: before["status"] } : {}) };
}

function versionIn(changed: Json): Json {
  const { resourceVersion } = metadataOf(changed);
  return resourceVersion === undefined ? {} : { resourceVersion };
}

function isNewGeneration(plural: string, before: Json, after: Json): boolean {
  if (!isSame(before["spec"], after["spec"])) return true;
  // Of a Deployment annotations count as well.
  return plural === "deployments" && !isSame(metadataOf(before)["annotations"], metadataOf(after)["annotations"]);
}

interface ManagedFields {
  readonly manager: string;
  readonly operation: string;
  readonly time: string;
  readonly fieldsV1?: Json;
}

interface UpdateOptions extends Partial<WriteOptions> {
  /** The configuration, where this is an apply. */
  readonly applied?: object | undefined;
}

interface Write {
  readonly manager: string;
  /** The object before this write. */
  readonly before?: Json | undefined;
  readonly applied?: object | undefined;
}

/** Who wrote last, and what of their applied configurations is still as it was applied. */
function managersOf(object: Json, { manager, before, applied }: Write, time: string): readonly ManagedFields[] {
  const known = metadataOf(object)["managedFields"];
  const operation = applied === undefined ? "Update" : "Apply";
  const isWriter = (entry: ManagedFields) => entry.manager === manager && entry.operation === operation;
  const others = (Array.isArray(known) ? (known as ManagedFields[]) : []).flatMap((entry) => {
    if (isWriter(entry)) return [];
    if (entry.fieldsV1 === undefined || before === undefined) return [entry];
    const fieldsV1 = unchangedFields(entry.fieldsV1, before, object);
    return Object.keys(fieldsV1).length === 0 ? [] : [{ ...entry, fieldsV1 }];
  });
  if (applied === undefined) return [...others, { manager, operation, time }];
  const fieldsV1 = fieldsOf(applied);
  return Object.keys(fieldsV1).length === 0 ? others : [...others, { manager, operation, time, fieldsV1 }];
}

function appliedBy(object: Json, manager: string): Json {
  const known = metadataOf(object)["managedFields"];
  const entries = Array.isArray(known) ? (known as ManagedFields[]) : [];
  return entries.find((entry) => entry.manager === manager && entry.operation === "Apply")?.fieldsV1 ?? {};
}

/** Whether an apply would give its manager the fields that it has. */
function ownsNoOther(before: Json, manager: string, applied: object | undefined): boolean {
  return applied === undefined || isSame(fieldsOf(applied), appliedBy(before, manager));
}

/** The fields of a configuration, what names it apart. */
function fieldsOf(applied: object | undefined): Json {
  const { apiVersion: _version, kind: _kind, metadata: _metadata, ...fields } = (applied ?? {}) as Json;
  const tree = (value: unknown): Json =>
    isRecord(value) ? Object.fromEntries(Object.entries(value).map(([field, each]) => [`f:${field}`, tree(each)])) : {};
  return tree(fields);
}

function unchangedFields(fields: Json, before: unknown, after: unknown): Json {
  const at = (value: unknown, field: string) => (isRecord(value) ? value[field] : undefined);
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, below]) => {
      const field = key.slice(2);
      const [was, is] = [at(before, field), at(after, field)];
      if (!isRecord(below) || Object.keys(below).length === 0) return isSame(was, is) ? [[key, below]] : [];
      const left = unchangedFields(below, was, is);
      return Object.keys(left).length === 0 ? [] : [[key, left]];
    }),
  );
}

/** The object without the fields that are in `fields` and not in `kept`; parents that are empty then go too. */
function withoutFields(object: Json, fields: Json, kept: Json): Json {
  const result = { ...object };
  for (const [key, below] of Object.entries(fields)) {
    const field = key.slice(2);
    const value = result[field];
    if (isRecord(below) && Object.keys(below).length > 0 && isRecord(value)) {
      result[field] = withoutFields(value, below, isRecord(kept[key]) ? kept[key] : {});
      if (Object.keys(result[field] as Json).length === 0) delete result[field];
    } else if (!(key in kept)) delete result[field];
  }
  return result;
}

/** The text of a label selector, of equalities only. */
export function labelsOf(selector: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    selector.split(",").flatMap((part) => (part.includes("=") ? [part.split("=", 2) as [string, string]] : [])),
  );
}
