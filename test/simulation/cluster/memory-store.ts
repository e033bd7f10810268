import { ApiFailure } from "../../../src/adapters/kubernetes/errors.ts";
import type { KubernetesObject, Resource, WriteOptions } from "../../../src/ports/kubernetes-objects.ts";
import { ConflictError, NotFoundError } from "../../../src/runtime/errors.ts";
import { copyOf, isSame, type Json } from "./json.ts";

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

  create(plural: string, object: object, manager: string, dryRun = false): KubernetesObject {
    const { metadata } = object as KubernetesObject;
    if (this.get(plural, metadata.namespace, metadata.name) !== undefined)
      throw failed(ConflictError, 409, "AlreadyExists", `${plural} "${metadata.name}" already exists`);
    const now = this.#now();
    const fresh = copyOf(object) as Json;
    if (withStatus.has(plural) && plural !== "pods") delete fresh["status"];
    fresh["metadata"] = { ...metadata, uid: `uid-${this.#version + 1}`, generation: 1, creationTimestamp: now };
    const admitted = this.#options.admit?.(plural, fresh, undefined) ?? fresh;
    return dryRun ? (admitted as unknown as KubernetesObject) : this.#put(plural, admitted, manager);
  }

  /** Changes what is there, or a part of it. Does nothing where nothing differs. */
  update(where: Place, change: Change, manager: string, options: Partial<WriteOptions> = {}): KubernetesObject {
    const { plural, namespace, name } = where;
    const current = this.get(plural, namespace, name);
    if (current === undefined) throw failed(NotFoundError, 404, "NotFound", `${plural} "${name}" not found`);
    const before = copyOf(current) as unknown as Json;
    const changed = kept(plural, before, change(copyOf(before)), options.subresource);
    const asked = metadataOf(changed)["resourceVersion"];
    if (asked !== undefined && asked !== current.metadata.resourceVersion)
      throw failed(ConflictError, 409, "Conflict", `${plural} "${name}": the object has been modified`);
    const admitted =
      options.subresource === "status" ? changed : (this.#options.admit?.(plural, changed, before) ?? changed);
    if (isSame(admitted, before)) return current;
    if (isNewGeneration(plural, before, admitted))
      metadataOf(admitted)["generation"] = Number(metadataOf(before)["generation"] ?? 1) + 1;
    if (options.dryRun === true) return admitted as unknown as KubernetesObject;
    return this.#put(plural, admitted, manager);
  }

  /** Deletes, or marks as being deleted where finalizers wait. */
  remove({ plural, namespace, name }: Place, manager: string): void {
    const current = this.get(plural, namespace, name);
    if (current === undefined || current.metadata.deletionTimestamp !== undefined) return;
    if ((current.metadata.finalizers ?? []).length === 0) return this.#drop(plural, current, manager);
    const marked = copyOf(current) as unknown as Json;
    metadataOf(marked)["deletionTimestamp"] = this.#now();
    this.#put(plural, marked, manager);
  }

  #put(plural: string, object: Json, manager: string): KubernetesObject {
    this.#version += 1;
    const metadata = metadataOf(object);
    metadata["resourceVersion"] = String(this.#version);
    metadata["managedFields"] = managersOf(metadata["managedFields"], manager, this.#now());
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
}

function managersOf(before: unknown, manager: string, time: string): readonly ManagedFields[] {
  const others = Array.isArray(before) ? (before as ManagedFields[]).filter((entry) => entry.manager !== manager) : [];
  return [...others, { manager, operation: "Update", time }];
}

/** The text of a label selector, of equalities only. */
export function labelsOf(selector: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    selector.split(",").flatMap((part) => (part.includes("=") ? [part.split("=", 2) as [string, string]] : [])),
  );
}
