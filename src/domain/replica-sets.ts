import { isProblem, type Observation, type ReplicaSet } from "./observation.ts";

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
    (candidate) => candidate.controlledBy === "Deployment" && !candidate.deleting && candidate.revision === revision,
  );
}

/** The ReplicaSet of the proven revision, as long as the Deployment has it. */
export function stableOf({ rollout, workload }: Observation): ReplicaSet | undefined {
  if (isProblem(workload)) return undefined;
  const name = rollout.status.stable?.replicaSet;
  return workload.replicaSets.find((candidate) => candidate.name === name && candidate.controlledBy === "Deployment");
}
