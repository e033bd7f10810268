import { parseInstant, renderInstant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Action, Answer, Plan, Rule } from "../decision.ts";
import { finishRelease } from "../history.ts";
import { isProblem, type Observation, type ReplicaSet, type Workload } from "../observation.ts";
import type { Asked } from "../propagation.ts";
import { adoptedOf, canaryOf, stableOf } from "../replica-sets.ts";
import { finishesFirst, isHandedOver, isLetRoll, isRunByUser } from "./canary.ts";
import { leftToService, promoting, restore, restoreBlindly, restoreRoutes } from "./hand-back.ts";
import { keepTraffic } from "./keep-traffic.ts";
import { revisionIn } from "./lifecycle.ts";
import { toldRestored } from "./outliers.ts";
import { growing, heldUntilStarted, onTheClock } from "./preparation.ts";
import { openSurge } from "./rollback.ts";
import { finishSubsets } from "./subsets.ts";

/** What the Deployment controller is given to adopt the ReplicaSet, and to scale the old one, before it is helped. */
const patience = 5_000;

/**
 * Hands the canary's pods to the Deployment without restarting one (docs/adr/0004-adoption.md): surge opened,
 * ReplicaSet handed over, adopted, old one at zero, Deployment unpaused, then routes and subsets as they were. Every
 * stage follows from what is there. Until the hand-over, goBack still has the last word.
 */
export const finishPromotion: Rule = (observation) => {
  const { workload, rollout } = observation;
  const { release } = rollout.status;
  if (release?.decision !== "Promote") return undefined;
  if (isRunByUser(observation)) return finishSubsets(observation, release);
  if (isProblem(workload)) return promoting(observation, `Waiting for the Deployment: ${workload.message}`);
  const canary = servingOf(observation);
  if (canary === undefined) return awaitReplicaSet(observation, release);
  const kept = leaveLostSubset(observation, release, workload, canary) ?? keepTraffic(observation, release);
  return kept ?? adopt(observation, release, workload, canary);
};

function adopt(observation: Observation, release: Release, workload: Workload, canary: ReplicaSet): Answer {
  if (canary.controlledBy === "Rollout") return handOver(observation, release, workload, canary);
  if (canary.controlledBy === "Nobody") return awaitAdoption(observation, release, workload, canary);
  return (
    holdNewer(observation, release, workload, canary) ??
    settle(observation, release, workload, canary) ??
    restore(observation, release) ??
    promoted(observation, release, workload, canary)
  );
}

/** The canary's ReplicaSet, or the one that the Deployment made of its template after somebody had deleted it. */
function servingOf(observation: Observation): ReplicaSet | undefined {
  const canary = canaryOf(observation);
  return canary === undefined || canary.deleting ? adoptedOf(observation) : canary;
}

/** Whoever has deleted it: the Deployment makes another one, whose pods no subset of this release selects. */
function awaitReplicaSet(observation: Observation, release: Release): Answer {
  const { traffic } = release;
  const given = traffic && isHandedOver(observation) ? restoreBlindly(observation, release, traffic) : undefined;
  return given ?? promoting(observation, "Waiting for the canary's ReplicaSet to be seen.");
}

/**
 * Subset canary selects the pods of a ReplicaSet that is gone, has been replaced, or has no pods while the old ones are
 * there: the Service finds whatever is ready.
 */
function leaveLostSubset(
  observation: Observation,
  release: Release,
  workload: Workload,
  canary: ReplicaSet,
): Answer | undefined {
  const { traffic } = release;
  if (traffic === undefined) return undefined;
  const isThere = canary.name === observation.rollout.status.canary?.replicaSet;
  if (!isThere || isReplaced(workload, canary)) return restoreBlindly(observation, release, traffic);
  const isFreed = canary.controlledBy === "Deployment" && isLetRoll(workload, canary.revision);
  if (!isFreed && !isLeftToService(observation, workload, canary)) return undefined;
  if (traffic.route === "Rest") return leftAgain(observation, traffic);
  const message = `${canary.ready} pods of ${canary.image} are ready; putting the routes back, so that the Service finds the others too.`;
  return restoreRoutes(observation, release, traffic, message);
}

/** Again until it is seen, as long as it is asked for. */
function leftAgain(observation: Observation, traffic: Asked): Answer | undefined {
  const plan = traffic.subsets === "Rest" ? [] : leftToService(observation, traffic);
  return plan.length === 0 ? undefined : promoting(observation, "Leaving the traffic to the Service.", plan);
}

