import { parseDuration, parseInstant, renderInstant, type Milliseconds } from "../../api/instant.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import type { Release } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer, Plan, Rule, Transition } from "../decision.ts";
import { foretell } from "../forecast.ts";
import { isProblem, type Observation, type Problem, type ReplicaSet, type TrafficState } from "../observation.ts";
import { routesAreEverywhere, subsetsAreEverywhere, type Asked } from "../propagation.ts";
import { canarySize } from "../steps.ts";
import { canaryOf } from "../replica-sets.ts";
import { isRunByUser } from "./canary.ts";
import { outlierFlaws } from "./outliers.ts";
import { waitForSubset } from "./subsets.ts";
import { correctSubsets } from "./traffic.ts";
import { holdForUnsplit } from "./unsplit-callers.ts";
import {
  askedToPromote,
  atWeight,
  holdRelease,
  progressing,
  undecided,
  untilKnown,
  wantedWeight,
  weightToCome,
} from "./under-way.ts";

const rehearsalPeriod: Milliseconds = 5_000;

/**
 * Before there is a canary pod, the routes send everything to the subset of the stable pods: a canary pod is an
 * endpoint of the Service as soon as it is ready. Subsets first, then, when every proxy has them, the routes.
 */
export const prepareTraffic: Rule = (observation) => {
  const { rollout, traffic, rehearsal } = observation;
  const { release, canary, stable } = rollout.status;
  if (release === undefined || release.decision !== undefined || canary === undefined || stable === undefined)
    return undefined;
  if (isProblem(traffic)) return refused(observation, release, traffic);
  if (rehearsal !== undefined) return refused(observation, release, rehearsal);
  const asked = release.traffic;
  const begun = begin(observation, release);
  // Their subsets are there, and so are their pods: a subset enters the route with its first weight.
  if (begun !== undefined || asked === undefined || isRunByUser(observation)) return begun;
  const hashes = { stable: stable.podTemplateHash, canary: canary.podTemplateHash };
  return narrow(observation, release, traffic, asked, hashes) ?? split(observation, release, traffic, asked);
};

function refused(observation: Observation, release: Release, { problem, message }: Problem): Answer {
  return rarely(holdRelease(observation, release, problem, message), release);
}

/** What the subsets are to select. */
interface Hashes {
  readonly stable: string;
  readonly canary: string;
}

type PresentSubsets = Extract<TrafficState["subsets"], { kind: "Present" }>;

/** Before a release has touched anything each look is a rehearsal of all its writes; nothing is lost by fewer of them. */
function rarely(held: Answer, { traffic }: Release): Answer {
  return traffic === undefined ? { ...held, wakeAfter: rehearsalPeriod } : held;
}

/** A person can begin a release past what holds it: that is what was asked for then, and no step of it. */
function begin(observation: Observation, release: Release): Answer | undefined {
  const unsplit = holdForUnsplit(observation, release);
  if (unsplit !== undefined && !askedToPromote(observation)) return rarely(unsplit, release);
  const begun = beginTraffic(observation, release);
  if (begun === undefined || unsplit === undefined) return begun;
  const { status, requests } = observation.rollout;
  return { ...begun, status: { ...begun.status, handled: { ...status.handled, promote: requests.promote } } };
}

function beginTraffic(observation: Observation, release: Release): Answer | undefined {
  const { original, now } = observation;
  if (release.traffic !== undefined) return undefined;
  if (original === undefined)
    return holdRelease(observation, release, "RouteNotFound", "The routes cannot be read yet.");
  const at = renderInstant(now);
  const isTheirs = isRunByUser(observation);
  const traffic = {
    subsets: isTheirs ? "Rest" : "Narrowed",
    subsetsChangedAt: at,
    route: isTheirs ? "Split" : "Rest",
    routeChangedAt: at,
    weight: 0,
    original,
    corrections: [],
  } as const;
  const { usual, rollout } = observation;
  const expected = usual && rollout.spec && foretell(rollout.spec, usual);
  const foretold: Transition[] =
    expected === undefined ? [] : [{ reason: "Forecast", key: releaseKey(release), note: `${expected}.` }];
  return progressing(observation, "Recording the routes and subsets as they are.", {
    release: { ...release, usual, traffic: { ...traffic, corrections: [] } },
    transitions: [...foretold, ...outlierFlaws(observation, release)],
  });
}

