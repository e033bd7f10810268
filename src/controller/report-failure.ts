import type { ObjectKey } from "../api/object-key.ts";
import type { ConditionReason } from "../api/reasons.ts";
import { releaseKey } from "../domain/answer.ts";
import { withEvents } from "../domain/events.ts";
import type { Observation } from "../domain/observation.ts";
import { conditionOf, withStanding, type Standing } from "../domain/standing.ts";
import { ConflictError, RejectedError, TemplateMutatedError, TransientError } from "../runtime/errors.ts";
import type { Dependencies } from "./dependencies.ts";

/** Writes into the conditions why a reconcile failed. A conflict is not a failure: the next look decides afresh. */
export async function reportFailure(key: ObjectKey, error: unknown, deps: Dependencies, signal: AbortSignal): Promise<void> {
  const rollout = deps.cluster.readRollout(key);
  if (rollout === undefined || error instanceof ConflictError) return;
  const standing = standingFor(error, rollout.status.release?.decision === "Rollback");
  const isKnown = conditionOf(rollout.status, "Ready")?.reason === standing.reason;
  const now = deps.clock.now();
  const observation: Observation = {
    now,
    rollout,
    settings: deps.settings,
    workload: { problem: standing.reason, message: standing.message },
    traffic: { problem: standing.reason, message: standing.message },
    original: undefined,
    rehearsal: undefined,
    measurement: undefined,
  };
  const status = withStanding(observation, rollout.status, standing);
  const { release } = rollout.status;
  const eventKey = release === undefined ? `generation-${rollout.generation} ${now}` : releaseKey(release, now);
  const reason = release?.decision === "Rollback" ? "RollbackBlocked" : "Held";
  const announced = isKnown ? status : withEvents(observation, status, [{ reason, key: eventKey, note: standing.message }]);
  await deps.cluster.writeStatus(rollout, announced, signal);
}

function standingFor(error: unknown, isRollback: boolean): Standing {
  const message = error instanceof Error ? error.message : String(error);
  const kind = isRollback ? "RollingBack" : "Progressing";
  const say = (reason: ConditionReason, what: string): Standing => ({ kind, reason, phase: isRollback ? "RollingBack" : "Held", message: what });
  if (error instanceof TemplateMutatedError) return { kind: "Stalled", reason: "TemplateMutated", phase: "Stalled", message };
  if (error instanceof RejectedError) {
    return say("TrafficConfigRejected", `The API server refused a write: ${message}. It is tried again; mend what it names.`);
  }
  if (error instanceof TransientError) return say("ProgressingWithRetry", `${message}. It is tried again.`);
  return say("InternalError", `Serin failed: ${message}. It is tried again; the operator's log has the details.`);
}
