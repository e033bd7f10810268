import { parseInstant, renderInstant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Action, Answer, Plan, Rule } from "../decision.ts";
import { finishRelease } from "../history.ts";
import { isProblem, type Observation, type ReplicaSet, type Workload } from "../observation.ts";
import { stillNarrowed } from "./rollback.ts";
import { canaryOf, rollBack } from "./safety.ts";

/** What the Deployment controller is given before its scaling of the old ReplicaSet is done for it. */
const patience = 5_000;

/**
 * Hands the canary's pods to the Deployment without restarting one (docs/adr/0004-adoption.md): surge opened, ReplicaSet handed over, adopted, old
 * one at zero, Deployment unpaused, then routes and subsets as they were. Every stage follows from what is there.
 */
export const finishPromotion: Rule = (observation) => {
  const { workload, rollout } = observation;
  const { release } = rollout.status;
  if (release?.decision !== "Promote") return undefined;
  if (isProblem(workload)) return promoting(observation, `Waiting for the Deployment: ${workload.message}`);
  const canary = canaryOf(observation);
  if (canary === undefined) return promoting(observation, "Waiting for the canary's ReplicaSet to be seen.");
  switch (canary.controlledBy) {
    case "Rollout":
      return handOver(observation, release, workload, canary);
    case "Nobody":
      return promoting(
        observation,
        `ReplicaSet ${canary.name} was handed over; waiting for the Deployment controller to adopt it.`,
      );
    case "Deployment":
      return (
        settle(observation, release, workload, canary) ??
        restore(observation, release) ??
        promoted(observation, release, canary)
      );
  }
};

function handOver(observation: Observation, release: Release, workload: Workload, canary: ReplicaSet): Answer {
  const { replicas } = workload;
  if (workload.revision !== canary.revision) {
    return rollBack(
      observation,
      { ...release, decision: undefined },
      "Superseded",
      `Revision ${workload.revision} (${workload.image}) arrived before the promotion.`,
    );
  }
  if (!workload.paused)
    return promoting(observation, "Pausing the Deployment.", [{ kind: "pauseWorkload", paused: true }]);
  if (canary.replicas !== replicas) {
    const plan: Plan = [{ kind: "scaleCanary", replicaSet: canary.name, replicas }];
    return promoting(observation, `Scaling the canary to the Deployment's ${replicas} pods.`, plan);
  }
  if (canary.available !== replicas)
    return promoting(observation, `${canary.available} of ${replicas} canary pods are available; all must be.`);
  const opened = openSurge(observation, release, workload);
  if (opened !== undefined) return opened;
  if (workload.observedGeneration < workload.generation)
    return promoting(observation, "Waiting for the Deployment controller to see the Deployment.");
  const plan: Plan = [{ kind: "handOver", replicaSet: canary.name, replicas }];
  return promoting(observation, `Handing ReplicaSet ${canary.name} to the Deployment.`, plan);
}

function openSurge(observation: Observation, release: Release, workload: Workload): Answer | undefined {
  const startedAt = renderInstant(observation.now);
  if (release.adoption === undefined) {
    const begun: Release = { ...release, adoption: { startedAt, maxSurge: workload.maxSurge } };
    return promoting(observation, "Recording the Deployment's maxSurge.", [], begun);
  }
  const was = release.adoption.maxSurge;
  if (was === undefined || workload.maxSurge === '"100%"') return undefined;
  return promoting(observation, "Opening maxSurge for the length of the adoption.", [
    { kind: "openSurge", was: workload.maxSurge ?? was },
  ]);
}

