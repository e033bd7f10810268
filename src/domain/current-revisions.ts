import type { Revision } from "../api/rollout-status.ts";
import { isProblem, type Observation } from "./observation.ts";

/**
 * The observation with stable and canary named as their templates are read now. A newer Kubernetes may give every
 * template another default, and with it another name; a stored name must not make a running revision a foreign one.
 */
export function withCurrentRevisions(observation: Observation): Observation {
  const { rollout, workload } = observation;
  if (isProblem(workload)) return observation;
  const current = (stored: Revision | undefined): Revision | undefined => {
    const running = workload.replicaSets.find((candidate) => candidate.name === stored?.replicaSet);
    return stored === undefined || running === undefined ? stored : { ...stored, revision: running.revision };
  };
  const { stable, canary } = rollout.status;
  const status = { ...rollout.status, stable: current(stable), canary: current(canary) };
  return { ...observation, rollout: { ...rollout, status } };
}
