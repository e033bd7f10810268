import { parseSpec, type Rollout } from "../../../../src/api/rollout.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import type { ServiceHost } from "../../../../src/adapters/istio/hosts.ts";

export const product: ServiceHost = { namespace: "shop", name: "product", domain: "cluster.local" };

/** A Rollout of the Deployment shop/product. */
export function rolloutOf(
  traffic: object = {},
  changes: Partial<Rollout> & { readonly service?: object } = {},
): Rollout {
  const { service, ...others } = changes;
  const parsed = parseSpec({
    targetRef: { name: "product" },
    traffic: { istio: traffic },
    ...(service && { service }),
  });
  if (!("spec" in parsed)) throw new Error(parsed.problems.join(" "));
  return {
    key: { namespace: "shop", name: "product" },
    uid: "rollout-1",
    generation: 1,
    resourceVersion: "1",
    deleting: false,
    claimed: true,
    spec: parsed.spec,
    problems: [],
    status: { observedGeneration: 1 },
    requests: {},
    ...others,
  };
}

export function objectOf(kind: string, name: string, spec: object, namespace = "shop"): KubernetesObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind,
    metadata: { name, namespace, resourceVersion: "7" },
    spec: { ...spec },
  };
}

export const virtualServiceOf = (name: string, spec: object, namespace?: string): KubernetesObject =>
  objectOf("VirtualService", name, spec, namespace);

export const destinationRuleOf = (name: string, spec: object, namespace?: string): KubernetesObject =>
  objectOf("DestinationRule", name, spec, namespace);

export function serviceOf(
  ports: readonly object[] = [{ name: "http", port: 8080 }],
  spec: object = {},
): KubernetesObject {
  return { metadata: { name: "product", namespace: "shop" }, spec: { clusterIP: "10.0.0.1", ports, ...spec } };
}

/** A route's destination of a host, the product Service unless told. */
export function to(subset?: string, weight?: number, host = "product"): Record<string, unknown> {
  return { destination: { host, ...(subset && { subset }) }, ...(weight !== undefined && { weight }) };
}
