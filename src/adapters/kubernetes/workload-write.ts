import { renderKey } from "../../api/object-key.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { WorkloadAction } from "../../ports/cluster.ts";
import type { KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import { NotFoundError } from "../../runtime/errors.ts";
import { recordAt, textsAt } from "./json-fields.ts";
import { controllerOf } from "./workload-reading.ts";
import { deployments, replicaSets } from "./workload-resources.ts";

/** What every write to a Rollout's workload needs. */
export interface WorkloadWrite {
  readonly objects: KubernetesObjects;
  readonly rollout: Rollout;
  /** Name of the Deployment; undefined when the Rollout names none. */
  readonly target: string | undefined;
  readonly signal: AbortSignal;
}

/** The action of one kind. */
export type ActionOf<Kind extends WorkloadAction["kind"]> = Extract<WorkloadAction, { kind: Kind }>;

/** The Deployment as it is now. */
export async function liveDeployment(write: WorkloadWrite): Promise<KubernetesObject | undefined> {
  if (write.target === undefined) return undefined;
  return write.objects.read(deployments, write.rollout.key.namespace, write.target, write.signal);
}

/** The Deployment as it is now; rejects with a NotFoundError when there is none. */
export async function requireDeployment(write: WorkloadWrite): Promise<KubernetesObject> {
  const deployment = await liveDeployment(write);
  if (deployment !== undefined) return deployment;
  throw new NotFoundError(`Deployment ${write.target ?? ""} of Rollout ${renderKey(write.rollout.key)} does not exist`);
}

/** A ReplicaSet of the Rollout's namespace as it is now. */
export async function liveReplicaSet(write: WorkloadWrite, name: string): Promise<KubernetesObject | undefined> {
  return write.objects.read(replicaSets, write.rollout.key.namespace, name, write.signal);
}

/** A ReplicaSet as it is now; rejects with a NotFoundError when there is none. */
export async function requireReplicaSet(write: WorkloadWrite, name: string): Promise<KubernetesObject> {
  const replicaSet = await liveReplicaSet(write, name);
  if (replicaSet !== undefined) return replicaSet;
  throw new NotFoundError(`ReplicaSet ${name} of Rollout ${renderKey(write.rollout.key)} does not exist`);
}

/** The ReplicaSets that the Deployment controls, as they are now. */
export async function liveReplicaSetsOf(
  write: WorkloadWrite,
  deployment: KubernetesObject,
): Promise<readonly KubernetesObject[]> {
  const labels = textsAt(recordAt(deployment, "spec", "selector"), "matchLabels");
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const found = await write.objects.list(replicaSets, write.rollout.key.namespace, selector.join(","), write.signal);
  return found.filter((replicaSet) => controllerOf(replicaSet) === deployment.metadata.uid);
}

/** Changes a Deployment under the conditions in the patch. */
export async function patchDeployment(
  write: WorkloadWrite,
  deployment: KubernetesObject,
  patch: Parameters<KubernetesObjects["jsonPatch"]>[3],
): Promise<KubernetesObject> {
  const { signal, objects, rollout } = write;
  return objects.jsonPatch(deployments, rollout.key.namespace, deployment.metadata.name, patch, { signal });
}
