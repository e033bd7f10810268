import { apiVersion, hashLabel, kind, rolloutLabel } from "../../api/names.ts";
import type { Rollout } from "../../api/rollout.ts";
import { comparable, revisionOf } from "../../domain/revision.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { ConflictError, TemplateMutatedError } from "../../runtime/errors.ts";
import { scalingAnnotations } from "./deployment-spec.ts";
import { numberAt, recordAt, valueAt } from "./json-fields.ts";
import { firstDifference } from "./template-difference.ts";
import { controllerOf } from "./workload-reading.ts";
import { replicaSets } from "./workload-resources.ts";
import {
  liveDeployment,
  liveReplicaSet,
  liveReplicaSetsOf,
  requireDeployment,
  requireReplicaSet,
  type ActionOf,
  type WorkloadWrite,
} from "./workload-write.ts";

/**
 * Creates the canary from the Deployment's stored template. Rejects with a ConflictError when the Deployment has
 * another template than the release, and with a TemplateMutatedError, leaving nothing behind, when what was stored
 * is not what was sent.
 */
export async function createCanary(write: WorkloadWrite, action: ActionOf<"createCanary">): Promise<void> {
  const deployment = await requireDeployment(write);
  const template = valueAt(deployment, "spec", "template");
  if (revisionOf(template) !== action.canary.revision) {
    throw new ConflictError(
      `The canary ${action.canary.replicaSet} cannot be created: Deployment ${deployment.metadata.name} has another pod template by now.`,
    );
  }
  await removeEmptyTwins(write, await liveReplicaSetsOf(write, deployment), action.canary.revision);
  const stored = await createOrFind(write, canaryFor(write, deployment, action));
  const difference = firstDifference(
    comparable(template),
    comparable(valueAt(stored, "spec", "template")),
    "spec.template",
  );
  if (difference === undefined) return;
  await write.objects.remove(replicaSets, stored, { signal: write.signal });
  throw new TemplateMutatedError(
    `the pod template of ReplicaSet ${action.canary.replicaSet} was changed on creation at ${difference}, so what would run is not what Deployment ${deployment.metadata.name} says; exempt ReplicaSets from whatever changes it`,
    difference,
  );
}

/**
 * Of equal templates the Deployment controller takes the oldest ReplicaSet for the new one, so an empty one that is
 * left of an earlier release would win over the canary.
 */
export async function removeEmptyTwins(
  write: WorkloadWrite,
  controlled: readonly KubernetesObject[],
  revision: string,
): Promise<void> {
  const twins = controlled.filter((candidate) => revisionOf(valueAt(candidate, "spec", "template")) === revision);
  const running = twins.find(
    (twin) => numberAt(twin, "spec", "replicas") > 0 || numberAt(twin, "status", "replicas") > 0,
  );
  if (running !== undefined)
    throw new ConflictError(
      `ReplicaSet ${running.metadata.name} of Deployment ${write.target ?? ""} already runs pods of revision ${revision}, so there can be no canary of it.`,
    );
  for (const twin of twins) await write.objects.remove(replicaSets, twin, { signal: write.signal });
}

/** Sets the size of the canary, and what the Deployment controller will need to know about it. */
export async function scaleCanary(write: WorkloadWrite, action: ActionOf<"scaleCanary">): Promise<void> {
  const replicaSet = await requireReplicaSet(write, action.replicaSet);
  const deployment = await liveDeployment(write);
  // Once it was handed over its size is the Deployment controller's.
  const isOurs = controllerOf(replicaSet) === write.rollout.uid || isAbandoned(replicaSet, deployment);
  if (!isOurs && !isOrphan(write, replicaSet)) return;
  const annotations = deployment === undefined ? {} : scalingAnnotations(deployment);
  const { metadata } = replicaSet;
  const isCurrent = Object.entries(annotations).every(([key, value]) => metadata.annotations?.[key] === value);
  const size = numberAt(replicaSet, "spec", "replicas");
  if (isCurrent && size === action.replicas) return;
  // A Deployment that was scaled up since it was looked at needs the pods that would go.
  const isOutdated = action.replicas < size && action.replicas < numberAt(deployment, "spec", "replicas");
  if (isOutdated && write.rollout.status.release?.decision !== "Rollback") return;
  const patch = {
    metadata: { resourceVersion: metadata.resourceVersion, annotations },
    spec: { replicas: action.replicas },
  };
  await write.objects.mergePatch(replicaSets, metadata.namespace, metadata.name, patch, { signal: write.signal });
}

