import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";

/** A key as a part of a JSON pointer (RFC 6901). */
export function pointerPart(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Makes a patch fail when the object was deleted and created anew since it was read. */
export function sameObject(object: KubernetesObject): JsonPatch {
  return [{ op: "test", path: "/metadata/uid", value: object.metadata.uid }];
}

/** Makes a patch fail when the spec changed since the object was read. Status writes do not disturb it. */
export function sameSpec(object: KubernetesObject): JsonPatch {
  return [...sameObject(object), { op: "test", path: "/metadata/generation", value: object.metadata.generation }];
}

/** Makes a patch fail when anything changed since the object was read. */
export function sameVersion(object: KubernetesObject): JsonPatch {
  return [
    ...sameObject(object),
    { op: "test", path: "/metadata/resourceVersion", value: object.metadata.resourceVersion },
  ];
}

/** Adds or changes annotations; the others stay. */
export function addAnnotations(object: KubernetesObject, annotations: Readonly<Record<string, string>>): JsonPatch {
  if (object.metadata.annotations === undefined) {
    // The whole map is written, so nobody may have begun one in the meantime.
    return [...sameVersion(object), { op: "add", path: "/metadata/annotations", value: annotations }];
  }
  return Object.entries(annotations).map(([key, value]) => ({
    op: "add",
    path: `/metadata/annotations/${pointerPart(key)}`,
    value,
  }));
}
