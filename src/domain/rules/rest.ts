import type { RolloutStatus } from "../../api/rollout-status.ts";
import { answer } from "../answer.ts";
import type { Action, Answer } from "../decision.ts";
import { isProblem, type Observation, type TrafficState, type Workload } from "../observation.ts";
import type { Standing } from "../standing.ts";

/** No release: the proven revision serves, and what a release needs is in place. Always answers. */
export function rest(observation: Observation): Answer {
  const { rollout, workload, traffic } = observation;
  if (isProblem(workload) || isProblem(traffic)) {
    const message = isProblem(workload) ? workload.message : isProblem(traffic) ? traffic.message : "";
    return answer(observation, { standing: { kind: "Progressing", reason: "Held", phase: "Held", message } });
  }
  if (rollout.status.release !== undefined) return leaveAlone(observation);
  return answer(observation, {
    status: { handled: acknowledge(observation) },
    standing: standingAtRest(observation, workload),
    plan: upkeep(observation, workload, traffic),
    wakeAfter: undefined,
    transitions: reverted(observation, workload) ? [revertNote(rollout.status, workload)] : [],
  });
}

/** A release in a state that this version does not know: a newer one wrote it and is to end it. */
function leaveAlone(observation: Observation): Answer {
  const message = "The release is in a state that this version of Serin does not know; run the version that began it.";
  return answer(observation, { standing: { kind: "Progressing", reason: "Held", phase: "Held", message } });
}

function revertNote({ stable }: RolloutStatus, { generation }: Workload) {
  const note = `The template is that of the stable revision (${stable?.image ?? ""}) again; nothing is to be released.`;
  return { reason: "Reverted", key: `generation-${generation}`, note } as const;
}

/** Requests that found no release to act on are done with. */
function acknowledge({ rollout }: Observation) {
  const { promote, abort, retry } = rollout.requests;
  const { handled } = rollout.status;
  if (promote === undefined && abort === undefined && retry === undefined) return handled;
  return { ...handled, promote, abort, retry };
}

/** A held Deployment whose template is the proven one again needs no hold any more. */
function reverted({ rollout, settings }: Observation, workload: Workload): boolean {
  return workload.paused && settings.hold === "Policy" && workload.revision === rollout.status.stable?.revision;
}

function upkeep(observation: Observation, workload: Workload, traffic: TrafficState): Action[] {
  const isMissing = traffic.route.kind === "Absent" || traffic.subsets.kind === "Absent";
  const route: Action[] = isMissing ? [{ kind: "createRoute" }] : [];
  const held = observation.rollout.spec?.suspend === true ? withoutHold(workload) : withHold(observation, workload);
  return [...route, ...held];
}

/** Suspended: changes roll out by themselves. */
function withoutHold({ labelled, paused }: Workload): Action[] {
  return [
    ...(labelled ? [{ kind: "releaseWorkload" } as const] : []),
    ...(paused ? [{ kind: "pauseWorkload", paused: false } as const] : []),
  ];
}

function withHold(observation: Observation, workload: Workload): Action[] {
  const { stable } = observation.rollout.status;
  const plan: Action[] = [];
  const isProven = stable !== undefined && workload.revision === stable.revision;
  if (isProven && workload.promotedRevision !== stable.revision)
    plan.push({ kind: "recordPromoted", revision: stable.revision });
  if (reverted(observation, workload)) plan.push({ kind: "pauseWorkload", paused: false });
  if (observation.settings.hold === "Paused" && !workload.paused) plan.push({ kind: "pauseWorkload", paused: true });
  return plan;
}

function standingAtRest({ rollout }: Observation, workload: Workload): Standing {
  const { stable, rejected } = rollout.status;
  const rejection = rejected?.find((candidate) => candidate.revision === workload.revision);
  const serving = stable?.image ?? "";
  if (rollout.spec?.suspend === true) {
    const message = `spec.suspend is set: ${serving} serves, and changes of the Deployment roll out without a release.`;
    return { kind: "Settled", reason: "Suspended", phase: "Suspended", message };
  }
  if (rejection !== undefined && workload.revision !== stable?.revision) {
    const why = explanationOf(rejection.revision, rollout.status);
    const message = `Git wants ${workload.image} (revision ${workload.revision}), rejected at ${rejection.at}: ${rejection.reason}. ${why} ${serving} serves all traffic. Fix it with a new revision, revert it, or ask for a retry (serin retry).`;
    const reason = rejection.reason === "TemplateMutated" ? "TemplateMutated" : "RolledBack";
    return { kind: "Stalled", reason, phase: "RolledBack", message };
  }
  return { kind: "Settled", reason: "Succeeded", phase: "Ready", message: `${serving} serves all traffic.` };
}

function explanationOf(revision: string, { history = [] }: RolloutStatus): string {
  return history.find((entry) => entry.revision === revision)?.explanation ?? "";
}
