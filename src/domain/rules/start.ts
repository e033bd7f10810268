import { renderInstant } from "../../api/instant.ts";
import type { Release, Revision } from "../../api/rollout-status.ts";
import { answer, releaseKey } from "../answer.ts";
import { canonicalJson } from "../canonical-json.ts";
import type { Answer, Rule } from "../decision.ts";
import { isProblem, type Observation, type Workload } from "../observation.ts";
import { askedToRetry, rejectionOf } from "../rejections.ts";
import { revisionWithCommit } from "../revision-with-commit.ts";
import { stepsOf } from "../steps.ts";
import { hasLostStable, isRunByUser } from "./canary.ts";
import { revisionIn } from "./lifecycle.ts";
import { refuseUnsplit } from "./unsplit-callers.ts";

/** A held template that is not the stable one, and was not rejected, is released. */
export const startRelease: Rule = (observation) => {
  const { rollout } = observation;
  const ground = releasable(observation);
  if (ground === undefined) return undefined;
  const { spec, workload, traffic, stable } = ground;
  if (workload.replicas === 0 && !isRunByUser(observation)) return adoptWithoutRelease(observation, workload);
  if (hasLostStable(observation)) return letThrough(observation, workload);
  const refused = refuseUnsplit(observation, traffic.unsplit);
  if (refused !== undefined) return refused;
  const number = (rollout.status.releases ?? 0) + 1;
  const at = renderInstant(observation.now);
  const steps = canonicalJson(stepsOf(spec));
  const { commit } = workload;
  const origin = commit === undefined ? {} : { commit };
  const started: Release = { number, startedAt: at, ...origin, steps, stepIndex: 0, highestWeight: 0 };
  const weights = stepsOf(spec).flatMap((step) => step.weight ?? []);
  const note = `Release ${number}: ${stable.image} → ${workload.image} (${revisionWithCommit(workload.revision, commit)}), by ${weights.join(", ")} % of the traffic.`;
  return answer(observation, {
    status: {
      release: started,
      releases: number,
      canary: canaryRevision(workload, stable),
      // A request to go on was meant for the release before this one.
      handled: { ...rollout.status.handled, promote: rollout.requests.promote, retry: rollout.requests.retry },
    },
    standing: { kind: "Progressing", reason: "Progressing", phase: "Progressing", message: note },
    transitions: [{ reason: "ReleaseStarted", key: releaseKey(started), note }],
  });
};

/** What a release would begin with; undefined while there is nothing to release. */
function releasable(observation: Observation) {
  const { rollout, workload, traffic } = observation;
  const { spec, status } = rollout;
  const { stable, release } = status;
  if (spec === undefined || rollout.deleting || release !== undefined || stable === undefined) return undefined;
  if (spec.suspend || isProblem(workload) || isProblem(traffic)) return undefined;
  if (!isHeld(workload) || workload.revision === stable.revision || isRejected(observation, workload)) return undefined;
  return { spec, workload, traffic, stable };
}

/** Whether its template stays where it is until it is released: what is being deleted has no use for a release. */
function isHeld({ paused, holdOff, deleting }: Workload): boolean {
  return paused && !holdOff && !deleting;
}

/** Whether the template was rolled back before and nobody asked to try it again. */
function isRejected(observation: Observation, workload: Workload): boolean {
  return rejectionOf(observation, workload) !== undefined && !askedToRetry(observation);
}

/** An object's name has 253 characters at most, and a ReplicaSet's ends with slot and revision: `-a-` and ten more. */
const longestStem = 240;

/**
 * Names alternate, so that stable and canary are two workloads in every Istio metric: Istio calls a workload after its
 * ReplicaSet less the hash.
 */
function canaryRevision(workload: Workload, stable: Revision): Revision {
  const theirs = workload.replicaSets.find(
    ({ controlledBy, revision }) => controlledBy === "User" && revision === workload.revision,
  );
  if (theirs !== undefined) return revisionIn(theirs);
  const stem = workload.name.slice(0, longestStem);
  const slot = stable.workload === `${stem}-a` ? "b" : "a";
  const name = `${stem}-${slot}`;
  return {
    revision: workload.revision,
    replicaSet: `${name}-${workload.revision}`,
    podTemplateHash: workload.revision,
    workload: name,
    image: workload.image,
  };
}

/** Nothing runs, so there is nothing to compare: the new template simply becomes the one that would. */
function adoptWithoutRelease(observation: Observation, workload: Workload): Answer {
  const message = `Deployment ${workload.name} has 0 replicas; revision ${workload.revision} needs no release.`;
  return answer(observation, {
    standing: { kind: "Progressing", reason: "Progressing", phase: "Progressing", message },
    plan: [{ kind: "pauseWorkload", paused: false, revision: workload.revision, atSize: 0 }],
  });
}

/** Stable cannot serve any more, and while the template is held nothing else does. */
function letThrough(observation: Observation, { name, revision }: Workload): Answer {
  const message = `The stable ReplicaSet of Deployment ${name} is gone and nothing runs; revision ${revision} rolls out without a release.`;
  return answer(observation, {
    standing: { kind: "Progressing", reason: "Progressing", phase: "Progressing", message },
    plan: [{ kind: "pauseWorkload", paused: false, revision }],
  });
}
