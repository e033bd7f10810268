import type { KubernetesObject, Resource } from "../../ports/kubernetes-objects.ts";
import { collectionPath } from "./resource-path.ts";
import type { Transport } from "./transport.ts";

interface ListBody {
  readonly kind?: string;
  readonly apiVersion?: string;
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubernetesObject[] | null;
}

/** Objects in one answer of the API server. */
const pageSize = "500";

/** A page may be large. Milliseconds. */
const pageTimeout = 30_000;

interface Selection {
  readonly labelSelector?: string;
  /** Of the one object that is wanted. */
  readonly name?: string;
}

/** The selection as query parameters. */
export function selectorOf({ labelSelector, name }: Selection): Readonly<Record<string, string>> {
  return {
    ...(labelSelector ? { labelSelector } : {}),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
  };
}

/** All objects of a resource, page by page, and the version of the list. Rejects as Transport.request does. */
export async function listObjects(
  transport: Transport,
  where: Selection & { readonly resource: Resource; readonly namespace: string | undefined },
  signal: AbortSignal,
): Promise<{ readonly objects: readonly KubernetesObject[]; readonly version: string }> {
  const objects: KubernetesObject[] = [];
  const selected = selectorOf(where);
  let next: string | undefined;
  for (;;) {
    const query = { limit: pageSize, ...selected, ...(next === undefined ? {} : { continue: next }) };
    const path = collectionPath(where.resource, where.namespace);
    const page = (await transport.request({ method: "GET", path, query, timeout: pageTimeout }, signal)) as ListBody;
    objects.push(...(page.items ?? []).map((item) => withKind(item, page)));
    next = page.metadata?.continue;
    if (!next) return { objects, version: page.metadata?.resourceVersion ?? "" };
  }
}

/** Items of built-in lists come without apiVersion and kind; watches and single reads have them. */
function withKind(item: KubernetesObject, list: ListBody): KubernetesObject {
  if (item.kind !== undefined || list.kind === undefined || list.apiVersion === undefined) return item;
  return { apiVersion: list.apiVersion, kind: list.kind.replace(/List$/, ""), ...item };
}
