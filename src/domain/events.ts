import { renderInstant } from "../api/instant.ts";
import { stableHash } from "./stable-hash.ts";
import type { PendingEvent, RolloutStatus } from "../api/rollout-status.ts";
import type { Transition } from "./decision.ts";
import type { Observation } from "./observation.ts";

/** No more undelivered events than this are kept; the oldest go first. */
const capacity = 40;

/**
 * The status with the transitions waiting in it to be delivered. An event's name follows from the Rollout, its release
 * and the transition's key, so that the same happening is announced once however often it is delivered.
 */
export function withEvents(observation: Observation, status: RolloutStatus, transitions: readonly Transition[]): RolloutStatus {
  if (transitions.length === 0) return status;
  const { rollout, now } = observation;
  const events = transitions.map(({ reason, key, note }): PendingEvent => {
    const identity = stableHash(`${rollout.uid} ${reason} ${key}`);
    return { name: `${rollout.key.name}.${identity}`, reason, action: actionOf(reason), note, at: renderInstant(now) };
  });
  const earlier = (status.pendingEvents ?? []).filter((event) => !events.some((added) => added.name === event.name));
  return { ...status, pendingEvents: [...earlier, ...events].slice(-capacity) };
}

/** What the operator was doing, in the machine-readable form that events.k8s.io asks for. */
function actionOf(reason: PendingEvent["reason"]): string {
  switch (reason) {
    case "WeightChanged":
    case "TrafficShifted":
    case "TrafficNotShifted":
    case "WeightsCorrected":
    case "FieldOwnershipConflict":
      return "RouteTraffic";
    case "AnalysisFailed":
    case "MetricsUnavailable":
    case "MetricsAvailable":
    case "StepPassed":
    case "StepPassedWithoutEvidence":
      return "Analyse";
    case "RollbackStarted":
    case "RollbackBlocked":
    case "RolledBack":
      return "RollBack";
    case "Baking":
    case "Adopting":
    case "Promoted":
    case "PromotedWithoutEvidence":
      return "Promote";
    case "ReleaseStarted":
    case "CanaryReady":
    case "Paused":
    case "Resumed":
    case "Held":
    case "Superseded":
    case "Reverted":
    case "RequestAccepted":
    case "FirstRevision":
    case "HoldRestored":
    case "InvalidSpec":
    case "LetGo":
      return "Reconcile";
  }
}
