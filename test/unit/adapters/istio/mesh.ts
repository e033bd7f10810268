import { createIstioRouter } from "../../../../src/adapters/istio/istio-router.ts";
import type { TrafficRouter } from "../../../../src/ports/traffic-router.ts";
import { createObjectStore, type ObjectStore } from "./object-store.ts";
import { destinationRuleOf, serviceOf, virtualServiceOf } from "./samples.ts";

/** spec.traffic.istio with objects of the user's. */
export const referenced = { virtualService: { name: "product" }, destinationRule: { name: "product" } };

export function routerOn(objects: ObjectStore): TrafficRouter {
  return createIstioRouter({ objects, rootNamespace: "istio-system", clusterDomain: "cluster.local" });
}

/** The Service, VirtualService and DestinationRule `product`. */
export function meshOf(virtualService: object, destinationRule: object): ObjectStore {
  const store = createObjectStore();
  store.put("services", serviceOf());
  store.put("virtualservices", virtualServiceOf("product", virtualService));
  store.put("destinationrules", destinationRuleOf("product", destinationRule));
  return store;
}
