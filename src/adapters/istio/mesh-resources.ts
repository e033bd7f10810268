import { group, plural, version } from "../../api/names.ts";
import type { KubernetesObject, Resource } from "../../ports/kubernetes-objects.ts";

/** By them is known who else divides a Service's requests. */
export const rollouts: Resource = { group, version, plural };

export const services: Resource = { group: "", version: "v1", plural: "services" };

export const virtualServices: Resource = { group: "networking.istio.io", version: "v1", plural: "virtualservices" };

export const destinationRules: Resource = { group: "networking.istio.io", version: "v1", plural: "destinationrules" };

/** Kinds of the Gateway API whose rules name Services; a cluster may serve none of them. */
export const gatewayRoutes: readonly (Resource & { readonly kind: string })[] = [
  { group: "gateway.networking.k8s.io", version: "v1", plural: "httproutes", kind: "HTTPRoute" },
  { group: "gateway.networking.k8s.io", version: "v1", plural: "grpcroutes", kind: "GRPCRoute" },
];

/** What the router reads from caches beside Rollouts: what the operator has to watch for it. */
export const istioResources: readonly Resource[] = [services, virtualServices, destinationRules, ...gatewayRoutes];

/** `VirtualService shop/product`: how messages name an object. */
export function renderObject(kind: string, object: KubernetesObject): string {
  return `${kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}
