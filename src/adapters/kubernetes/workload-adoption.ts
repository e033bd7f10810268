import { promotedAnnotation, rolloutLabel } from "../../api/names.ts";
import { revisionOf } from "../../domain/revision.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { ConflictError } from "../../runtime/errors.ts";
import { handOverObstacle } from "./adoption-check.ts";
import { removeEmptyTwins } from "./canary-replica-set.ts";
import { isPaused, isRollingUpdate, openSurgeValue, scalingAnnotations, surgeOf } from "./deployment-spec.ts";
import { numberAt, textsAt, valueAt } from "./json-fields.ts";
import { addAnnotations, sameObject, sameSpec, sameVersion } from "./metadata-patch.ts";
import { unpause } from "./workload-hold.ts";
import { ageKey, controllerOf } from "./workload-reading.ts";
import { replicaSets, revisionAnnotation } from "./workload-resources.ts";
import {
  liveReplicaSetsOf,
  patchDeployment,
  requireDeployment,
  requireReplicaSet,
  type ActionOf,
  type WorkloadWrite,
} from "./workload-write.ts";

const surgePath = "/spec/strategy/rollingUpdate/maxSurge";

/** Gives the Deployment room for both versions, so that the adoption makes it shrink neither. */
export async function openSurge(write: WorkloadWrite, { was }: ActionOf<"openSurge">): Promise<void> {
  const deployment = await requireDeployment(write);
  if (!isRollingUpdate(deployment) || surgeOf(deployment) === openSurgeValue) return;
  await patchDeployment(write, deployment, [
    ...sameObject(deployment),
    { op: "test", path: "/spec/paused", value: true },
    { op: "test", path: surgePath, value: JSON.parse(was) as unknown },
    { op: "replace", path: surgePath, value: openSurgeValue },
  ]);
}

/** Puts maxSurge back when an adoption was given up; leaves it when somebody else has done so. */
export async function restoreSurge(write: WorkloadWrite, { maxSurge }: ActionOf<"restoreSurge">): Promise<void> {
  const deployment = await requireDeployment(write);
  const surge = restoredSurge(deployment, maxSurge);
  if (surge.length > 0) await patchDeployment(write, deployment, [...sameObject(deployment), ...surge]);
}

/**
 * Makes the Deployment controller adopt the canary: its labels on, our ownerReference off, in one patch that fails when
 * anything moved since it was looked at. Rejects with a ConflictError that says what is in the way.
 */
export async function handOver(write: WorkloadWrite, action: ActionOf<"handOver">): Promise<void> {
  const deployment = await requireDeployment(write);
  const canary = await requireReplicaSet(write, action.replicaSet);
  const controller = controllerOf(canary);
  if (controller === deployment.metadata.uid) return;
  if (controller === undefined) return labelForAdoption(write, canary);
  if (controller !== write.rollout.uid)
    throw cannotTakeOver(deployment, canary, "somebody else controls the ReplicaSet, see its ownerReferences");
  const controlled = await liveReplicaSetsOf(write, deployment);
  const olderTwins = controlled.filter((candidate) => comesBefore(candidate, canary));
  const obstacle = handOverObstacle({ ...action, deployment, canary, controlled });
  if (obstacle !== undefined) throw cannotTakeOver(deployment, canary, obstacle);
  await removeEmptyTwins(write, olderTwins, revisionOf(valueAt(canary, "spec", "template")));
  const patch = handOverPatch(write, { deployment, canary, controlled });
  await patchReplicaSet(write, canary, patch);
}

/** For people: who looks at the Rollout sees it when the obstacle stays. */
function cannotTakeOver(deployment: KubernetesObject, canary: KubernetesObject, obstacle: string): ConflictError {
  return new ConflictError(
    `Deployment ${deployment.metadata.name} cannot take over ReplicaSet ${canary.metadata.name} yet: ${obstacle}.`,
  );
}

/** The way out when the Deployment controller shrank the old ReplicaSet but not to zero: it then sets the other to full size. */
export async function finishOld(write: WorkloadWrite, action: ActionOf<"finishOld">): Promise<void> {
  const deployment = await requireDeployment(write);
  const old = await requireReplicaSet(write, action.replicaSet);
  if (controllerOf(old) !== deployment.metadata.uid || numberAt(old, "spec", "replicas") === 0) return;
  const controlled = await liveReplicaSetsOf(write, deployment);
  const others = controlled.filter((candidate) => candidate.metadata.uid !== old.metadata.uid);
  // With no active ReplicaSet left the controller would scale up the newest, whatever that is.
  if (
    !others.some(
      (other) => numberAt(other, "spec", "replicas") > 0 && numberAt(other, "status", "availableReplicas") > 0,
    )
  ) {
    throw new ConflictError(
      `ReplicaSet ${old.metadata.name} cannot be scaled to zero yet: Deployment ${deployment.metadata.name} has no other ReplicaSet with available pods.`,
    );
  }
  const { signal, objects, rollout } = write;
  const patch: JsonPatch = [
    ...sameObject(old),
    { op: "test", path: "/spec/replicas", value: action.replicas },
    { op: "replace", path: "/spec/replicas", value: 0 },
  ];
  await objects.jsonPatch(replicaSets, rollout.key.namespace, old.metadata.name, patch, {
    signal,
    subresource: "scale",
  });
}

