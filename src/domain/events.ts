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
export function withEvents(
  observation: Observation,
  status: RolloutStatus,
  transitions: readonly Transition[],
): RolloutStatus {
  if (transitions.length === 0) return status;
  const { rollout, now } = observation;
  const waiting = new Map((status.pendingEvents ?? []).map((event) => [event.name, event.at]));
  const events = transitions.map(({ reason, key, note }): PendingEvent => {
    const identity = stableHash(`${rollout.uid} ${reason} ${key}`);
    const name = `${rollout.key.name}.${identity}`;
    // What waits already happened when it was told first.
    return { name, reason, action: actions[reason], note, at: waiting.get(name) ?? renderInstant(now) };
  });
  const earlier = (status.pendingEvents ?? []).filter((event) => !events.some((added) => added.name === event.name));
  return { ...status, pendingEvents: [...earlier, ...events].slice(-capacity) };
}

/** What the operator was doing, in the machine-readable form that events.k8s.io asks for. */
const actions: Readonly<Record<PendingEvent["reason"], string>> = {
  WeightChanged: "RouteTraffic",
  TrafficShifted: "RouteTraffic",
  TrafficNotShifted: "RouteTraffic",
  WeightsCorrected: "RouteTraffic",
  FieldOwnershipConflict: "RouteTraffic",
  AnalysisFailed: "Analyse",
  MetricsUnavailable: "Analyse",
  MetricsAvailable: "Analyse",
  StepPassed: "Analyse",
  StepPassedWithoutEvidence: "Analyse",
  SteppedBack: "RouteTraffic",
  OutlierDetectionTuned: "RouteTraffic",
  OutlierDetectionUndone: "RouteTraffic",
  OutlierDetectionRestored: "RouteTraffic",
  OutlierDetectionIneffective: "Analyse",
  RollbackStarted: "RollBack",
  RollbackBlocked: "RollBack",
  CanaryStopped: "RollBack",
  RolledBack: "RollBack",
  Baking: "Promote",
  Adopting: "Promote",
  Promoted: "Promote",
  PromotedWithoutEvidence: "Promote",
  ReleaseStarted: "Reconcile",
  Forecast: "Analyse",
  CanaryReady: "Reconcile",
  Paused: "Reconcile",
  Resumed: "Reconcile",
  Held: "Reconcile",
  Superseded: "Reconcile",
  Reverted: "Reconcile",
  FirstRevision: "Reconcile",
  HoldRestored: "Reconcile",
  HoldOff: "Reconcile",
  Unpaused: "Reconcile",
  SupersededRepeatedly: "Reconcile",
  InvalidSpec: "Reconcile",
  LetGo: "Reconcile",
};
