import type { Resource } from "../../ports/kubernetes-objects.ts";

/** Path of all objects of a resource, in one namespace or in all. */
export function collectionPath({ group, version, plural }: Resource, namespace: string | undefined): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return namespace === undefined
    ? `${root}/${plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Path of one object, or of a subresource of it. */
export function objectPath(
  resource: Resource,
  namespace: string | undefined,
  name: string,
  subresource?: string,
): string {
  const path = `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** `deployments.apps`, as kubectl names a resource. */
export function renderResource({ group, plural }: Resource): string {
  return group === "" ? plural : `${plural}.${group}`;
}