/**
 * Whether the Deployment has the canary, or is about to, and old pods serve better: none of the canary is ready, or the
 * template is stable's again, and the Deployment is about to scale the canary to zero.
 */
function isLeftToService(observation: Observation, workload: Workload, canary: ReplicaSet): boolean {
  const stable = stableOf(observation);
  if (!isHandedOver(observation) || stable === undefined || stable.available === 0) return false;
  return canary.ready === 0 || workload.revision === stable.revision;
}

/** Whether the Deployment has rolled another template out to the end, past the hold: nothing else serves by then. */
function isReplaced({ replicaSets }: Workload, canary: ReplicaSet): boolean {
  if (canary.controlledBy !== "Deployment" || canary.replicas > 0) return false;
  return replicaSets.some(
    ({ controlledBy, name, available }) => controlledBy === "Deployment" && name !== canary.name && available > 0,
  );
}

/**
 * A newer template that rolls out while the routes name the canary would take the pods away that they name. Where the
 * hold is switched off it may, and the routes have been given back by now.
 */
function holdNewer(
  observation: Observation,
  release: Release,
  workload: Workload,
  canary: ReplicaSet,
): Answer | undefined {
  if (!rollsNewer(workload, canary) || release.traffic?.route !== "Split") return undefined;
  const note = `Deployment ${workload.name} began to roll out ${workload.image} while ${canary.image} was being promoted; it is paused, and released next.`;
  const plan: Plan = [
    ...(workload.labelled ? [] : [{ kind: "holdWorkload" } as const]),
    { kind: "pauseWorkload", paused: true },
  ];
  return {
    ...promoting(observation, note, plan),
    transitions: [{ reason: "HoldRestored", key: releaseKey(release, `generation-${workload.generation}`), note }],
  };
}

/** Whether the Deployment rolls another template out by itself. */
function rollsNewer({ paused, revision }: Workload, canary: ReplicaSet): boolean {
  return !paused && revision !== canary.revision;
}

function awaitAdoption(observation: Observation, release: Release, { replicas }: Workload, canary: ReplicaSet): Answer {
  const message = `ReplicaSet ${canary.name} was handed over; waiting for the Deployment controller to adopt it.`;
  const again: Plan = [handOverOf(observation, canary, replicas)];
  return promoting(observation, message, isLate(observation, release) ? again : []);
}

function handOverOf(observation: Observation, { name, revision }: ReplicaSet, replicas: number): Action {
  return { kind: "handOver", replicaSet: name, replicas, revision, evenIfNewer: finishesFirst(observation) };
}

function handOver(observation: Observation, release: Release, workload: Workload, canary: ReplicaSet): Answer {
  const { replicas } = workload;
  if (canary.replicas !== replicas) {
    const plan: Plan = [{ kind: "scaleCanary", replicaSet: canary.name, replicas }];
    const next = canary.replicas < replicas ? growing(observation, release) : release;
    return promoting(observation, `Scaling the canary to the Deployment's ${replicas} pods.`, plan, next);
  }
  if (canary.available !== replicas) return untilComplete(observation, release, canary, replicas);
  if (release.canaryReadyAt === undefined) {
    const ready: Release = { ...release, canaryReadyAt: renderInstant(observation.now) };
    return promoting(observation, `All ${replicas} canary pods are available.`, [], ready);
  }
  const opened = surgeOpened(observation, release, workload);
  if (opened !== undefined) return opened;
  if (workload.observedGeneration < workload.generation)
    return promoting(observation, "Waiting for the Deployment controller to see the Deployment.");
  const plan: Plan = [handOverOf(observation, canary, replicas)];
  return promoting(observation, `Handing ReplicaSet ${canary.name} to the Deployment.`, plan);
}

/** Pods that were all there, and are not when the hand-over needs them, are waited for anew. */
function untilComplete(observation: Observation, release: Release, canary: ReplicaSet, replicas: number): Answer {
  const { spec, problems } = observation.rollout;
  const message = `${canary.available} of ${replicas} canary pods are available; all must be.`;
  if (spec === undefined) {
    const why = [canary.cannotStart, ...problems].filter((text) => text !== undefined).join("; ");
    return promoting(observation, `${message} ${why}`);
  }
  const held = heldUntilStarted(observation, release, canary, spec);
  return held ?? promoting(observation, message, [], onTheClock(observation, release, canary, spec));
}

