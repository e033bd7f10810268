import { fieldManager } from "../../api/names.ts";
import type { KubernetesObject, KubernetesObjects, Resource, WriteOptions } from "../../ports/kubernetes-objects.ts";
import { ConflictError, NotFoundError } from "../../runtime/errors.ts";
import type { Informers, ResourceCache } from "./informers.ts";
import { listObjects } from "./object-list.ts";
import { collectionPath, objectPath, renderResource } from "./resource-path.ts";
import type { ApiRequest, Transport } from "./transport.ts";

/** Objects as raw JSON, so that fields this project has never heard of survive; every write as manager `serin`. */
export function createKubernetesObjects(transport: Transport, informers: Pick<Informers, "find">): KubernetesObjects {
  const patch = (type: PatchType, resource: Resource, object: Named, body: unknown, options: WriteOptions) => {
    const path = objectPath(resource, object.namespace, object.name, options.subresource);
    const query = type === "apply-patch+yaml" ? { force: "true" } : {};
    return write(transport, { method: "PATCH", path, contentType: `application/${type}`, query, body }, options);
  };

  return {
    cached: (resource, namespace, name) => cacheOf(informers, resource).find(namespace, name),
    cachedAll: (resource, namespace) => cacheOf(informers, resource).all(namespace),
    watches: (resource) => informers.find(resource)?.knowledge === "objects",
    read: (resource, namespace, name, signal) => read(transport, resource, { namespace, name }, signal),

    async list(resource, namespace, labelSelector, signal) {
      return (await listObjects(transport, { resource, namespace, labelSelector }, signal)).objects;
    },

    create(resource, object, options) {
      const { namespace, name } = identityOf(object);
      const { subresource } = options;
      const path =
        subresource === undefined
          ? collectionPath(resource, namespace)
          : objectPath(resource, namespace, name, subresource);
      return write(transport, { method: "POST", path, body: object }, options);
    },

    mergePatch: (resource, namespace, name, body, options) =>
      patch("merge-patch+json", resource, { namespace, name }, body, options),
    jsonPatch: (resource, namespace, name, body, options) =>
      patch("json-patch+json", resource, { namespace, name }, body, options),
    apply: (resource, object, options) => patch("apply-patch+yaml", resource, identityOf(object), object, options),
    remove: (resource, object, options) => remove(transport, resource, object, options),
  };
}

type PatchType = "merge-patch+json" | "json-patch+json" | "apply-patch+yaml";

async function write(transport: Transport, request: ApiRequest, options: WriteOptions): Promise<KubernetesObject> {
  const dryRun = options.dryRun === true ? { dryRun: "All" } : {};
  const query = { ...request.query, fieldManager, ...dryRun };
  return (await transport.request({ ...request, query }, options.signal)) as KubernetesObject;
}

async function read(
  transport: Transport,
  resource: Resource,
  { namespace, name }: Named,
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  try {
    const path = objectPath(resource, namespace, name);
    return (await transport.request({ method: "GET", path }, signal)) as KubernetesObject;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

async function remove(
  transport: Transport,
  resource: Resource,
  { metadata: { namespace, name, uid } }: KubernetesObject,
  { signal, dryRun }: WriteOptions,
): Promise<void> {
  const body = {
    kind: "DeleteOptions",
    apiVersion: "v1",
    propagationPolicy: "Background",
    ...(uid === undefined ? {} : { preconditions: { uid } }),
    ...(dryRun === true ? { dryRun: ["All"] } : {}),
  };
  try {
    await transport.request({ method: "DELETE", path: objectPath(resource, namespace, name), body }, signal);
  } catch (error) {
    if (error instanceof NotFoundError) return;
    const isAnother = async () => (await read(transport, resource, { namespace, name }, signal))?.metadata.uid !== uid;
    if (error instanceof ConflictError && (await isAnother())) return;
    throw error;
  }
}

interface Named {
  readonly namespace: string | undefined;
  readonly name: string;
}

function cacheOf(informers: Pick<Informers, "find">, resource: Resource): ResourceCache {
  const cache = informers.find(resource);
  if (cache === undefined) throw new Error(`${renderResource(resource)} is not watched`);
  return cache;
}

function identityOf(object: object): Named {
  const { metadata } = object as Partial<KubernetesObject>;
  if (metadata?.name === undefined) throw new Error("an object without a name cannot be written");
  return { namespace: metadata.namespace, name: metadata.name };
}
