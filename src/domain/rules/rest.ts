import { holdAnnotation, holdOff } from "../../api/names.ts";
import type { RolloutStatus } from "../../api/rollout-status.ts";
import { answer } from "../answer.ts";
import type { Action, Answer, Transition } from "../decision.ts";
import { isProblem, type Observation, type TrafficState, type Workload } from "../observation.ts";
import { rejectedRevisions, rejectionOf, seenRejections, type Rejection } from "../rejections.ts";
import { revisionWithCommit } from "../revision-with-commit.ts";
import { isNews, type Standing } from "../standing.ts";
import { imageOf } from "../version-names.ts";

/** No release: the proven revision serves, and what a release needs is in place. Always answers. */
export function rest(observation: Observation): Answer {
  const { rollout, workload, traffic } = observation;
  if (isProblem(workload)) return held(observation, workload.message);
  if (isProblem(traffic)) return held(observation, traffic.message);
  // A newer version wrote it and is to end it.
  if (rollout.status.release !== undefined) return held(observation, unknownState);
  return answer(observation, {
    status: { handled: acknowledge(observation), rejected: seenRejections(rollout.status.rejected, workload) },
    standing: standingAtRest(observation, workload),
    plan: upkeep(observation, workload, traffic),
    wakeAfter: undefined,
    transitions: told(observation, workload),
  });
}

const unknownState =
  "The release is in a state that this version of Serin does not know; run the version that began it.";

function held(observation: Observation, message: string): Answer {
  return answer(observation, { standing: { kind: "Progressing", reason: "Held", phase: "Held", message } });
}

/** What people should know of what is done at rest. */
function told(observation: Observation, workload: Workload): Transition[] {
  const key = `generation-${workload.generation}`;
  if (workload.holdOff) {
    const note = standingAtRest(observation, workload).message;
    return isNews(observation, "HoldOff") ? [{ reason: "HoldOff", key, note }] : [];
  }
  if (!isNeedlesslyPaused(observation, workload)) return [];
  if (isNews(observation, "Succeeded")) {
    const serving = imageOf(observation, "stable");
    const note = `The template is that of the stable revision (${serving}) again; nothing is to be released.`;
    return [{ reason: "Reverted", key, note }];
  }
  const note = `Deployment ${workload.name} was paused with the stable template and is unpaused: its changes are held anyway. To keep a release from starting, ask with serin pause.`;
  return [{ reason: "Unpaused", key, note }];
}

/** Requests that found no release to act on are done with. */
function acknowledge({ rollout }: Observation) {
  const { promote, abort, retry } = rollout.requests;
  const { handled } = rollout.status;
  if (promote === undefined && abort === undefined && retry === undefined) return handled;
  return { ...handled, promote, abort, retry };
}

/** A Deployment whose template is the proven one needs no pause where admission holds its changes. */
function isNeedlesslyPaused({ rollout, settings }: Observation, workload: Workload): boolean {
  if (workload.form === "Subsets") return false;
  return workload.paused && settings.hold !== "Paused" && workload.revision === rollout.status.stable?.revision;
}

function upkeep(observation: Observation, workload: Workload, traffic: TrafficState): Action[] {
  if (workload.form === "Subsets") return [];
  const isMissing = traffic.route.kind === "Absent" || traffic.subsets.kind === "Absent";
  const route: Action[] = isMissing ? [{ kind: "createRoute" }] : [];
  const isLifted = observation.rollout.spec?.suspend === true && !isHeldBack(observation, workload);
  return [...route, ...(isLifted ? withoutHold(workload) : withHold(observation, workload))];
}

/** Whether the Deployment waits with a template that does not serve: held, or rejected. Nothing but a person lets that go. */
function isHeldBack({ rollout }: Observation, workload: Workload): boolean {
  return workload.form === "Deployment" && workload.paused && workload.revision !== rollout.status.stable?.revision;
}

/** Suspended: changes roll out by themselves. */
function withoutHold({ labelled, paused, revision }: Workload): Action[] {
  return [
    ...(paused ? [{ kind: "pauseWorkload", paused: false, revision } as const] : []),
    ...(labelled ? [{ kind: "releaseWorkload" } as const] : []),
  ];
}

