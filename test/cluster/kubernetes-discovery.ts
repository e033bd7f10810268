// Which path an object has: the server knows the plural of a kind and whether it lives in a namespace.
import type { Kind, KubernetesObject } from "./kubernetes.ts";

export interface PathParts {
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export interface Discovery {
  pathOf(kind: Kind<unknown>, parts: PathParts): Promise<string>;
  pathOfObject(object: KubernetesObject, subresource?: string): Promise<string>;
}

export function createDiscovery(fetch: (path: string) => Promise<unknown>): Discovery {
  const known = new Map<string, Resource>();

  async function resourceOf({ apiVersion, kind }: Kind<unknown>): Promise<Resource> {
    const key = `${apiVersion} ${kind}`;
    if (!known.has(key)) {
      const { resources } = (await fetch(rootOf(apiVersion))) as { resources: readonly Resource[] };
      for (const resource of resources) {
        if (!resource.name.includes("/")) known.set(`${apiVersion} ${resource.kind}`, resource);
      }
    }
    const resource = known.get(key);
    if (resource === undefined) throw new Error(`the server has no ${kind} in ${apiVersion}`);
    return resource;
  }

  async function pathOf(kind: Kind<unknown>, { namespace, name, subresource }: PathParts): Promise<string> {
    const resource = await resourceOf(kind);
    const parts = [rootOf(kind.apiVersion)];
    if (resource.namespaced && namespace !== undefined) parts.push("namespaces", namespace);
    parts.push(
      resource.name,
      ...(name === undefined ? [] : [name]),
      ...(subresource === undefined ? [] : [subresource]),
    );
    return parts.join("/");
  }

  return {
    pathOf,
    pathOfObject({ apiVersion = "", kind = "", metadata = {} }, subresource) {
      const { name = "", namespace } = metadata;
      return pathOf(
        { apiVersion, kind },
        {
          name,
          ...(namespace === undefined ? {} : { namespace }),
          ...(subresource === undefined ? {} : { subresource }),
        },
      );
    },
  };
}

function rootOf(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
