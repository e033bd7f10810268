import type { Revision } from "../api/rollout-status.ts";
import { currentRejections } from "./rejections.ts";
import { isProblem, type Observation, type Workload } from "./observation.ts";

/**
 * The observation with stable and canary named as their templates are read now. A newer Kubernetes may give every
 * template another default, and with it another name; a stored name must not make a running revision a foreign one.
 */
export function withCurrentRevisions(observation: Observation): Observation {
  const { rollout, workload } = observation;
  if (isProblem(workload)) return observation;
  if (workload.form === "Subsets") return withCurrentSubset(observation, workload);
  const current = (stored: Revision | undefined): Revision | undefined => {
    const running = workload.replicaSets.find((candidate) => candidate.name === stored?.replicaSet);
    return stored === undefined || running === undefined ? stored : { ...stored, revision: running.revision };
  };
  const { stable, canary } = rollout.status;
  const rejected = currentRejections(rollout.status.rejected, workload);
  const status = { ...rollout.status, stable: current(stable), canary: current(canary), rejected };
  return { ...observation, rollout: { ...rollout, status } };
}

/**
 * What users do with the pods of the subset that serves is theirs: stable is what runs there now. A canary that becomes
 * another one in mid-release is a new revision, because what was counted is not about it.
 */
function withCurrentSubset(observation: Observation, workload: Workload): Observation {
  const { rollout } = observation;
  const { stable } = rollout.status;
  const running = workload.replicaSets.find(({ name }) => name === stable?.replicaSet);
  const rejected = currentRejections(rollout.status.rejected, workload);
  const status = { ...rollout.status, rejected };
  if (stable === undefined || running === undefined) return { ...observation, rollout: { ...rollout, status } };
  const { revision, image, workload: runs } = running;
  const current = { ...stable, revision, image, workload: runs };
  return { ...observation, rollout: { ...rollout, status: { ...status, stable: current } } };
}
