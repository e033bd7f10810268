import { isDeepStrictEqual } from "node:util";
import { inject } from "vitest";
import { createIstioRouter } from "../../../src/adapters/istio/istio-router.ts";
import {
  destinationRules,
  istioResources,
  rollouts,
  services,
  virtualServices,
} from "../../../src/adapters/istio/mesh-resources.ts";
import { createInformers } from "../../../src/adapters/kubernetes/informers.ts";
import { createKubernetesObjects } from "../../../src/adapters/kubernetes/objects.ts";
import { connect } from "../../../src/adapters/kubernetes/transport.ts";
import type { KubernetesObject, KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import type { TrafficRouter } from "../../../src/ports/traffic-router.ts";
import { systemTimers } from "../../../src/runtime/timers.ts";
import { until } from "../../cluster/processes/until.ts";
import { serveRollouts } from "../kubectl.ts";
import type {} from "../provided.ts";

/** What the router writes, and what it must find to do so. */
export const meshObjects = [services, virtualServices, destinationRules];

/** The operator's router on the shared cluster. */
export interface RealRouter {
  readonly router: TrafficRouter;
  readonly objects: KubernetesObjects;
  /** Aborted by `stop`. */
  readonly signal: AbortSignal;
  /** Resolves when the caches of the namespace hold what the API server has. */
  readonly caughtUp: (namespace: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Installs the definition of Rollouts, fills the caches and puts the router on them. */
export async function startRealRouter(): Promise<RealRouter> {
  const stopping = new AbortController();
  const { signal } = stopping;
  await serveRollouts();
  const transport = connect({ kubeconfig: inject("kubeconfig") });
  const informers = createInformers({ transport, timers: systemTimers });
  for (const resource of [rollouts, ...istioResources])
    informers.watch({ resource, optional: true, namespaces: [] }, () => undefined, signal);
  await until(() => informers.missing().length === 0, { timeout: 30_000, what: "the caches to be filled" });
  const objects = createKubernetesObjects(transport, informers);
  return {
    router: createIstioRouter({ objects, rootNamespace: "istio-system", clusterDomain: "cluster.local" }),
    objects,
    signal,
    caughtUp: (namespace) =>
      until(() => isCurrent(objects, namespace, signal), { timeout: 10_000, what: `the caches of ${namespace}` }).then(
        () => undefined,
      ),
    stop: async () => {
      stopping.abort();
      await transport.close();
    },
  };
}

async function isCurrent(objects: KubernetesObjects, namespace: string, signal: AbortSignal): Promise<boolean> {
  const versions = (all: readonly KubernetesObject[]): string[] =>
    all.map(({ metadata }) => `${metadata.name}@${metadata.resourceVersion ?? ""}`).sort();
  const pairs = meshObjects.map(async (resource) => {
    const live = await objects.list(resource, namespace, "", signal);
    return isDeepStrictEqual(versions(live), versions(objects.cachedAll(resource, namespace)));
  });
  return (await Promise.all(pairs)).every(Boolean);
}