/** Restores maxSurge, notes what was promoted and, unless it is to stay paused, unpauses; all in one patch. */
export async function completeAdoption(write: WorkloadWrite, action: ActionOf<"completeAdoption">): Promise<void> {
  const deployment = await requireDeployment(write);
  const unpauses = !action.keepPaused && isPaused(deployment);
  if (unpauses) await requireAdopted(write, deployment, action.revision);
  const surge = restoredSurge(deployment, action.maxSurge);
  const noted = deployment.metadata.annotations?.[promotedAnnotation] === action.revision;
  if (!unpauses && noted && surge.length === 0) return;
  const note = { [promotedAnnotation]: action.revision };
  await patchDeployment(write, deployment, [
    ...sameSpec(deployment),
    ...surge,
    ...(unpauses ? unpause(deployment, note) : addAnnotations(deployment, note)),
  ]);
}

/** Unpausing earlier would make the Deployment controller start pods of its own. */
async function requireAdopted(write: WorkloadWrite, deployment: KubernetesObject, revision: string): Promise<void> {
  const refuse = (obstacle: string): never => {
    throw new ConflictError(`Deployment ${deployment.metadata.name} cannot be unpaused yet: ${obstacle}.`);
  };
  if (revisionOf(valueAt(deployment, "spec", "template")) !== revision) {
    refuse(`its pod template is not that of the promoted revision ${revision} any more`);
  }
  const controlled = await liveReplicaSetsOf(write, deployment);
  const isOther = (candidate: KubernetesObject) => revisionOf(valueAt(candidate, "spec", "template")) !== revision;
  if (controlled.every(isOther)) refuse(`its controller has not adopted the ReplicaSet of revision ${revision}`);
  const old = controlled.find((candidate) => isOther(candidate) && numberAt(candidate, "spec", "replicas") > 0);
  if (old !== undefined) {
    refuse(`the old ReplicaSet ${old.metadata.name} still has the size ${numberAt(old, "spec", "replicas")}`);
  }
}

/** Nothing to restore when somebody has already put another value there. */
function restoredSurge(deployment: KubernetesObject, recorded: string | undefined): JsonPatch {
  if (recorded === undefined || surgeOf(deployment) !== openSurgeValue) return [];
  const value = JSON.parse(recorded) as unknown;
  if (value === openSurgeValue) return [];
  return [
    { op: "test", path: surgePath, value: openSurgeValue },
    { op: "replace", path: surgePath, value },
  ];
}

/** An orphan without labels is what is left when somebody else took the ownerReference off. */
async function labelForAdoption(write: WorkloadWrite, canary: KubernetesObject): Promise<void> {
  const labels = adoptableLabels(canary);
  const isLabelled = Object.entries(labels).every(([key, value]) => canary.metadata.labels?.[key] === value);
  if (isLabelled) return;
  await patchReplicaSet(write, canary, [
    ...sameVersion(canary),
    { op: "add", path: "/metadata/labels", value: labels },
  ]);
}

interface HandOver {
  readonly deployment: KubernetesObject;
  readonly canary: KubernetesObject;
  readonly controlled: readonly KubernetesObject[];
}

function handOverPatch(write: WorkloadWrite, { deployment, canary, controlled }: HandOver): JsonPatch {
  const owners = canary.metadata.ownerReferences ?? [];
  const owner = owners.findIndex(({ uid }) => uid === write.rollout.uid);
  const replicas = numberAt(deployment, "spec", "replicas");
  const annotations = {
    ...canary.metadata.annotations,
    ...scalingAnnotations(deployment),
    [revisionAnnotation]: String(1 + Math.max(0, ...controlled.map(numberOf))),
  };
  return [
    ...sameVersion(canary),
    { op: "test", path: `/metadata/ownerReferences/${owner}/uid`, value: write.rollout.uid },
    { op: "test", path: "/spec/replicas", value: replicas },
    // The API server leaves the count out when it is 0.
    ...(replicas > 0 ? [{ op: "test" as const, path: "/status/availableReplicas", value: replicas }] : []),
    { op: "add", path: "/metadata/labels", value: adoptableLabels(canary) },
    { op: "add", path: "/metadata/annotations", value: annotations },
    { op: "remove", path: `/metadata/ownerReferences/${owner}` },
  ];
}

/** The labels by which the Deployment finds its ReplicaSets, as on those that it creates itself. */
function adoptableLabels(canary: KubernetesObject): Readonly<Record<string, string>> {
  const others = Object.entries(canary.metadata.labels ?? {}).filter(([key]) => key !== rolloutLabel);
  return { ...Object.fromEntries(others), ...textsAt(canary, "spec", "template", "metadata", "labels") };
}

async function patchReplicaSet(write: WorkloadWrite, replicaSet: KubernetesObject, patch: JsonPatch): Promise<void> {
  const { signal, objects, rollout } = write;
  await objects.jsonPatch(replicaSets, rollout.key.namespace, replicaSet.metadata.name, patch, { signal });
}

/** The number by which `kubectl rollout history` lists a ReplicaSet. */
function numberOf(replicaSet: KubernetesObject): number {
  const number = Number(replicaSet.metadata.annotations?.[revisionAnnotation] ?? 0);
  return Number.isInteger(number) ? number : 0;
}

/** The order in which the Deployment controller looks for a ReplicaSet that has its template. */
function comesBefore(one: KubernetesObject, other: KubernetesObject): boolean {
  return ageKey(one) < ageKey(other);
}