function withHold(observation: Observation, workload: Workload): Action[] {
  const { stable } = observation.rollout.status;
  const plan: Action[] = [];
  const isProven = stable !== undefined && workload.revision === stable.revision;
  if (isProven && workload.promotedRevision !== stable.revision)
    plan.push({ kind: "recordPromoted", revision: stable.revision });
  const revisions = rejectedRevisions(observation, workload);
  if (revisions.join() !== workload.rejectedRevisions.join()) plan.push({ kind: "recordRejected", revisions });
  // What is held when the switch is thrown stays held, until a person says that it is to roll out.
  if (workload.holdOff) return plan;
  if (isNeedlesslyPaused(observation, workload))
    plan.push({ kind: "pauseWorkload", paused: false, revision: workload.revision });
  if (observation.settings.hold === "Paused" && !workload.paused) plan.push({ kind: "pauseWorkload", paused: true });
  return plan;
}

function standingAtRest(observation: Observation, workload: Workload): Standing {
  const { rollout } = observation;
  const { stable } = rollout.status;
  const serving = imageOf(observation, "stable");
  if (rollout.spec?.suspend === true) return suspended(observation, workload, serving);
  if (workload.holdOff) return unheld(workload, serving);
  const rejection = rejectionOf(observation, workload);
  if (rejection !== undefined && workload.revision !== stable?.revision) {
    return rejected(workload, rejection, serving, rollout.status);
  }
  return { kind: "Settled", reason: "Succeeded", phase: "Ready", message: `${serving} serves all traffic.` };
}

function suspended(observation: Observation, workload: Workload, serving: string): Standing {
  if (isHeldBack(observation, workload)) return suspendedBehindHold(observation, workload, serving);
  const meanwhile =
    workload.form === "Subsets" ? "the routes are yours" : "changes of the Deployment roll out without a release";
  const message = `spec.suspend is set: ${serving} serves, and ${meanwhile}.`;
  return { kind: "Settled", reason: "Suspended", phase: "Suspended", message };
}

function suspendedBehindHold(observation: Observation, workload: Workload, serving: string): Standing {
  const { name, image } = workload;
  const stays = `spec.suspend is set; what was held stays held until git has ${serving} again, or a person annotates Deployment ${name} with ${holdAnnotation}: ${holdOff} and resumes it.`;
  const rejection = rejectionOf(observation, workload);
  if (rejection === undefined) {
    const message = `${image} was held before this Rollout was suspended and stays held: ${serving} serves. ${stays}`;
    return { kind: "Progressing", reason: "Suspended", phase: "Suspended", message };
  }
  const standing = rejected(workload, rejection, serving, observation.rollout.status);
  return { ...standing, message: `${standing.message} ${stays}` };
}

function unheld({ name, image, paused }: Workload, serving: string): Standing {
  const begin = `Annotation ${holdAnnotation}: ${holdOff} of Deployment ${name} switches the hold off: changes roll out without a release.`;
  const message = paused
    ? `${begin} The Deployment is still paused with ${image}; kubectl rollout resume deployment/${name} rolls that out. ${serving} serves.`
    : begin;
  return { kind: "Settled", reason: "HoldOff", phase: "HoldOff", message };
}

function rejected(
  workload: Workload,
  { at, reason, commit }: Rejection,
  serving: string,
  status: RolloutStatus,
): Standing {
  const { image, revision } = workload;
  const how =
    at === undefined
      ? "was rejected by an earlier Rollout"
      : `rejected at ${at}: ${reason}. ${explanationOf(revision, status)}`;
  const named = revisionWithCommit(revision, commit ?? workload.commit);
  const message = `Git wants ${image} (${named}), ${how}. ${serving} serves all traffic. Fix it with a new revision, revert it, or ask for a retry (serin retry).`;
  return {
    kind: "Stalled",
    reason: reason === "TemplateMutated" ? "TemplateMutated" : "RolledBack",
    phase: "RolledBack",
    message,
  };
}

function explanationOf(revision: string, { history = [] }: RolloutStatus): string {
  return history.find((entry) => entry.revision === revision)?.explanation ?? "";
}
