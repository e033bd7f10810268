import { parseInstant, renderInstant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Action, Answer, Plan, Rule } from "../decision.ts";
import { finishRelease } from "../history.ts";
import { isProblem, type Observation, type ReplicaSet, type Workload } from "../observation.ts";
import { adoptedOf, canaryOf, stillNarrowed } from "./canary.ts";
import { openSurge } from "./rollback.ts";

/** What the Deployment controller is given before its scaling of the old ReplicaSet is done for it. */
const patience = 5_000;
/** What it is given to adopt the ReplicaSet before the hand-over is looked at again. */
const adoptionPatience = 30_000;

/**
 * Hands the canary's pods to the Deployment without restarting one (docs/adr/0004-adoption.md): surge opened,
 * ReplicaSet handed over, adopted, old one at zero, Deployment unpaused, then routes and subsets as they were. Every
 * stage follows from what is there. Until the hand-over, goBack still has the last word.
 */
export const finishPromotion: Rule = (observation) => {
  const { workload, rollout } = observation;
  const { release } = rollout.status;
  if (release?.decision !== "Promote") return undefined;
  if (isProblem(workload)) return promoting(observation, `Waiting for the Deployment: ${workload.message}`);
  const canary = canaryOf(observation) ?? adoptedOf(observation);
  if (canary === undefined) return promoting(observation, "Waiting for the canary's ReplicaSet to be seen.");
  const kept = keepTraffic(observation, release);
  if (kept !== undefined) return kept;
  switch (canary.controlledBy) {
    case "Rollout":
      return handOver(observation, release, workload, canary);
    case "Nobody":
      return awaitAdoption(observation, release, workload, canary);
    case "Deployment":
      return (
        settle(observation, release, workload, canary) ??
        restore(observation, release) ??
        promoted(observation, release, canary)
      );
  }
};

/** The old pods may go only while nothing is sent to them: whoever changes routes or subsets now is corrected first. */
function keepTraffic(observation: Observation, release: Release): Answer | undefined {
  const { traffic, rollout } = observation;
  const { stable, canary } = rollout.status;
  const asked = release.traffic;
  if (asked?.subsets !== "Narrowed" || isProblem(traffic) || stable === undefined || canary === undefined)
    return undefined;
  const hashes = { stable: stable.podTemplateHash, canary: canary.podTemplateHash };
  const { route, subsets } = traffic;
  if (route.kind === "Absent" || subsets.kind === "Absent")
    return promoting(observation, "Creating the route again.", [{ kind: "createRoute" }]);
  if (subsets.stable !== hashes.stable || subsets.canary !== hashes.canary) {
    return promoting(observation, "Putting the subsets of the release back.", [{ kind: "narrowSubsets", ...hashes }]);
  }
  if (route.kind === "Split" && route.weight === 100) return undefined;
  return promoting(observation, "Sending all traffic to the canary.", [
    { kind: "routeTraffic", weight: 100, original: asked.original },
  ]);
}

function awaitAdoption(observation: Observation, release: Release, { replicas }: Workload, canary: ReplicaSet): Answer {
  const message = `ReplicaSet ${canary.name} was handed over; waiting for the Deployment controller to adopt it.`;
  const again: Plan = [handOverOf(observation, canary, replicas)];
  return promoting(observation, message, isLate(observation, release, adoptionPatience) ? again : []);
}

function handOverOf({ rollout }: Observation, { name, revision }: ReplicaSet, replicas: number): Action {
  const evenIfNewer = rollout.spec?.onNewRevision === "finish";
  return { kind: "handOver", replicaSet: name, replicas, revision, evenIfNewer };
}

function handOver(observation: Observation, release: Release, workload: Workload, canary: ReplicaSet): Answer {
  const { replicas } = workload;
  if (!workload.paused)
    return promoting(observation, "Pausing the Deployment.", [{ kind: "pauseWorkload", paused: true }]);
  if (canary.replicas !== replicas) {
    const plan: Plan = [{ kind: "scaleCanary", replicaSet: canary.name, replicas }];
    return promoting(observation, `Scaling the canary to the Deployment's ${replicas} pods.`, plan);
  }
  if (canary.available !== replicas)
    return promoting(observation, `${canary.available} of ${replicas} canary pods are available; all must be.`);
  const opened = surgeOpened(observation, release, workload);
  if (opened !== undefined) return opened;
  if (workload.observedGeneration < workload.generation)
    return promoting(observation, "Waiting for the Deployment controller to see the Deployment.");
  const plan: Plan = [handOverOf(observation, canary, replicas)];
  return promoting(observation, `Handing ReplicaSet ${canary.name} to the Deployment.`, plan);
}

