import type { Rollout } from "../../../../src/api/rollout.ts";
import type { RolloutStatus } from "../../../../src/api/rollout-status.ts";
import type { KubernetesObject, KubernetesObjects, Resource } from "../../../../src/ports/kubernetes-objects.ts";
import { aRollout } from "../../../support/observation.ts";

interface Change {
  readonly image?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly replicas?: number;
  readonly ready?: number;
  readonly hash?: string;
  readonly status?: object;
}

function templateOf(version: string, { image = `product:${version}`, annotations, labels }: Change, more: object = {}) {
  return {
    metadata: { labels: { app: "product", version, ...labels, ...more }, ...(annotations && { annotations }) },
    spec: { containers: [{ name: "app", image }] },
  };
}

/** Deployment product-v1, whose pods have the labels app=product and version=v1. */
export function deploymentOf(version: string, change: Change = {}, name = `product-${version}`): KubernetesObject {
  return {
    metadata: { name, namespace: "shop", uid: `uid-${name}`, generation: 4 },
    spec: { replicas: change.replicas ?? 2, template: templateOf(version, change) },
    status: { observedGeneration: 4 },
  };
}

/** A ReplicaSet of Deployment product-v1. */
export function replicaSetOf(version: string, change: Change = {}, name = `product-${version}`): KubernetesObject {
  const { hash = "abc", replicas = 2, ready = replicas } = change;
  return {
    metadata: { name: `${name}-${hash}`, namespace: "shop", uid: `uid-${name}-${hash}`, creationTimestamp: hash },
    spec: { replicas, template: templateOf(version, change, { "pod-template-hash": hash }) },
    status: { replicas, readyReplicas: ready, availableReplicas: ready, ...change.status },
  };
}

export function ruleOf(...names: readonly string[]): KubernetesObject {
  return {
    metadata: { name: "product", namespace: "shop" },
    spec: { host: "product", subsets: names.map((name) => ({ name, labels: { version: name } })) },
  };
}

export function serviceOf(selector: object | undefined = { app: "product" }): KubernetesObject {
  return { metadata: { name: "product", namespace: "shop" }, spec: { selector } };
}

/** A Rollout whose spec.subset is v2, unless told. */
export function rolloutOf(status: Partial<RolloutStatus> = {}, subset = "v2"): Rollout {
  const istio = { virtualService: { name: "product" }, destinationRule: { name: "product" } };
  const spec = { targetRef: undefined, subset, service: { name: "product" }, traffic: { istio } };
  return aRollout({ spec, status: { stable: undefined, ...status } });
}

/** What is in the caches by plural, and the pods that a list answers with; what it was asked goes into `asked`. */
export function cachesOf(
  cached: Readonly<Record<string, readonly KubernetesObject[]>>,
  pods: readonly KubernetesObject[] | Error = [],
): KubernetesObjects & { readonly asked: string[] } {
  const asked: string[] = [];
  const all = ({ plural }: Resource) => cached[plural] ?? [];
  const unused = () => Promise.reject(new Error("a reader does not write"));
  return {
    asked,
    cached: (resource, _, name) => all(resource).find(({ metadata }) => metadata.name === name),
    cachedAll: all,
    watches: ({ plural }) => plural !== "destinationrules" || cached[plural] !== undefined,
    list: (_resource, _namespace, selector) => {
      asked.push(selector);
      return pods instanceof Error ? Promise.reject(pods) : Promise.resolve(pods);
    },
    read: unused,
    create: unused,
    mergePatch: unused,
    jsonPatch: unused,
    apply: unused,
    remove: unused,
  };
}
