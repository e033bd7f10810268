import { canonicalJson } from "../canonical-json.ts";
import { releaseKey } from "../answer.ts";
import type { Release } from "../../api/rollout-status.ts";
import type { Rule } from "../decision.ts";
import { isProblem, type Observation, type Workload } from "../observation.ts";
import { stepsOf, weightAt, weightOf } from "../steps.ts";
import { canaryOf, stableOf } from "../replica-sets.ts";
import { isHandedOver, othersOf } from "./canary.ts";
import { progressing, undecided } from "./under-way.ts";

/** A Deployment that is unpaused in mid-release would roll the new template out by itself. */
export const keepPaused: Rule = (observation) => {
  const { rollout, workload } = observation;
  const { release, stable } = rollout.status;
  if (release === undefined || isProblem(workload) || workload.paused || workload.holdOff) return undefined;
  if (isHandedOver(observation)) return undefined;
  if (workload.revision === stable?.revision) return undefined;
  const note = `Deployment ${workload.name} was unpaused in mid-release and is paused again: its template is being released.`;
  return progressing(observation, note, {
    plan: [{ kind: "pauseWorkload", paused: true }],
    transitions: [{ reason: "HoldRestored", key: releaseKey(release, `generation-${workload.generation}`), note }],
  });
};

/** What the Deployment began to roll out while it was unpaused goes again, so that stable gets its pods back. */
export const keepStable: Rule = (observation) => {
  const { workload, rollout } = observation;
  const { release } = rollout.status;
  const stable = stableOf(observation);
  const [begun] = othersOf(observation);
  if (isProblem(workload) || begun === undefined || stable === undefined) return undefined;
  // Where stable has nothing left, what runs instead is all there is.
  if (!isHeld(observation, workload) || stable.replicas === 0 || stable.available === 0) return undefined;
  const note = `Deployment ${workload.name} had begun to roll out by itself: ReplicaSet ${begun.name} goes to zero, and ${stable.name} gets its pods back.`;
  const key = release === undefined ? begun.uid : releaseKey(release, begun.uid);
  return progressing(observation, note, {
    plan: [{ kind: "finishOld", replicaSet: begun.name, replicas: begun.replicas }],
    transitions: [{ reason: "HoldRestored", key, note }],
  });
};

/** A canary that nobody owns would neither be sized nor handed over, and would outlive its Rollout. */
export const keepCanary: Rule = (observation) => {
  const { rollout } = observation;
  const { release } = rollout.status;
  const canary = canaryOf(observation);
  if (release === undefined || release.decision === "Rollback" || isHandedOver(observation)) return undefined;
  if (canary?.controlledBy !== "Nobody" || canary.deleting || release.canaryCreatedAt === undefined) return undefined;
  const note = `ReplicaSet ${canary.name} had lost its ownerReference to Rollout ${rollout.key.name}, and has it again.`;
  return progressing(observation, note, { plan: [{ kind: "ownCanary", replicaSet: canary.name }] });
};

/** Whether the Deployment is paused for us, and its controller knows it. */
function isHeld(observation: Observation, { paused, holdOff, generation, observedGeneration }: Workload): boolean {
  const { release } = observation.rollout.status;
  if (!paused || holdOff || observedGeneration < generation || isHandedOver(observation)) return false;
  return release !== undefined || observation.rollout.spec?.suspend === false;
}

/** Steps that are changed in mid-release are followed from the last one whose weight was reached already. */
export const followSteps: Rule = (observation) => {
  const open = undecided(observation);
  if (open === undefined) return undefined;
  const { release, spec } = open;
  const steps = stepsOf(spec);
  const written = canonicalJson(steps);
  if (release.steps === undefined || release.steps === written) return undefined;
  const reached = weightOf(release);
  // A pause comes after the verdict on its weight: it is gone on from only where it had begun.
  const isCandidate = ({ weight }: (typeof steps)[number]) => weight !== undefined || release.pausedAt !== undefined;
  const stepIndex = Math.max(
    0,
    steps.findLastIndex((step, index) => isCandidate(step) && weightAt(steps, index) <= reached),
  );
  const followed: Release = { ...release, steps: written, stepIndex, pausedAt: undefined, bakingSince: undefined };
  return progressing(observation, `spec.steps changed; going on from step ${stepIndex + 1} at weight ${reached}.`, {
    release: followed,
  });
};