function surgeOpened(observation: Observation, release: Release, workload: Workload): Answer | undefined {
  const startedAt = renderInstant(observation.now);
  if (release.adoption === undefined) {
    const begun: Release = { ...release, adoption: { startedAt, maxSurge: workload.maxSurge } };
    return promoting(observation, "Recording the Deployment's maxSurge.", [], begun);
  }
  const was = release.adoption.maxSurge;
  if (was === undefined || workload.maxSurge === openSurge) return undefined;
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
    return promoting(observation, message, isCarried && isLate(observation, release, patience) ? sizeDown(old) : []);
  }
  const maxSurge = release.adoption?.maxSurge;
  // A newer template in the Deployment must not roll out by itself: it stays held and is released next.
  const keepPaused = observation.settings.hold === "Paused" || workload.revision !== canary.revision;
  const isUnpaused = keepPaused || !workload.paused;
  const isRestored = maxSurge === undefined || maxSurge === openSurge || workload.maxSurge !== openSurge;
  if (isUnpaused && isRestored && workload.promotedRevision === canary.revision) return undefined;
  const complete: Action = { kind: "completeAdoption", maxSurge, revision: canary.revision, keepPaused };
  return promoting(observation, "Ending the hold of the Deployment.", [complete]);
}

/** Whether the Deployment controller has had its time. */
function isLate({ now }: Observation, { adoption }: Release, time: number): boolean {
  return adoption !== undefined && now - parseInstant(adoption.startedAt) > time;
}

function sizeDown({ name, replicas }: ReplicaSet): Plan {
  return replicas > 0 ? [{ kind: "finishOld", replicaSet: name, replicas }] : [];
}

/**
 * Subset stable first, while it has no traffic; then the routes; then subset canary. What is not seen in the world is
 * done again, and its time to reach every proxy begins again.
 */
function restore(observation: Observation, release: Release): Answer | undefined {
  const asked = release.traffic;
  if (asked === undefined) return undefined;
  if (isProblem(observation.traffic)) return restoreBlindly(observation, release, asked);
  return (
    stableWidened(observation, release, asked) ??
    routesRestored(observation, release, asked) ??
    subsetsRestored(observation, release, asked)
  );
}

type Asked = NonNullable<Release["traffic"]>;

/** What cannot be read is given back as far as it is there. */
function restoreBlindly(observation: Observation, release: Release, asked: Asked): Answer | undefined {
  if (asked.route === "Rest" && asked.subsets === "Rest") return undefined;
  const { original } = asked;
  const plan: Plan = [
    { kind: "restoreRoute", original },
    { kind: "restoreSubsets", original },
  ];
  const next: Release = { ...release, traffic: { ...asked, route: "Rest", subsets: "Rest" } };
  return promoting(observation, "Putting routes and subsets back as far as they are there.", plan, next);
}

function stableWidened(observation: Observation, release: Release, asked: Asked): Answer | undefined {
  const { now, settings, rollout, traffic } = observation;
  const { canary, stable } = rollout.status;
  if (asked.route === "Rest" || isProblem(traffic)) return undefined;
  const isNarrow = traffic.subsets.kind === "Present" && traffic.subsets.stable === stable?.podTemplateHash;
  if (asked.subsets === "Narrowed" || isNarrow) {
    const next: Release = {
      ...release,
      traffic: { ...asked, subsets: "Widened", subsetsChangedAt: renderInstant(now) },
    };
    const plan: Plan = [{ kind: "widenStable", original: asked.original, canary: canary?.podTemplateHash ?? "" }];
    return promoting(observation, "Making subset stable select what it did before the release.", plan, next);
  }
  if (now - parseInstant(asked.subsetsChangedAt) >= settings.propagation) return undefined;
  return promoting(observation, "Waiting until every proxy has the widened subset.");
}

function routesRestored(observation: Observation, release: Release, asked: Asked): Answer | undefined {
  const { now, settings, traffic } = observation;
  if (asked.route === "Split" || (!isProblem(traffic) && traffic.route.kind === "Split")) {
    const next: Release = { ...release, traffic: { ...asked, route: "Rest", routeChangedAt: renderInstant(now) } };
    return promoting(
      observation,
      "Putting the routes back as they were.",
      [{ kind: "restoreRoute", original: asked.original }],
      next,
    );
  }
  if (now - parseInstant(asked.routeChangedAt) >= settings.propagation) return undefined;
  return promoting(observation, "Routes are as they were; waiting until every proxy has them.");
}

function subsetsRestored(observation: Observation, release: Release, asked: Asked): Answer | undefined {
  if (asked.subsets === "Rest" && !stillNarrowed(observation)) return undefined;
  const next: Release = {
    ...release,
    traffic: { ...asked, subsets: "Rest", subsetsChangedAt: renderInstant(observation.now) },
  };
  return promoting(
    observation,
    "Putting the subsets back as they were.",
    [{ kind: "restoreSubsets", original: asked.original }],
    next,
  );
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