function narrow(
  observation: Observation,
  release: Release,
  traffic: TrafficState,
  asked: Asked,
  hashes: Hashes,
): Answer | undefined {
  if (traffic.route.kind === "Absent" || traffic.subsets.kind === "Absent") {
    return progressing(observation, "Creating the route.", { plan: [{ kind: "createRoute" }] });
  }
  if (!selects(traffic.subsets, hashes)) {
    const plan: Plan = [{ kind: "narrowSubsets", ...hashes }];
    if (asked.route === "Split") return correctSubsets(observation, release, traffic, asked, plan);
    const message = "Making subset stable select the pods that run now, and subset canary those of the new revision.";
    return progressing(observation, message, { plan });
  }
  if (asked.route === "Split" || subsetsAreEverywhere(observation, asked)) return undefined;
  return progressing(observation, "The subsets are there; waiting until every proxy has them.");
}

function selects(subsets: PresentSubsets, hashes: Hashes): boolean {
  return subsets.stable === hashes.stable && subsets.canary === hashes.canary;
}

function split(observation: Observation, release: Release, { route }: TrafficState, asked: Asked): Answer | undefined {
  const { now } = observation;
  const plan: Plan = [{ kind: "routeTraffic", weight: 0, original: asked.original }];
  if (asked.route === "Rest") {
    const next: Release = { ...release, traffic: { ...asked, route: "Split", routeChangedAt: renderInstant(now) } };
    return progressing(observation, "Sending all traffic to subset stable by name.", { release: next, plan });
  }
  if (asked.weight > 0 || release.canaryCreatedAt !== undefined) return undefined;
  if (route.kind !== "Split")
    return progressing(observation, "Sending all traffic to subset stable by name.", { plan });
  if (routesAreEverywhere(observation, asked)) return undefined;
  return progressing(observation, "All traffic goes to subset stable; waiting until every proxy has that.");
}

/** Canary pods are ready before they get traffic, and as many as the weight to come asks for. */
export const waitForCanary: Rule = (observation) => {
  const { rollout, workload } = observation;
  const open = undecided(observation);
  const { canary } = rollout.status;
  if (open === undefined || canary === undefined) return undefined;
  const { release, spec } = open;
  if (isProblem(workload)) return holdRelease(observation, release, workload.problem, workload.message);
  if (isRunByUser(observation)) return waitForSubset(observation, workload, release, spec);
  const size = canarySize(workload.replicas, weightToCome(observation, release, spec));
  const running = canaryOf(observation);
  if (running?.deleting === true)
    return progressing(observation, `ReplicaSet ${running.name} is being deleted; it is made again when it is gone.`);
  if (running === undefined || isLeftOver(running) || running.controlledBy === "Nobody") {
    // Whatever kept it from being created, an operator that was away included, does not make it late.
    const created: Release = { ...release, canaryCreatedAt: creationTime(observation, release, spec) };
    return progressing(observation, `Starting ${size} canary pods of ${canary.image}.`, {
      release: created,
      plan: [{ kind: "createCanary", canary, replicas: size }],
    });
  }
  return (
    atZero(observation, release, running) ??
    sizeCanary(observation, release, running, sizeInRelease(running, size, workload.replicas)) ??
    untilAvailable(observation, release, running, spec)
  );
};

/** Without pods there is nothing to learn: the release waits until the Deployment has some again. */
function atZero(observation: Observation, release: Release, running: ReplicaSet): Answer | undefined {
  const { workload } = observation;
  if (isProblem(workload) || workload.replicas > 0) return undefined;
  const message = `Deployment ${workload.name} has 0 replicas; the release goes on by itself at its step when there are pods again.`;
  return (
    leaveEmpty(observation, release, workload.name) ??
    sizeCanary(observation, release, running, 0) ??
    held(observation, release, message)
  );
}

/** No pods are wanted, so none are late: those that will be have a deadline of their own. */
function held(observation: Observation, release: Release, message: string): Answer {
  const { spec } = observation.rollout;
  if (spec === undefined || release.canaryCreatedAt === undefined)
    return holdRelease(observation, release, "Held", message);
  const canaryCreatedAt = creationTime(observation, release, spec);
  return holdRelease(observation, { ...release, canaryCreatedAt, canaryReadyAt: undefined }, "Held", message);
}

/** What an earlier release of the same template left may have the canary's very name; it goes when that is created. */
function isLeftOver({ controlledBy, replicas }: ReplicaSet): boolean {
  return controlledBy === "Deployment" && replicas === 0;
}

/** It does not shrink in a release but to the Deployment's own size: what goes now may be needed in a moment. */
function sizeInRelease({ replicas }: ReplicaSet, size: number, most: number): number {
  return Math.min(Math.max(size, replicas), most);
}

