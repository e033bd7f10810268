import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { fullName, meansService, type ServiceHost } from "./hosts.ts";
import { numberIn, recordIn, recordsIn, textIn, type JsonRecord } from "./json-value.ts";
import { renderObject } from "./mesh-resources.ts";

/** The VirtualService that carries the split, and the http routes of it that are split. */
export interface SplitRoutes {
  readonly object: KubernetesObject;
  readonly indexes: readonly number[];
}

/**
 * Routes by which requests reach the Service unsplit, and so canary pods by their share of all pods: destinations of
 * its host that name no subset, in any VirtualService, whatever gateways it is for. One sentence each.
 */
export function unsplitRoutes(
  all: readonly KubernetesObject[],
  split: SplitRoutes | undefined,
  service: ServiceHost,
): readonly string[] {
  return rulesBeside(all, split).flatMap(({ object, kind, index, rule }) => {
    if (!reachesAll(rule, object, service)) return [];
    const name = textIn(rule, "name");
    const where = `${renderObject("VirtualService", object)}, spec.${kind}[${index}]${name === undefined ? "" : ` (${name})`}`;
    return [`${where}: goes to ${fullName(service)} without a subset`];
  });
}

/** Whether a route that is not split names a subset of the Service: its callers are pinned to some of the pods. */
export function hasPinnedRoutes(
  all: readonly KubernetesObject[],
  split: SplitRoutes | undefined,
  service: ServiceHost,
): boolean {
  return rulesBeside(all, split).some(({ object, rule }) =>
    recordsIn(rule, "route").some((entry) => {
      const destination = recordIn(entry, "destination");
      const isHost = meansService(textIn(destination, "host"), object.metadata.namespace ?? "", service);
      return isHost && textIn(destination, "subset") !== undefined;
    }),
  );
}

/** All routes of all VirtualServices but those that are split. */
function rulesBeside(all: readonly KubernetesObject[], split: SplitRoutes | undefined) {
  return all.flatMap((object) => {
    const isOurs = split !== undefined && isSame(object, split.object);
    return (["http", "tcp", "tls"] as const).flatMap((kind) =>
      recordsIn(object.spec, kind)
        .map((rule, index) => ({ object, kind, index, rule }))
        .filter(({ index }) => !(isOurs && kind === "http" && split.indexes.includes(index))),
    );
  });
}

/** The same for routes of the Gateway API, which know no subsets: every one that goes to the Service. */
export function unsplitGatewayRoutes(
  kind: string,
  all: readonly KubernetesObject[],
  service: ServiceHost,
): readonly string[] {
  return all.flatMap((object) => {
    const own = object.metadata.namespace ?? "";
    return recordsIn(object.spec, "rules").flatMap((rule, index) => {
      const reaches = recordsIn(rule, "backendRefs").some(
        (backend) =>
          (textIn(backend, "kind") ?? "Service") === "Service" &&
          textIn(backend, "name") === service.name &&
          (textIn(backend, "namespace") ?? own) === service.namespace &&
          (numberIn(backend, "weight") ?? 1) > 0,
      );
      return reaches
        ? [`${renderObject(kind, object)}, spec.rules[${index}]: goes to ${fullName(service)} as a whole`]
        : [];
    });
  });
}

function reachesAll(rule: JsonRecord, object: KubernetesObject, service: ServiceHost): boolean {
  const entries = recordsIn(rule, "route");
  // Of several destinations those without a weight get nothing; the only one gets all.
  const used = entries.length === 1 ? entries : entries.filter((entry) => (numberIn(entry, "weight") ?? 0) > 0);
  return used.some((entry) => {
    const destination = recordIn(entry, "destination");
    const isHost = meansService(textIn(destination, "host"), object.metadata.namespace ?? "", service);
    return isHost && textIn(destination, "subset") === undefined;
  });
}

export function isSame(left: KubernetesObject, right: KubernetesObject): boolean {
  return left.metadata.namespace === right.metadata.namespace && left.metadata.name === right.metadata.name;
}
