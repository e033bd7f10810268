import { isProblem, type Observation, type ReplicaSet, type Workload } from "../observation.ts";
import { adoptedOf, canaryOf, stableOf } from "../replica-sets.ts";

/** Whether users run all versions themselves (spec.subset): their Deployments are neither held nor changed. */
export function isRunByUser({ rollout, workload }: Observation): boolean {
  return rollout.spec?.subset !== undefined || (!isProblem(workload) && workload.form === "Subsets");
}

/** Whether the canary's pods are the Deployment's already, or on their way: from then on there is no way back. */
export function isHandedOver(observation: Observation): boolean {
  const { release } = observation.rollout.status;
  if (release?.decision !== "Promote") return false;
  if (isRunByUser(observation)) return release.traffic?.route === "Rest";
  return hasDeploymentTaken(observation, release.adoption !== undefined);
}

function hasDeploymentTaken(observation: Observation, isBegun: boolean): boolean {
  const canary = canaryOf(observation);
  // While it is the Rollout's, one of the same revision that the Deployment made itself changes nothing.
  if (canary?.controlledBy === "Rollout") return false;
  const adopted = adoptedOf(observation);
  // An empty one of the same template was made for something else: it serves nothing that there could be no way back from.
  if (adopted !== undefined && (adopted.name === canary?.name || adopted.replicas > 0)) return true;
  // Without a Deployment there is nobody who could adopt it.
  if (isProblem(observation.workload)) return false;
  if (isCompleted(observation)) return true;
  return isBegun && canary?.controlledBy === "Nobody" && !canary.deleting;
}

/** Whether the Deployment runs the canary's revision by itself, and makes its pods again whatever is deleted. */
function isCompleted({ rollout, workload }: Observation): boolean {
  const revision = rollout.status.canary?.revision;
  if (isProblem(workload) || workload.paused || rollout.status.release?.adoption === undefined) return false;
  return workload.revision === revision && workload.promotedRevision === revision;
}

/** Whether a newer template waits until this release has ended; also where it cannot be asked any more. */
export function finishesFirst({ rollout }: Observation): boolean {
  if (rollout.spec === undefined) return rollout.status.release?.decision === "Promote";
  return rollout.spec.onNewRevision === "finish";
}

/** What the Deployment runs beside stable: something that nobody asked for in mid-release. */
export function othersOf(observation: Observation): readonly ReplicaSet[] {
  const { workload } = observation;
  if (isProblem(workload)) return [];
  const stable = stableOf(observation);
  return workload.replicaSets.filter(
    ({ controlledBy, name, replicas }) => controlledBy === "Deployment" && name !== stable?.name && replicas > 0,
  );
}

/** Whether the Deployment has replaced the stable pods although it was to be held: they can take no traffic back. */
export function hasRolledOut(observation: Observation): boolean {
  if (isHandedOver(observation) || (stableOf(observation)?.replicas ?? 0) > 0) return false;
  return othersOf(observation).some(({ ready }) => ready > 0);
}

/**
 * Whether stable's ReplicaSet is gone and the Deployment has no other that runs: where no history is kept, its controller
 * deletes what is empty, and while a template is held that is stable.
 */
export function hasLostStable(observation: Observation): boolean {
  const { workload, rollout } = observation;
  if (isProblem(workload) || isRunByUser(observation) || rollout.status.stable === undefined) return false;
  return stableOf(observation) === undefined && othersOf(observation).length === 0;
}

/**
 * Whether stable has no pods to send traffic back to, or is losing them: replaced by the Deployment, which nothing holds
 * any more, or going together with it.
 */
export function hasNoStable(observation: Observation): boolean {
  const { workload, rollout } = observation;
  if (isRunByUser(observation)) return hasRolledOut(observation);
  if (isProblem(workload)) return workload.problem === "WorkloadNotFound";
  return workload.deleting || isLetRoll(workload, rollout.status.stable?.revision) || hasRolledOut(observation);
}

/** Whether the hold is switched off and the Deployment replaces the pods of this revision, fewer of which serve by the second. */
export function isLetRoll({ holdOff, paused, revision }: Workload, served: string | undefined): boolean {
  return holdOff && !paused && revision !== served;
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