/** Waits until the old pods are gone and ends the hold. */
function settle(
  observation: Observation,
  release: Release,
  workload: Workload,
  canary: ReplicaSet,
): Answer | undefined {
  const old = workload.replicaSets.find(
    (candidate) =>
      candidate.controlledBy === "Deployment" &&
      candidate.name !== canary.name &&
      (candidate.replicas > 0 || candidate.ready > 0),
  );
  if (old !== undefined) {
    const message = `The Deployment has adopted ReplicaSet ${canary.name}; waiting for ${old.name} to go to zero.`;
    const isCarried = canary.available >= workload.replicas;
    return promoting(observation, message, isCarried && isLate(observation, release) ? sizeDown(old) : []);
  }
  const maxSurge = release.adoption?.maxSurge;
  // A newer template in the Deployment must not roll out by itself: it stays held and is released next.
  const keepPaused = observation.settings.hold === "Paused" || workload.revision !== canary.revision;
  const isUnpaused = keepPaused || !workload.paused;
  const isRestored = maxSurge === undefined || workload.maxSurge === maxSurge;
  if (isUnpaused && isRestored && workload.promotedRevision === canary.revision) return undefined;
  const complete: Action = { kind: "completeAdoption", maxSurge, revision: canary.revision, keepPaused };
  return promoting(observation, "Ending the hold of the Deployment.", [complete]);
}

/** Whether the Deployment controller has had its time. */
function isLate({ now }: Observation, { adoption }: Release): boolean {
  return adoption !== undefined && now - parseInstant(adoption.startedAt) > patience;
}

function sizeDown({ name, replicas }: ReplicaSet): Plan {
  return replicas > 0 ? [{ kind: "finishOld", replicaSet: name, replicas }] : [];
}

/** Subset stable first, while it has no traffic; then the routes; then subset canary. */
function restore(observation: Observation, release: Release): Answer | undefined {
  const { traffic, now, settings, rollout } = observation;
  const asked = release.traffic;
  const { canary } = rollout.status;
  if (asked === undefined || canary === undefined || isProblem(traffic)) return undefined;
  const at = renderInstant(now);
  const { original } = asked;
  const waitSince = (changedAt: string, message: string) =>
    now - parseInstant(changedAt) < settings.propagation ? promoting(observation, message) : undefined;
  if (asked.subsets === "Narrowed") {
    const next: Release = { ...release, traffic: { ...asked, subsets: "Widened", subsetsChangedAt: at } };
    return promoting(
      observation,
      "Making subset stable select what it did before the release.",
      [{ kind: "widenStable", original, canary: canary.podTemplateHash }],
      next,
    );
  }
  if (asked.subsets === "Widened" && asked.route === "Split") {
    const wait = waitSince(asked.subsetsChangedAt, "Waiting until every proxy has the widened subset.");
    if (wait !== undefined) return wait;
    const next: Release = { ...release, traffic: { ...asked, route: "Rest", routeChangedAt: at } };
    return promoting(observation, "Putting the routes back as they were.", [{ kind: "restoreRoute", original }], next);
  }
  if (traffic.route.kind === "Split")
    return promoting(observation, "Putting the routes back as they were.", [{ kind: "restoreRoute", original }]);
  if (asked.subsets === "Widened") {
    const wait = waitSince(asked.routeChangedAt, "Routes are as they were; waiting until every proxy has them.");
    if (wait !== undefined) return wait;
    const next: Release = { ...release, traffic: { ...asked, subsets: "Rest", subsetsChangedAt: at } };
    return promoting(
      observation,
      "Putting the subsets back as they were.",
      [{ kind: "restoreSubsets", original }],
      next,
    );
  }
  return stillNarrowed(observation)
    ? promoting(observation, "Waiting until the subsets are seen to be as they were.")
    : undefined;
}

function promoted(observation: Observation, release: Release, canary: ReplicaSet): Answer {
  const { status } = observation.rollout;
  const evidence = release.withoutEvidence === true ? " There were too few requests for a verdict at some step." : "";
  const note = `${canary.image} (revision ${canary.revision}) serves all traffic with ${canary.ready} pods, none restarted. ${release.explanation ?? ""}${evidence}`;
  const reason = release.withoutEvidence === true ? "PromotedWithoutEvidence" : "Promoted";
  return answer(observation, {
    status: { ...finishRelease(observation, release, false), stable: status.canary },
    standing: { kind: "Settled", reason: "Succeeded", phase: "Ready", message: note },
    transitions: [{ reason, key: releaseKey(release), note }],
  });
}

function promoting(observation: Observation, message: string, plan: Plan = [], release?: Release): Answer {
  return answer(observation, {
    ...(release === undefined ? {} : { status: { release } }),
    standing: { kind: "Progressing", reason: "Progressing", phase: "Promoting", message },
    plan,
  });
}