function sizeCanary(
  observation: Observation,
  release: Release,
  running: ReplicaSet,
  replicas: number,
): Answer | undefined {
  if (replicas === running.replicas) return undefined;
  return progressing(observation, `Scaling the canary from ${running.replicas} to ${replicas} pods.`, {
    release: running.replicas < replicas ? growing(observation, release) : release,
    plan: [{ kind: "scaleCanary", replicaSet: running.name, replicas }],
  });
}

/** The release when it asks for more pods: they have a deadline of their own. */
export function growing(observation: Observation, release: Release): Release {
  // Asking again for what is not there yet does not give it more time.
  if (release.canaryReadyAt === undefined) return release;
  return { ...release, canaryCreatedAt: renderInstant(observation.now), canaryReadyAt: undefined };
}

/** Before the pods of a Deployment that was scaled to zero are gone: whoever comes back first, stable needs no verdict. */
function leaveEmpty(observation: Observation, release: Release, name: string): Answer | undefined {
  const asked = release.traffic;
  if (asked === undefined || asked.weight === 0) return undefined;
  const message = `Deployment ${name} was scaled to 0; sending all traffic to stable until there are canary pods again.`;
  return progressing(observation, message, {
    release: atWeight(observation, release, 0),
    plan: [{ kind: "routeTraffic", weight: 0, original: asked.original }],
  });
}

function untilAvailable(
  observation: Observation,
  release: Release,
  running: ReplicaSet,
  spec: RolloutSpec,
): Answer | undefined {
  if (running.available >= running.replicas)
    return canaryReady(observation, release, running) ?? untilKnown(observation, release, spec);
  const waiting = onTheClock(observation, release, running, spec);
  // Pods that come and go at a weight that was reached do not stop its clock; too few of them is for the rules of safety.
  if (release.traffic?.weight === wantedWeight(observation, release, spec) && release.traffic.weight > 0) {
    const isClockRunning = running.cannotStart !== undefined && release.canaryReadyAt === undefined;
    if (!isClockRunning || waiting === release) return undefined;
    return progressing(observation, `More canary pods cannot start: ${running.cannotStart}.`, { release: waiting });
  }
  const message = `${running.available} of ${running.replicas} canary pods are available.`;
  return (
    heldUntilStarted(observation, release, running, spec) ?? progressing(observation, message, { release: waiting })
  );
}

/** Pods that something outside the release keeps from starting: said in its words, and not held against the revision. */
export function heldUntilStarted(
  observation: Observation,
  release: Release,
  running: ReplicaSet,
  spec: RolloutSpec,
): Answer | undefined {
  if (running.cannotStart === undefined) return undefined;
  const message = `Canary pods cannot start: ${running.cannotStart}. The release goes on by itself when they can.`;
  return holdRelease(observation, onTheClock(observation, release, running, spec), "CanaryCannotStart", message);
}

/** Each write of the clock is one of the status, so it is exact to this share of progressDeadline. */
const clockShare = 0.1;

/** progressDeadline is for pods that start and do not get ready: the time in which they cannot start is not counted. */
export function onTheClock(
  observation: Observation,
  release: Release,
  running: ReplicaSet,
  spec: RolloutSpec,
): Release {
  const at = renderInstant(observation.now);
  const { canaryReadyAt } = release;
  // Pods that were ready, and are not when the next weight needs them, are waited for anew.
  if (canaryReadyAt !== undefined) return { ...release, canaryCreatedAt: at, canaryReadyAt: undefined };
  if (running.cannotStart === undefined) return release;
  return { ...release, canaryCreatedAt: creationTime(observation, release, spec) };
}

/** Since when pods that cannot be there yet are waited for. */
function creationTime({ now }: Observation, { canaryCreatedAt }: Release, { progressDeadline }: RolloutSpec): string {
  const waited = canaryCreatedAt === undefined ? Infinity : now - parseInstant(canaryCreatedAt);
  const isExact = waited < clockShare * parseDuration(progressDeadline);
  return isExact && canaryCreatedAt !== undefined ? canaryCreatedAt : renderInstant(now);
}

function canaryReady(observation: Observation, release: Release, running: ReplicaSet): Answer | undefined {
  if (release.canaryReadyAt !== undefined) return undefined;
  const note = `${running.available} canary pods of ${running.image} are ready.`;
  const at = renderInstant(observation.now);
  return progressing(observation, note, {
    release: { ...release, canaryReadyAt: at },
    transitions: [{ reason: "CanaryReady", key: releaseKey(release, at), note }],
  });
}