/** Makes the canary ours again when somebody has taken the ownerReference off; rejects for one of somebody else's. */
export async function ownCanary(write: WorkloadWrite, action: ActionOf<"ownCanary">): Promise<void> {
  const replicaSet = await requireReplicaSet(write, action.replicaSet);
  if (controllerOf(replicaSet) === write.rollout.uid) return;
  if (!isWithoutOwner(replicaSet, write.rollout)) throw taken(replicaSet);
  const { namespace, name, resourceVersion, ownerReferences = [] } = replicaSet.metadata;
  const metadata = { resourceVersion, ownerReferences: [...ownerReferences, ownerOf(write.rollout)] };
  await write.objects.mergePatch(replicaSets, namespace, name, { metadata }, { signal: write.signal });
}

/** Deletes the canary and its pods, unless it belongs to somebody else by now. */
export async function removeCanary(write: WorkloadWrite, action: ActionOf<"removeCanary">): Promise<void> {
  const replicaSet = await liveReplicaSet(write, action.replicaSet);
  if (replicaSet === undefined || replicaSet.metadata.deletionTimestamp !== undefined) return;
  const isOurs = controllerOf(replicaSet) === write.rollout.uid || isOrphan(write, replicaSet);
  if (!isOurs && !isAbandoned(replicaSet, await liveDeployment(write))) return;
  await write.objects.remove(replicaSets, replicaSet, { signal: write.signal });
}

/** One that was handed over to a Deployment that is gone since then would stay for ever. */
function isAbandoned(replicaSet: KubernetesObject, deployment: KubernetesObject | undefined): boolean {
  return controllerOf(replicaSet) === undefined && deployment === undefined;
}

/**
 * A canary that is being given up and whose ownerReference the garbage collector has taken off: the Rollout was
 * deleted with its dependents orphaned. Nobody else would ever remove it.
 */
function isOrphan({ rollout }: WorkloadWrite, replicaSet: KubernetesObject): boolean {
  return rollout.status.release?.decision === "Rollback" && isWithoutOwner(replicaSet, rollout);
}

/** Whether it is the canary, and nobody's. One that was handed over has our label no more. */
function isWithoutOwner(replicaSet: KubernetesObject, rollout: Rollout): boolean {
  return (
    controllerOf(replicaSet) === undefined &&
    replicaSet.metadata.name === rollout.status.canary?.replicaSet &&
    replicaSet.metadata.labels?.[rolloutLabel] === rollout.key.name
  );
}

/** 409 on creation is success when the one that is there is ours, as after a restart. */
async function createOrFind(write: WorkloadWrite, canary: CanaryObject): Promise<KubernetesObject> {
  try {
    return await write.objects.create(replicaSets, canary, { signal: write.signal });
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    const found = await liveReplicaSet(write, canary.metadata.name);
    const isOurs = found !== undefined && controllerOf(found) === write.rollout.uid;
    if (isOurs && found.metadata.deletionTimestamp === undefined) return found;
    throw found === undefined || isOurs ? error : taken(found);
  }
}

function taken({ metadata }: KubernetesObject): ConflictError {
  const [owner] = metadata.ownerReferences ?? [];
  const whose = owner === undefined ? "that nobody controls" : `of ${owner.kind} ${owner.name}`;
  return new ConflictError(
    `There can be no canary: ReplicaSet ${metadata.name} ${whose} has its name; delete it when nobody needs it.`,
  );
}

type CanaryObject = ReturnType<typeof canaryFor>;

function ownerOf({ key, uid }: Rollout) {
  return { apiVersion, kind, name: key.name, uid, controller: true, blockOwnerDeletion: true };
}

function canaryFor(write: WorkloadWrite, deployment: KubernetesObject, action: ActionOf<"createCanary">) {
  const { key } = write.rollout;
  const template = recordAt(deployment, "spec", "template");
  const hash = { [hashLabel]: action.canary.podTemplateHash };
  const selector = recordAt(deployment, "spec", "selector");
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: action.canary.replicaSet,
      namespace: key.namespace,
      // Without the Deployment's own labels: they are what makes it adopt a ReplicaSet, and that is the promotion.
      labels: { [rolloutLabel]: key.name },
      annotations: scalingAnnotations(deployment),
      ownerReferences: [ownerOf(write.rollout)],
    },
    spec: {
      replicas: action.replicas,
      minReadySeconds: numberAt(deployment, "spec", "minReadySeconds"),
      selector: { ...selector, matchLabels: { ...recordAt(selector, "matchLabels"), ...hash } },
      template: {
        ...template,
        metadata: {
          ...recordAt(template, "metadata"),
          labels: { ...recordAt(template, "metadata", "labels"), ...hash },
        },
      },
    },
  };
}
