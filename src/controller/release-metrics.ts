import type { ObjectKey } from "../api/object-key.ts";
import type { Rollout } from "../api/rollout.ts";
import type { Decision } from "../domain/decision.ts";

/** Tells Prometheus what the operator does. */
export interface ReleaseMetrics {
  /** Weight, phase, evidence and outcome of a Rollout after a decision. */
  record(rollout: Rollout, decision: Decision): void;
  /** The Rollout is gone: so are its series. */
  forget(key: ObjectKey): void;
}
