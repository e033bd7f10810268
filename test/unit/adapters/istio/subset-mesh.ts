import { createSubsetRouter } from "../../../../src/adapters/istio/subset-router.ts";
import type { Rollout } from "../../../../src/api/rollout.ts";
import { parseSpec } from "../../../../src/api/rollout.ts";
import type { RolloutStatus } from "../../../../src/api/rollout-status.ts";
import type { TrafficRouter } from "../../../../src/ports/traffic-router.ts";
import { createObjectStore, type ObjectStore } from "./object-store.ts";
import { destinationRuleOf, rolloutOf, serviceOf, virtualServiceOf } from "./samples.ts";

const subsets = ["v1", "v2", "v3"].map((name) => ({ name, labels: { version: name } }));

/** The Service, a DestinationRule with subsets v1, v2 and v3, and a VirtualService that somebody called git wrote. */
export function subsetMesh(...http: readonly object[]): ObjectStore {
  const store = createObjectStore();
  store.put("services", serviceOf());
  store.put("destinationrules", destinationRuleOf("product", { host: "product", subsets }));
  const managedFields = [{ manager: "git", operation: "Apply", time: "2026-01-01T00:00:00Z" }];
  const virtualService = virtualServiceOf("product", { hosts: ["product"], http });
  store.put("virtualservices", { ...virtualService, metadata: { ...virtualService.metadata, managedFields } });
  return store;
}

export function subsetRouter(objects: ObjectStore): TrafficRouter {
  return createSubsetRouter({ objects, rootNamespace: "istio-system", clusterDomain: "cluster.local" });
}

/** What the status says of a subset. */
export function revisionOf(subset: string) {
  const image = `product:${subset}`;
  return { revision: `${subset}-x`, replicaSet: subset, podTemplateHash: subset, workload: `product-${subset}`, image };
}

/** A Rollout whose spec.subset is v2; v1 serves, and v2 is released, unless told. */
export function subsetRollout(
  status: Partial<RolloutStatus> = { stable: revisionOf("v1"), canary: revisionOf("v2") },
  changes: { readonly spec?: object; readonly routes?: readonly string[] } = {},
): Rollout {
  const virtualService = { name: "product", ...(changes.routes && { routes: changes.routes }) };
  const parsed = parseSpec({
    subset: "v2",
    service: { name: "product" },
    traffic: { istio: { virtualService, destinationRule: { name: "product" } } },
    ...changes.spec,
  });
  if (!("spec" in parsed)) throw new Error(parsed.problems.join(" "));
  return rolloutOf({}, { spec: parsed.spec, status: { observedGeneration: 1, ...status } });
}
