import { isProblem, type Observation, type ReplicaSet } from "../observation.ts";

/** The ReplicaSet of the canary, while it exists; also where its Deployment is gone. */
export function canaryOf({ rollout, workload }: Observation): ReplicaSet | undefined {
  if (isProblem(workload)) return workload.canary;
  const name = rollout.status.canary?.replicaSet;
  return workload.replicaSets.find((candidate) => candidate.name === name);
}

/** The Deployment's own ReplicaSet of the canary's revision: the one that it adopted, or made when that was deleted. */
export function adoptedOf({ rollout, workload }: Observation): ReplicaSet | undefined {
  if (isProblem(workload)) return undefined;
  const revision = rollout.status.canary?.revision;
  return workload.replicaSets.find(
    (candidate) => candidate.controlledBy === "Deployment" && candidate.revision === revision,
  );
}

/** Whether the canary's pods are the Deployment's already, or on their way: from then on there is no way back. */
export function isHandedOver(observation: Observation): boolean {
  const { release } = observation.rollout.status;
  if (release?.decision !== "Promote") return false;
  if (adoptedOf(observation) !== undefined) return true;
  return release.adoption !== undefined && canaryOf(observation)?.controlledBy === "Nobody";
}

/**
 * Whether subsets still select pods by the hashes of this release, as far as caches show. The next release records what
 * it finds, so none ends before its own traces are gone.
 */
export function stillNarrowed({ traffic, rollout }: Observation): boolean {
  const { canary, stable } = rollout.status;
  if (isProblem(traffic) || traffic.subsets.kind === "Absent") return false;
  const { subsets } = traffic;
  const isOurs = (hash: string | undefined, ours: string | undefined) => hash !== undefined && hash === ours;
  return isOurs(subsets.canary, canary?.podTemplateHash) || isOurs(subsets.stable, stable?.podTemplateHash);
}
