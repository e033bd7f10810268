import type { ObjectKey } from "../api/object-key.ts";
import type { Rollout } from "../api/rollout.ts";
import type { Decision, Transition } from "../domain/decision.ts";
import type { Observation } from "../domain/observation.ts";

/** Tells Prometheus what the operator does. */
export interface ReleaseMetrics {
  /** Counts a decision that was stored, and what is told of it, whether or not its plan can be carried out. */
  countDecision(key: ObjectKey, decision: Decision): void;
  /** Weight, reason, evidence and outcome of a Rollout after a decision that followed from an observation. */
  record(rollout: Rollout, decision: Decision, observation: Observation): void;
  /** What the status says where a reconcile has failed, and what is told about that. */
  recordFailure(rollout: Rollout, told: readonly Transition[]): void;
  /** The Rollout is gone: so are its series. */
  forget(key: ObjectKey): void;
}

/** For reconciles that nobody watches. */
export const unmeasuredReleases: ReleaseMetrics = {
  countDecision: () => undefined,
  record: () => undefined,
  recordFailure: () => undefined,
  forget: () => undefined,
};