function surgeOpened(observation: Observation, release: Release, workload: Workload): Answer | undefined {
  const startedAt = renderInstant(observation.now);
  if (release.adoption === undefined) {
    const begun: Release = { ...release, adoption: { startedAt, maxSurge: workload.maxSurge } };
    return promoting(observation, "Recording the Deployment's maxSurge.", [], begun);
  }
  const { maxSurge } = workload;
  if (maxSurge === undefined || maxSurge === openSurge) return undefined;
  if (maxSurge !== release.adoption.maxSurge) {
    const begun: Release = { ...release, adoption: { ...release.adoption, maxSurge } };
    return promoting(observation, `Recording the Deployment's maxSurge, which is ${maxSurge} by now.`, [], begun);
  }
  return promoting(observation, "Opening maxSurge for the length of the adoption.", [
    { kind: "openSurge", was: maxSurge },
  ]);
}

/** Waits until the old pods are gone and ends the hold. */
function settle(
  observation: Observation,
  release: Release,
  workload: Workload,
  canary: ReplicaSet,
): Answer | undefined {
  const old = oldOf(workload, canary);
  if (old !== undefined) {
    const none = canary.available > 0 ? "" : ` None of its ${canary.replicas} pods is available, so the old ones stay.`;
    const message = `The Deployment has adopted ReplicaSet ${canary.name}; waiting for ${old.name} to go to zero.${none}`;
    // The template is stable's again: it is the canary that is to go.
    const isReverted = workload.revision === old.revision && old.name === stableOf(observation)?.name;
    const isToBeHelped = !isReverted && (isLeftSo(workload, canary) || isLate(observation, release));
    return promoting(observation, message, isToBeHelped && canary.available > 0 ? sizeDown(old) : []);
  }
  return endHold(observation, release.adoption?.maxSurge, workload, canary);
}

function endHold(
  observation: Observation,
  maxSurge: string | undefined,
  workload: Workload,
  canary: ReplicaSet,
): Answer | undefined {
  // A newer template in the Deployment must not roll out by itself: it stays held and is released next.
  const keepPaused = observation.settings.hold === "Paused" || workload.revision !== canary.revision;
  const isUnpaused = keepPaused || !workload.paused;
  const isRestored = maxSurge === undefined || maxSurge === openSurge || workload.maxSurge !== openSurge;
  if (isUnpaused && isRestored && workload.promotedRevision === canary.revision) return undefined;
  const complete: Action = { kind: "completeAdoption", maxSurge, revision: canary.revision, keepPaused };
  return promoting(observation, "Ending the hold of the Deployment.", [complete]);
}

/** What runs beside the canary; what the Deployment rolls out by itself, where it may, is not waited for. */
function oldOf(workload: Workload, canary: ReplicaSet): ReplicaSet | undefined {
  if (rollsNewer(workload, canary) || isReplaced(workload, canary)) return undefined;
  return workload.replicaSets.find(
    ({ controlledBy, name, replicas, ready }) =>
      controlledBy === "Deployment" && name !== canary.name && (replicas > 0 || ready > 0),
  );
}

/**
 * Whether the Deployment controller keeps both versions as they are while it is paused: it holds a newer template, or
 * has shrunk them in proportion. Without the old one it gives the canary its full size at once.
 */
function isLeftSo({ revision, replicas, generation, observedGeneration }: Workload, canary: ReplicaSet): boolean {
  return revision !== canary.revision || (observedGeneration >= generation && canary.replicas < replicas);
}

/** Whether the Deployment controller has had its time. */
function isLate({ now }: Observation, { adoption }: Release): boolean {
  return adoption !== undefined && now - parseInstant(adoption.startedAt) > patience;
}

function sizeDown({ name, replicas }: ReplicaSet): Plan {
  return replicas > 0 ? [{ kind: "finishOld", replicaSet: name, replicas }] : [];
}

function promoted(observation: Observation, release: Release, workload: Workload, canary: ReplicaSet): Answer {
  const { status } = observation.rollout;
  const evidence = release.withoutEvidence === true ? " There were too few requests for a verdict at some step." : "";
  const pods = canary.name === status.canary?.replicaSet ? `${canary.ready} pods, none restarted` : "new pods";
  const ending = isReplaced(workload, canary)
    ? "was promoted; the Deployment has rolled another template out since."
    : `serves all traffic with ${pods}.`;
  const note = `${canary.image} (revision ${canary.revision}) ${ending} ${release.explanation ?? ""}${evidence}`;
  const reason = release.withoutEvidence === true ? "PromotedWithoutEvidence" : "Promoted";
  return answer(observation, {
    status: { ...finishRelease(observation, release, false), stable: revisionIn(canary) },
    standing: { kind: "Settled", reason: "Succeeded", phase: "Ready", message: note },
    transitions: [{ reason, key: releaseKey(release), note }, ...toldRestored(observation, release)],
  });
}
