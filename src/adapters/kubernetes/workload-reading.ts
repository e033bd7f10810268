import {
  commitAnnotation,
  hashLabel,
  holdAnnotation,
  holdOff,
  promotedAnnotation,
  rejectedAnnotation,
  rolloutLabel,
} from "../../api/names.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { ReplicaSet, Workload } from "../../domain/observation.ts";
import { revisionOf } from "../../domain/revision.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { listAt, numberAt, textAt, textsAt, valueAt } from "./json-fields.ts";
import type { PodTroubles } from "./pod-troubles.ts";

/** What a Workload is made of, as raw objects. */
export interface WorkloadSources {
  readonly rollout: Rollout;
  readonly deployment: KubernetesObject;
  /** Those of the namespace; the ones of other owners are passed over. */
  readonly replicaSets: readonly KubernetesObject[];
  readonly notSupported: string | undefined;
  /** What is known of a ReplicaSet's pods; undefined for one whose pods were not looked at. */
  readonly troublesOf: (replicaSet: KubernetesObject) => CountedTroubles | undefined;
}

export interface CountedTroubles extends PodTroubles {
  /** Pods that exist, terminating ones included. */
  readonly pods: number;
}

/** A Deployment with the ReplicaSets that it, the Rollout, or, for the release's canary, nobody controls. */
export function workloadFrom(sources: WorkloadSources): Workload {
  const { rollout, deployment } = sources;
  const { metadata } = deployment;
  const template = valueAt(deployment, "spec", "template");
  const maxSurge = valueAt(deployment, "spec", "strategy", "rollingUpdate", "maxSurge");
  return {
    form: "Deployment",
    name: metadata.name,
    uid: metadata.uid ?? "",
    generation: metadata.generation ?? 0,
    observedGeneration: numberAt(deployment, "status", "observedGeneration"),
    paused: valueAt(deployment, "spec", "paused") === true,
    deleting: metadata.deletionTimestamp !== undefined,
    labelled: metadata.labels?.[rolloutLabel] === rollout.key.name,
    holdOff: metadata.annotations?.[holdAnnotation] === holdOff,
    replicas: numberAt(deployment, "spec", "replicas"),
    revision: revisionOf(template),
    image: imagesOf(template),
    commit: commitOf(deployment, template),
    strategy: textAt(deployment, "spec", "strategy", "type") === "Recreate" ? "Recreate" : "RollingUpdate",
    maxSurge: maxSurge === undefined ? undefined : JSON.stringify(maxSurge),
    notSupported: sources.notSupported,
    promotedRevision: metadata.annotations?.[promotedAnnotation],
    rejectedRevisions: listed(metadata.annotations?.[rejectedAnnotation]),
    replicaSets: sources.replicaSets.flatMap((object) => {
      const controlledBy = controlOver(object, rollout, metadata.uid);
      return controlledBy === undefined ? [] : [replicaSetFrom(object, controlledBy, sources.troublesOf(object))];
    }),
  };
}

/** The canary of a Rollout whose Deployment cannot be read: it has to be found to be removed. */
export function canaryAmong(replicaSets: readonly KubernetesObject[], rollout: Rollout): ReplicaSet | undefined {
  const found = replicaSets.find(({ metadata }) => metadata.name === rollout.status.canary?.replicaSet);
  const controlledBy = found && controlOver(found, rollout, undefined);
  return found === undefined || controlledBy === undefined ? undefined : replicaSetFrom(found, controlledBy, undefined);
}

/** By uid: names come back, uids do not. */
export function controllerOf(object: KubernetesObject): string | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true)?.uid;
}

/** Sorts objects by age, the oldest first: times are to the second, the name decides between those of the same one. */
export function ageKey({ metadata }: KubernetesObject): string {
  return `${metadata.creationTimestamp ?? ""} ${metadata.name}`;
}

/** Images of a template's containers, in their order. */
export function imagesOf(template: unknown): string {
  return listAt(template, "spec", "containers")
    .flatMap((container) => textAt(container, "image") ?? [])
    .join(", ");
}

/** Longer than any commit with the name of its branch; the status has room for some of them only. */
const longestCommit = 128;

/** What says where the object comes from comes before what says where its pods do. */
function commitOf(deployment: KubernetesObject, template: unknown): string | undefined {
  const own = deployment.metadata.annotations?.[commitAnnotation];
  const commit = (own ?? textsAt(template, "metadata", "annotations")[commitAnnotation])?.trim();
  return commit === "" ? undefined : commit?.slice(0, longestCommit);
}

/** destination_workload in Istio's metrics: istiod takes the hash off the name of the ReplicaSet. */
export function istioWorkload(replicaSet: string, podTemplateHash: string): string {
  const suffix = `-${podTemplateHash}`;
  return podTemplateHash !== "" && replicaSet.endsWith(suffix) ? replicaSet.slice(0, -suffix.length) : replicaSet;
}

function listed(text: string | undefined): readonly string[] {
  return (text ?? "").split(",").filter((part) => part !== "");
}

type Control = ReplicaSet["controlledBy"];

function replicaSetFrom(
  object: KubernetesObject,
  controlledBy: Control,
  troubles: CountedTroubles | undefined,
): ReplicaSet {
  const { metadata } = object;
  const template = valueAt(object, "spec", "template");
  const podTemplateHash = textsAt(template, "metadata", "labels")[hashLabel] ?? "";
  return {
    name: metadata.name,
    uid: metadata.uid ?? "",
    controlledBy,
    deleting: metadata.deletionTimestamp !== undefined,
    revision: revisionOf(template),
    podTemplateHash,
    workload: istioWorkload(metadata.name, podTemplateHash),
    image: imagesOf(template),
    replicas: numberAt(object, "spec", "replicas"),
    // Kubernetes 1.35 and later count terminating pods; before that they are seen only where pods are listed.
    pods: troubles?.pods ?? numberAt(object, "status", "replicas") + numberAt(object, "status", "terminatingReplicas"),
    ready: numberAt(object, "status", "readyReplicas"),
    available: numberAt(object, "status", "availableReplicas"),
    crashes: troubles?.crashes ?? [],
    cannotStart: troubles?.cannotStart,
  };
}

function controlOver(object: KubernetesObject, rollout: Rollout, deployment: string | undefined): Control | undefined {
  const controller = controllerOf(object);
  if (controller === deployment && controller !== undefined) return "Deployment";
  if (controller === rollout.uid) return "Rollout";
  const { canary, release } = rollout.status;
  // One that was handed over has our label no more; without either it is somebody else's that has the name.
  const isMarked = object.metadata.labels?.[rolloutLabel] === rollout.key.name || release?.adoption !== undefined;
  const isCanary = object.metadata.name === canary?.replicaSet && isMarked;
  return controller === undefined && isCanary ? "Nobody" : undefined;
}
