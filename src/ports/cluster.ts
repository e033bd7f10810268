import type { ObjectKey } from "../api/object-key.ts";
import type { Rollout } from "../api/rollout.ts";
import type { RolloutStatus } from "../api/rollout-status.ts";
import type { Action } from "../domain/decision.ts";
import type { Workload, WorkloadProblem } from "../domain/observation.ts";

/** The actions that change a Rollout or its Deployment and ReplicaSets. */
export type WorkloadAction = Extract<
  Action,
  {
    kind:
      | "claim"
      | "letGo"
      | "holdWorkload"
      | "pauseWorkload"
      | "createCanary"
      | "scaleCanary"
      | "ownCanary"
      | "removeCanary"
      | "openSurge"
      | "restoreSurge"
      | "handOver"
      | "finishOld"
      | "completeAdoption"
      | "recordPromoted"
      | "recordRejected"
      | "restoreTemplate"
      | "releaseWorkload";
  }
>;

/** Rollouts and the workloads that they release. Reads come from caches; every write is conditional. */
export interface Cluster {
  /**
   * The Rollout, whatever its spec is like; undefined when there is none. Throws a ConflictError while the cache is behind
   * a status that this process has written itself.
   */
  readRollout(key: ObjectKey): Rollout | undefined;

  /**
   * The Deployment with its ReplicaSets, or what stands in the way. While a canary runs its pods are read as well, so
   * that crashes are seen; that costs a request, and so does a claim whose access mode is not known yet.
   */
  readWorkload(rollout: Rollout, signal: AbortSignal): Promise<Workload | WorkloadProblem>;

  /** The Rollout live from the API server: for a decision that must not be lost to a conflict. */
  readFresh(key: ObjectKey, signal: AbortSignal): Promise<Rollout | undefined>;

  /**
   * Writes the status if it differs from what the Rollout has and returns the Rollout as it is then.
   * Rejects with a ConflictError when somebody changed the Rollout in between.
   */
  writeStatus(rollout: Rollout, status: RolloutStatus, signal: AbortSignal): Promise<Rollout>;

  /** Carries out one action; does nothing where the world is already so. */
  perform(action: WorkloadAction, rollout: Rollout, signal: AbortSignal): Promise<void>;
}
