/** An object as the API server sends it, unknown fields included. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly OwnerReference[];
    readonly finalizers?: readonly string[];
    readonly deletionTimestamp?: string;
    readonly creationTimestamp?: string;
    readonly managedFields?: readonly {
      readonly manager?: string;
      readonly operation?: string;
      readonly time?: string;
    }[];
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** A kind of object as its URL names it. */
export interface Resource {
  /** `apps`, or "" for the core group. */
  readonly group: string;
  readonly version: string;
  /** `deployments`. */
  readonly plural: string;
}

/** RFC 6902. */
export type JsonPatch = readonly (
  | { readonly op: "test" | "add" | "replace"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
)[];

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** Have the API server check the write and forget it. */
  readonly dryRun?: boolean;
  /** `status` or `scale`. */
  readonly subresource?: string;
}

/**
 * Reads and writes any object of the cluster. Reads that name a cache never cost a request.
 * Writes reject with a ConflictError (409, and 422 from a JSON patch whose test failed), a NotFoundError (404), a
 * RejectedError (other 4xx: the API server or an admission webhook refused) or a TransientError (no answer, 429, 5xx).
 */
export interface KubernetesObjects {
  /** From the cache of a watched resource; undefined when it is not there. Throws for a resource that is not watched. */
  cached(resource: Resource, namespace: string, name: string): KubernetesObject | undefined;
  /** All cached objects, of one namespace or of all that are watched. */
  cachedAll(resource: Resource, namespace?: string): readonly KubernetesObject[];
  /** Whether the API server serves the resource and it is watched. */
  watches(resource: Resource): boolean;

  read(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    signal: AbortSignal,
  ): Promise<KubernetesObject | undefined>;
  list(
    resource: Resource,
    namespace: string | undefined,
    labelSelector: string,
    signal: AbortSignal,
  ): Promise<readonly KubernetesObject[]>;
  create(resource: Resource, object: object, options: WriteOptions): Promise<KubernetesObject>;
  /** `resourceVersion` inside the patch makes it conditional. */
  mergePatch(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    patch: object,
    options: WriteOptions,
  ): Promise<KubernetesObject>;
  jsonPatch(
    resource: Resource,
    namespace: string | undefined,
    name: string,
    patch: JsonPatch,
    options: WriteOptions,
  ): Promise<KubernetesObject>;
  /** Server-side apply under the operator's field manager, forced. */
  apply(resource: Resource, object: object, options: WriteOptions): Promise<KubernetesObject>;
  /** Does nothing when it is not there or has another uid. */
  remove(resource: Resource, object: KubernetesObject, options: WriteOptions): Promise<void>;
}
