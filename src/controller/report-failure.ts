import { renderKey, type ObjectKey } from "../api/object-key.ts";
import type { ConditionReason } from "../api/reasons.ts";
import type { Rollout } from "../api/rollout.ts";
import { releaseKey } from "../domain/answer.ts";
import type { Transition } from "../domain/decision.ts";
import { withEvents } from "../domain/events.ts";
import type { Observation } from "../domain/observation.ts";
import { conditionOf, withStanding, type Standing } from "../domain/standing.ts";
import { rollBack } from "../domain/rules/safety.ts";
import {
  CanaryRefusedError,
  ConflictError,
  RejectedError,
  TransientError,
  WorkloadRefusedError,
  messageOf,
  type TemplateMutatedError,
} from "../runtime/errors.ts";
import type { Dependencies } from "./dependencies.ts";

/** Says in the conditions, until a plan was carried out, why a reconcile failed, and tells it once. */
export async function reportFailure(
  key: ObjectKey,
  error: unknown,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const rollout = deps.cluster.readRollout(key);
  if (rollout === undefined) return;
  const standing = standingFor(error, rollout.status.release?.decision === "Rollback" ? leverOf(rollout) : undefined);
  deps.obstacles.note(renderKey(key), standing);
  const isKnown = conditionOf(rollout.status, "Ready")?.reason === standing.reason;
  const observation = unobserved(rollout, standing, deps);
  const status = withStanding(observation, rollout.status, standing);
  const { release } = rollout.status;
  const eventKey =
    release === undefined
      ? `generation-${rollout.generation} ${standing.reason}`
      : releaseKey(release, release.stepIndex, standing.reason);
  const reason = release?.decision === "Rollback" ? "RollbackBlocked" : "Held";
  const told: Transition[] = isKnown ? [] : [{ reason, key: eventKey, note: standing.message }];
  const announced = withEvents(observation, status, told);
  // Before the write: an API server that is away is one of the failures.
  deps.releaseMetrics.recordFailure({ ...rollout, status: announced }, told);
  await deps.cluster.writeStatus(rollout, announced, signal);
}

/** Ends a release whose canary would not be what is in git: tried again only when somebody asks, or changes the template. */
export async function giveUp(
  key: ObjectKey,
  error: TemplateMutatedError,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const rollout = deps.cluster.readRollout(key);
  const release = rollout?.status.release;
  if (rollout === undefined || release === undefined || release.decision !== undefined) return;
  const observation = unobserved(rollout, standingFor(error, undefined), deps);
  const answer = rollBack(observation, release, "TemplateMutated", error.message);
  const status = withEvents(observation, answer.status, answer.transitions);
  const stored = await deps.cluster.writeStatus(rollout, status, signal);
  deps.releaseMetrics.recordFailure(stored, answer.transitions);
}

/** What is known of a Rollout when looking at the world has failed. */
function unobserved(rollout: Rollout, { reason, message }: Standing, deps: Dependencies): Observation {
  const problem = { problem: reason, message, canary: undefined };
  const nothing = {
    original: undefined,
    rehearsal: undefined,
    arrivals: undefined,
    usual: undefined,
    measurement: undefined,
  };
  return {
    now: deps.clock.now(),
    rollout,
    settings: deps.settings,
    workload: problem,
    traffic: problem,
    seenAt: undefined,
    ...nothing,
  };
}

/** What a person can do while the routes cannot be changed. */
function leverOf({ key, spec, status }: Rollout): string {
  const { replicaSet = "", workload = "" } = status.canary ?? {};
  const pods = spec?.subset === undefined ? `rs/${replicaSet}` : `deployment/${workload}`;
  return ` Where requests still reach the canary and do more harm there than errors, run kubectl -n ${key.namespace} scale ${pods} --replicas=0: they fail with 503 then.`;
}

/** `lever` is given in a rollback. */
function standingFor(error: unknown, lever: string | undefined): Standing {
  const message = messageOf(error);
  const isRollback = lever !== undefined;
  const kind = isRollback ? "RollingBack" : "Progressing";
  const say = (reason: ConditionReason, what: string): Standing => ({
    kind,
    reason,
    phase: isRollback ? "RollingBack" : "Held",
    message: `${what}${lever ?? ""}`,
  });
  if (error instanceof CanaryRefusedError) {
    const told = `Canary pods cannot start: ${message}. The release goes on by itself when they can.`;
    return say("CanaryCannotStart", told);
  }
  if (error instanceof RejectedError) {
    return say(
      error instanceof WorkloadRefusedError ? "WorkloadRejected" : "TrafficConfigRejected",
      `The API server refused a write: ${message}. It is tried again; mend what it names.`,
    );
  }
  if (error instanceof ConflictError) return say("Held", message);
  if (error instanceof TransientError) return say("ProgressingWithRetry", `${message}. It is tried again.`);
  return say("InternalError", `Serin failed: ${message}. It is tried again; the operator's log has the details.`);
}
