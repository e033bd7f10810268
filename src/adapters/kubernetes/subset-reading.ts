import { hashLabel } from "../../api/names.ts";
import type { ReplicaSet } from "../../domain/observation.ts";
import { revisionOf } from "../../domain/revision.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { isRecord, numberAt, recordAt, textsAt, valueAt } from "./json-fields.ts";
import { replicaFailure } from "./pod-troubles.ts";
import { ageKey, controllerOf, imagesOf, istioWorkload, type CountedTroubles } from "./workload-reading.ts";

/** A subset of the user's DestinationRule with the labels that its pods carry: its own and those of the Service. */
export interface SubsetSelector {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What runs in a subset, as raw objects. */
export interface SubsetPods {
  readonly subset: SubsetSelector;
  readonly deployments: readonly KubernetesObject[];
  /** Those that have pods, or are to have some. */
  readonly replicaSets: readonly KubernetesObject[];
}

/** The Deployments and ReplicaSets whose pods a subset selects. */
export function podsOf(
  subset: SubsetSelector,
  deployments: readonly KubernetesObject[],
  replicaSets: readonly KubernetesObject[],
): SubsetPods {
  const isSelected = (object: KubernetesObject): boolean => {
    const labels = textsAt(object, "spec", "template", "metadata", "labels");
    return Object.entries(subset.labels).every(([label, value]) => labels[label] === value);
  };
  return {
    subset,
    deployments: deployments.filter(isSelected),
    replicaSets: replicaSets.filter(isSelected).filter((object) => sizeOf(object) > 0),
  };
}

/** Names by which Istio's metrics know what runs in the subset. More than one cannot be told from the other subset's. */
export function workloadsIn({ deployments, replicaSets }: SubsetPods): readonly string[] {
  const names = replicaSets.map((object) => istioWorkload(object.metadata.name, hashOf(object)));
  return [...new Set([...deployments.map(({ metadata }) => metadata.name), ...names])].sort();
}

/** The subset as if it were one ReplicaSet; undefined where nothing runs in it or is to run. */
export function subsetFrom(pods: SubsetPods, troubles: CountedTroubles | undefined): ReplicaSet | undefined {
  const { subset, deployments, replicaSets } = pods;
  const wanted = deployments.length > 0 ? deployments : newestFirst(replicaSets);
  const [first] = wanted;
  const [workload] = workloadsIn(pods);
  if (first === undefined || workload === undefined) return undefined;
  const revision = revisionIn(first);
  const isMixed = replicaSets.some((object) => revisionIn(object) !== revision);
  return {
    name: subset.name,
    uid: first.metadata.uid ?? "",
    controlledBy: "User",
    deleting: first.metadata.deletionTimestamp !== undefined,
    revision: `${subset.name}-${revision}`,
    podTemplateHash: subset.name,
    workload,
    image: imagesOf(valueAt(first, "spec", "template")),
    replicas: sum(wanted, "spec", "replicas"),
    ready: sum(replicaSets, "status", "readyReplicas"),
    // Pods of two templates in one subset are nothing that could be judged.
    available: isMixed ? 0 : sum(replicaSets, "status", "availableReplicas"),
    ...troublesOf(pods, isMixed ? `${workload} is rolling out and has pods of two templates` : undefined, troubles),
  };
}

function troublesOf(
  { replicaSets }: SubsetPods,
  rolling: string | undefined,
  troubles: CountedTroubles | undefined,
): Pick<ReplicaSet, "pods" | "crashes" | "cannotStart"> {
  const failure = replicaSets.map(replicaFailure).find((found) => found !== undefined);
  return {
    pods: troubles?.pods ?? sum(replicaSets, "status", "replicas"),
    crashes: troubles?.crashes ?? [],
    cannotStart: rolling ?? troubles?.cannotStart ?? failure,
  };
}

/** Whether a pod is one of the subset: not one of a Deployment that has changed its labels, say. */
export function controls({ replicaSets }: SubsetPods, pod: KubernetesObject): boolean {
  const controller = controllerOf(pod);
  return replicaSets.some(({ metadata }) => metadata.uid === controller);
}

const restartedAt = "kubectl.kubernetes.io/restartedAt";

/** Name of the pod template. Restarted pods are the same revision. */
function revisionIn(object: KubernetesObject): string {
  const template = valueAt(object, "spec", "template");
  if (!isRecord(template)) return revisionOf(template);
  const metadata = recordAt(template, "metadata");
  const { annotations, ...others } = metadata;
  const kept = Object.entries(isRecord(annotations) ? annotations : {}).filter(([name]) => name !== restartedAt);
  const same = kept.length === 0 ? others : { ...others, annotations: Object.fromEntries(kept) };
  return revisionOf({ ...template, metadata: same });
}

function hashOf(object: KubernetesObject): string {
  return textsAt(object, "spec", "template", "metadata", "labels")[hashLabel] ?? "";
}

function sizeOf(object: KubernetesObject): number {
  return Math.max(numberAt(object, "spec", "replicas"), numberAt(object, "status", "replicas"));
}

function newestFirst(objects: readonly KubernetesObject[]): readonly KubernetesObject[] {
  return objects.toSorted((one, other) => (ageKey(one) < ageKey(other) ? 1 : -1));
}

function sum(objects: readonly KubernetesObject[], ...path: readonly string[]): number {
  return objects.reduce((total, object) => total + numberAt(object, ...path), 0);
}
