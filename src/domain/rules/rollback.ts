import { parseInstant, renderDuration, renderInstant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { isStillCalled } from "../analysis/traffic-shift.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Action, Answer, Plan, Rule } from "../decision.ts";
import { finishRelease, supersededAgain } from "../history.ts";
import { isProblem, seenSinceShift, type Observation } from "../observation.ts";
import { routesAreEverywhere, withRoute, withSubsets, type Asked } from "../propagation.ts";
import { fromCommit } from "../revision-with-commit.ts";
import { rollbackShift } from "../rollback-shift.ts";
import { conditionOf } from "../standing.ts";
import { canaryOf, stableOf } from "../replica-sets.ts";
import { hasNoStable, isRunByUser, stillNarrowed } from "./canary.ts";
import { leftToService } from "./hand-back.ts";
import { outliersToRestore, outliersUnseen, toldRestored } from "./outliers.ts";
import { moveBack } from "./safety.ts";
import { withSecondLever } from "./second-lever.ts";
import { imageOf } from "../version-names.ts";

/** These say nothing about the revision itself: it is released again when it comes again. */
const rejectsNothing: readonly (string | undefined)[] = [
  "Superseded",
  "Reverted",
  "RolloutDeleted",
  "WorkloadLost",
  "TrafficConfigLost",
  "HoldOff",
  "RolledOutByItself",
  "StableLost",
];

/**
 * Ends a rollback: traffic seen to be back, canary pods gone, routes and subsets as they were. Each stage is repeated
 * until it is seen in the world, so that neither a restart nor a lost write changes the end.
 */
export const finishRollback: Rule = (observation) => {
  const { release } = observation.rollout.status;
  if (release?.decision !== "Rollback") return undefined;
  const back = trafficBack(observation, release);
  if (back !== undefined) return back;
  const next =
    canaryGone(observation, release) ??
    surgeRestored(observation, release) ??
    routesRestored(observation, release) ??
    outliersRestored(observation) ??
    subsetsRestored(observation, release) ??
    ended(observation, release);
  return withCallersLeft(observation, release, next);
};

function trafficBack(observation: Observation, release: Release): Answer | undefined {
  const { traffic } = observation;
  const asked = release.traffic;
  if (asked?.route !== "Split") return routesSettled(observation, release);
  // Where a subset is missing or empty, a route that names it answers 503: better as in git at once than split for a
  // moment longer.
  if (isProblem(traffic) || traffic.subsets.kind === "Absent" || hasNoStable(observation))
    return restoreRoute(observation, release, asked);
  if (traffic.route.kind !== "Split") return undefined;
  const lost = lostSubsets(observation, asked);
  if (lost.length > 0) {
    const plan = [...moveBack(observation, release), ...lost];
    const message = "Putting the subsets of the release back, and all traffic to stable.";
    return { ...rollingBack(observation, message, plan), urgent: true };
  }
  if (traffic.route.weight !== 0) {
    const again = rollingBack(observation, "Sending all traffic back to stable.", moveBack(observation, release));
    // What is decided and stored waits for nothing that is to be told.
    return withSecondLever(observation, release, { ...again, urgent: true });
  }
  return release.highestWeight === 0 ? undefined : seenToBeBack(observation, asked);
}

/** Subsets that somebody else wrote, or that were deleted and made anew: a route to one that is not there answers 503. */
function lostSubsets({ traffic, rollout, settings, now }: Observation, asked: Asked): Plan {
  const { stable, canary } = rollout.status;
  // Where they cannot be written, the routes are given back in time all the same.
  if (now - parseInstant(asked.routeChangedAt) >= settings.rollbackDeadline) return [];
  if (isProblem(traffic) || traffic.subsets.kind === "Absent" || asked.subsets !== "Narrowed") return [];
  if (stable === undefined || canary === undefined || traffic.subsets.stable === stable.podTemplateHash) return [];
  return [{ kind: "narrowSubsets", stable: stable.podTemplateHash, canary: canary.podTemplateHash }];
}

/** Longer than a cache takes to show a route that we have just written. */
const routeLag = 1_000;

/** Routes that were put back before the canary went: its pods serve until they are seen and every proxy has them. */
function routesSettled(observation: Observation, release: Release): Answer | undefined {
  const { now } = observation;
  const { traffic, highestWeight } = release;
  if (traffic === undefined) return undefined;
  if (!isProblem(observation.traffic) && observation.traffic.route.kind === "Split") {
    const isEarly = now - parseInstant(traffic.routeChangedAt) < routeLag;
    return isEarly
      ? rollingBack(observation, "Waiting to see the routes.")
      : restoreRoute(observation, release, traffic);
  }
  const widened = hasNoStable(observation) ? leftToService(observation, traffic) : [];
  if (widened.length > 0) return rollingBack(observation, "Leaving the traffic to the Service.", widened);
  if (highestWeight === 0 || canaryOf(observation) === undefined) return undefined;
  if (routesAreEverywhere(observation, traffic)) return undefined;
  return rollingBack(
    observation,
    "Routes are as they were; waiting until every proxy has them.",
    outliersUnseen(observation),
  );
}

/** Waits until no request is seen to reach the canary, or rollbackDeadline has passed. */
function seenToBeBack(observation: Observation, asked: Asked): Answer | undefined {
  const { settings, now, measurement, workload } = observation;
  const elapsed = now - parseInstant(asked.routeChangedAt);
  // Where the hold was switched off, the stable pods may begin to go any moment.
  const isUrgent = !isProblem(workload) && workload.holdOff;
  if (elapsed >= settings.rollbackDeadline || (isUrgent && routesAreEverywhere(observation, asked))) return undefined;
  const seen = seenSinceShift(measurement);
  if (seen === undefined)
    return rollingBack(observation, "All traffic was sent back to stable; waiting for metrics to show it.");
  const shift = rollbackShift(observation);
  if (shift === "Shifted" || shift === "Assumed") return undefined;
  const { canary, callers } = seen;
  const left =
    canary === 0 ? "waiting for more requests to show it" : `some still reaches the canary: ${callers.join("; ")}`;
  return rollingBack(observation, `All traffic was sent back to stable; ${left}.`);
}

/** Whoever still called the canary at rollbackDeadline is named once, as its pods go now. */
function withCallersLeft(observation: Observation, release: Release, next: Answer): Answer {
  const { settings, now, measurement } = observation;
  const asked = release.traffic;
  const seen = seenSinceShift(measurement);
  // Once, as it is asked for; not again until it is seen.
  const isLeaving = next.plan.some(({ kind }) => kind === "scaleCanary" || kind === "restoreRoute");
  if (asked?.route !== "Split" || seen === undefined || !isLeaving) return next;
  const { stable, canary, callers } = seen;
  const elapsed = now - parseInstant(asked.routeChangedAt);
  if (elapsed < settings.rollbackDeadline || !isStillCalled(canary, stable + canary)) return next;
  const note = `${renderDuration(settings.rollbackDeadline)} after all traffic was sent back to stable, ${canary} of ${stable + canary} requests still reached the canary: ${callers.join("; ")}. The rollback goes on without them. Check that these callers have sidecars, that their proxies are up to date (istioctl proxy-status), and that no other route leads to the pods.`;
  return {
    ...next,
    transitions: [...next.transitions, { reason: "TrafficNotShifted", key: releaseKey(release, "Rollback"), note }],
  };
}

function canaryGone(observation: Observation, release: Release): Answer | undefined {
  const canary = canaryOf(observation);
  if (canary === undefined || canary.controlledBy === "Deployment" || isRunByUser(observation)) return undefined;
  if (isAllThatServes(observation, release)) {
    const message = "The Deployment is gone or going, so the canary pods serve until another one runs.";
    return rollingBack(observation, message, [], onceGone(observation, release));
  }
  const remove: Action = { kind: "removeCanary", replicaSet: canary.name };
  const shrink: Action = { kind: "scaleCanary", replicaSet: canary.name, replicas: 0 };
  const plan = canary.replicas > 0 ? [shrink] : canary.ready > 0 ? [] : [remove];
  // Routes at rest select by Service, so no canary pod may be an endpoint by then.
  return rollingBack(observation, `Removing the canary pods of release ${release.number}.`, plan);
}

/** Pods may take long to go, and the Deployment with them: its absence is counted from its end, exact to half of it. */
function onceGone({ workload, now, settings }: Observation, release: Release): Release | undefined {
  const counted = now - parseInstant(release.decidedAt ?? release.startedAt);
  if (isProblem(workload) || !workload.deleting || counted < settings.rollbackDeadline / 2) return undefined;
  return { ...release, decidedAt: renderInstant(now) };
}

/**
 * A Deployment that is deleted and created again takes its pods with it, and the new ones take time. One that stays away
 * for rollbackDeadline is not to come back.
 */
function isAllThatServes({ workload, rollout, settings, now }: Observation, release: Release): boolean {
  if (release.reason !== "WorkloadLost" || release.highestWeight === 0 || rollout.deleting) return false;
  if (isProblem(workload))
    return now - parseInstant(release.decidedAt ?? release.startedAt) < settings.rollbackDeadline;
  if (workload.deleting) return true;
  const own = workload.replicaSets.filter(({ controlledBy }) => controlledBy === "Deployment");
  return own.reduce((sum, { available }) => sum + available, 0) < workload.replicas;
}

/** An adoption that was begun and given up has left maxSurge open. */
function surgeRestored(observation: Observation, release: Release): Answer | undefined {
  const { workload } = observation;
  const maxSurge = release.adoption?.maxSurge;
  if (maxSurge === undefined || maxSurge === openSurge || isProblem(workload) || workload.maxSurge !== openSurge)
    return undefined;
  return rollingBack(observation, "Putting maxSurge back as it was.", [{ kind: "restoreSurge", maxSurge }]);
}

/** A revision that was judged, and that no proxy sends to any more, is to be no endpoint when the Service finds all. */
function unfit(observation: Observation, { reason, traffic: asked }: Release): Plan {
  const { traffic } = observation;
  const canary = canaryOf(observation);
  if (rejectsNothing.includes(reason) || asked === undefined || canary?.controlledBy !== "Rollout") return [];
  if (canary.replicas === 0 || isProblem(traffic) || traffic.route.kind !== "Split" || traffic.route.weight !== 0)
    return [];
  return routesAreEverywhere(observation, asked) ? [{ kind: "scaleCanary", replicaSet: canary.name, replicas: 0 }] : [];
}

/** maxSurge for the length of an adoption, as JSON. */
export const openSurge = '"100%"';

function routesRestored(observation: Observation, release: Release): Answer | undefined {
  const { traffic, rollout } = observation;
  const asked = release.traffic;
  if (asked === undefined) return undefined;
  const isSplit = !isProblem(traffic) && traffic.route.kind === "Split";
  if (asked.route === "Split" || isSplit) return restoreRoute(observation, release, asked);
  const isWaiting = !routesAreEverywhere(observation, asked);
  // What cannot be seen is written again, until that has worked at least once.
  const isBlind = isProblem(traffic) && (isWaiting || conditionOf(rollout.status, "Ready")?.reason !== "RollingBack");
  const again: Plan = isBlind
    ? [{ kind: "restoreRoute", original: asked.original }, ...outliersUnseen(observation)]
    : outliersUnseen(observation);
  if (!isWaiting && !isBlind) return undefined;
  return rollingBack(observation, "Routes are as they were; waiting until every proxy has them.", again);
}

function restoreRoute(observation: Observation, release: Release, asked: Asked): Answer {
  const way: Plan = [{ kind: "restoreRoute", original: asked.original }];
  const restored: Release = { ...release, traffic: withRoute(observation, asked, "Rest") };
  return rollingBack(
    observation,
    "Putting the routes back as they were.",
    [
      ...unfit(observation, release),
      ...(hasNoStable(observation) ? leftToService(observation, asked) : way),
      ...outliersUnseen(observation),
    ],
    restored,
  );
}

function outliersRestored(observation: Observation): Answer | undefined {
  const plan = isProblem(observation.traffic) ? [] : outliersToRestore(observation);
  if (plan.length === 0) return undefined;
  return rollingBack(observation, "Putting outlier detection back as it was.", plan);
}

function subsetsRestored(observation: Observation, release: Release): Answer | undefined {
  const asked = release.traffic;
  if (asked === undefined || (asked.subsets === "Rest" && !stillNarrowed(observation))) return undefined;
  const restored: Release = { ...release, traffic: withSubsets(observation, asked, "Rest") };
  const plan: Action[] = [{ kind: "restoreSubsets", original: asked.original }];
  return rollingBack(observation, "Putting the subsets back as they were.", plan, restored);
}

function ended(observation: Observation, release: Release): Answer {
  const rejects = !rejectsNothing.includes(release.reason);
  const note = `${imageOf(observation, "stable")} serves all traffic again. ${imageOf(observation, "canary")}${fromCommit(release.commit)} was given up at weight ${release.highestWeight}: ${whyOf(release)}`;
  const finished = finishRelease(observation, release, rejects);
  return answer(observation, {
    status: finished,
    standing: rejects
      ? {
          kind: "Stalled",
          reason: "RolledBack",
          phase: "RolledBack",
          message: `${note} Fix it with a new revision, revert it, or ask for a retry (serin retry).`,
        }
      : { kind: "Progressing", reason: "Progressing", phase: "Progressing", message: note },
    transitions: [
      { reason: "RolledBack", key: releaseKey(release), note },
      ...toldRestored(observation, release),
      ...supersededAgain(finished.history, release),
    ],
  });
}

function whyOf(release: Release | undefined): string {
  return [release?.reason, release?.explanation].join(". ");
}

function rollingBack(
  observation: Observation,
  message: string,
  plan: readonly Action[] = [],
  release?: Release,
): Answer {
  const why = observation.rollout.status.release;
  return answer(observation, {
    ...(release === undefined ? {} : { status: { release } }),
    standing: {
      kind: "RollingBack",
      reason: "RollingBack",
      phase: "RollingBack",
      message: `${message} Reason: ${whyOf(why)}`,
    },
    plan: [...plan, ...pausedAgain(observation)],
  });
}

/** The rejected template stays held, whoever unpauses it; where the Deployment was made anew nothing was proven yet. */
function pausedAgain(observation: Observation): Action[] {
  const { workload, rollout } = observation;
  if (isProblem(workload) || workload.paused || workload.holdOff || rollout.deleting) return [];
  const isNew = rollout.status.release?.reason === "WorkloadLost" && stableOf(observation) === undefined;
  if (isNew || workload.revision === rollout.status.stable?.revision) return [];
  return [{ kind: "pauseWorkload", paused: true }];
}
