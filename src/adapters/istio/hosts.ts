import type { ObjectKey } from "../../api/object-key.ts";

/** A Service as hosts name it. `domain` is the cluster's, such as cluster.local. */
export interface ServiceHost extends ObjectKey {
  readonly domain: string;
}

/** `product.shop.svc.cluster.local`. */
export function fullName(service: ServiceHost): string {
  return `${service.name}.${service.namespace}.svc.${service.domain}`;
}

/**
 * Whether a destination's host, written in an object of namespace `from`, means the Service. Istio itself takes
 * `product.shop` and `product.shop.svc` as full names and finds nothing there; whoever writes them means the Service.
 */
export function meansService(host: string | undefined, from: string, service: ServiceHost): boolean {
  if (host === undefined) return false;
  const { name, namespace } = service;
  const written = host.toLowerCase().replace(/\.$/, "");
  if (written === name) return from === namespace;
  return [`${name}.${namespace}`, `${name}.${namespace}.svc`, fullName(service)].includes(written);
}

/** A host as Istio takes it: a name without a dot belongs to the namespace of the object that writes it. */
export function resolveHost(host: string, from: string, domain: string): string {
  const written = host.toLowerCase();
  return written.includes(".") || written.startsWith("*") ? written : `${written}.${from}.svc.${domain}`;
}

/** Whether a resolved host, or a wildcard such as `*.shop.svc.cluster.local`, takes requests to the other resolved host. */
export function covers(pattern: string, host: string): boolean {
  return pattern.startsWith("*") ? host.endsWith(pattern.slice(1)) : pattern === host;
}

/** Whether an object of namespace `own` is seen by callers in `namespace`; absent and empty mean everywhere. */
export function isVisibleIn(exportTo: readonly string[], own: string, namespace: string): boolean {
  if (exportTo.length === 0) return true;
  return exportTo.some((to) => to === "*" || (to === "." ? own : to) === namespace);
}

/** Full names of the gateways of a VirtualService in namespace `own`; none written means every sidecar: `mesh`. */
export function gatewayNames(gateways: readonly string[], own: string): readonly string[] {
  if (gateways.length === 0) return ["mesh"];
  return gateways.map((name) => (name === "mesh" || name.includes("/") ? name : `${own}/${name}`));
}
