import { parseInstant, renderInstant } from "../../api/instant.ts";
import type { Revision } from "../../api/rollout-status.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Action, Answer, Rule } from "../decision.ts";
import { isProblem, type Observation, type ReplicaSet, type TrafficState, type Workload } from "../observation.ts";
import { conditionOf, isNews, type Standing } from "../standing.ts";
import { isHandedOver, isRunByUser } from "./canary.ts";
import { rollBack } from "./safety.ts";

/** Longer than a cache takes to show a write of ours. */
const cacheLag = 10_000;

/** A Rollout that is being deleted gives back routes, subsets and the Deployment, then goes. */
export const letGo: Rule = (observation) => {
  const { rollout, workload, traffic } = observation;
  if (!rollout.deleting) return undefined;
  const standing = {
    kind: "Progressing",
    reason: "LettingGo",
    phase: "LettingGo",
    message: "Giving back traffic and workload.",
  } as const;
  if (!rollout.claimed) return answer(observation, { standing, wakeAfter: undefined });
  const { release } = rollout.status;
  if (release !== undefined) {
    if (release.decision === "Rollback" || isHandedOver(observation)) return undefined;
    return rollBack(observation, release, "RolloutDeleted", "The Rollout was deleted while the release was under way.");
  }
  if (isRunByUser(observation)) {
    const note = "The Rollout was deleted; the routes stay as they serve and are yours.";
    const told = [{ reason: "LetGo", key: "let go", note } as const];
    return answer(observation, { standing, plan: [{ kind: "letGo" }], transitions: told });
  }
  const plan: Action[] = [];
  if (isProblem(traffic) || traffic.route.kind !== "Absent") plan.push({ kind: "removeRoute" });
  plan.push({ kind: "removeSubsets" });
  if (!isProblem(workload)) plan.push(...freeWorkload(observation, workload));
  plan.push({ kind: "letGo" });
  const transition = {
    reason: "LetGo",
    key: "let go",
    note: "The Rollout was deleted; the Deployment rolls out by itself again.",
  } as const;
  return answer(observation, { standing, plan, transitions: [transition] });
};

/**
 * What ends the hold: the proven template first, where another one is held, and only then the pause. One that was never
 * ours is as paused as its owner wants it.
 */
function freeWorkload(observation: Observation, workload: Workload): Action[] {
  const { stable } = observation.rollout.status;
  if (stable === undefined && !workload.labelled) return [];
  const proven = workload.replicaSets.find((candidate) => candidate.name === stable?.replicaSet);
  const holdsAnother = workload.paused && stable !== undefined && workload.revision !== stable.revision;
  const restored = holdsAnother ? proven : undefined;
  const { revision } = restored ?? workload;
  return [
    ...(restored === undefined ? [] : [{ kind: "restoreTemplate", replicaSet: restored.name } as const]),
    ...(workload.paused ? [{ kind: "pauseWorkload", paused: false, revision } as const] : []),
    { kind: "releaseWorkload" },
  ];
}

/** A spec that cannot be understood changes nothing; a promotion that was decided needs none to be finished. */
export const refuseBadSpec: Rule = (observation) => {
  const { rollout } = observation;
  if (rollout.spec !== undefined || rollout.deleting || rollout.status.release?.decision === "Promote")
    return undefined;
  const message = rollout.problems.join("; ");
  const news = isNews(observation, "InvalidSpec");
  return answer(observation, {
    standing: { kind: "Stalled", reason: "InvalidSpec", phase: "Invalid", message },
    transitions: news
      ? [{ reason: "InvalidSpec", key: `generation-${rollout.generation} InvalidSpec`, note: message }]
      : [],
    wakeAfter: undefined,
  });
};

/** The finalizer comes before anything is touched, so that nothing stays behind. */
export const claim: Rule = (observation) => {
  if (observation.rollout.claimed || observation.rollout.deleting) return undefined;
  return answer(observation, {
    standing: {
      kind: "Progressing",
      reason: "Progressing",
      phase: "Starting",
      message: "Looking at the workload for the first time.",
    },
    plan: [{ kind: "claim" }],
  });
};

/** What a user has to mend is said, and nothing is touched. A release that runs is left to the rules of safety. */
export const refuseProblems: Rule = (observation) => {
  const { rollout, workload, traffic } = observation;
  if (rollout.status.release !== undefined) return undefined;
  const problem = isProblem(workload) ? workload : isProblem(traffic) ? traffic : notSupported(workload);
  if (problem === undefined) return undefined;
  const news = isNews(observation, problem.problem);
  const key = `generation-${rollout.generation} ${problem.problem} ${renderInstant(observation.now)}`;
  return answer(observation, {
    standing: { kind: "Stalled", reason: problem.problem, phase: "Stalled", message: problem.message },
    transitions: news ? [{ reason: "InvalidSpec", key, note: problem.message }] : [],
    wakeAfter: undefined,
  });
};

function notSupported(workload: Workload) {
  if (workload.notSupported === undefined) return undefined;
  return { problem: "WorkloadNotSupported", message: workload.notSupported } as const;
}

/**
 * The revision that runs is the stable one when there is nothing to compare it with. The same holds for one that
 * rolled out while nothing held it: it serves, so it is what the next release is compared with.
 */
export const adoptRunningRevision: Rule = (observation) => {
  const { rollout, workload, traffic } = observation;
  if (isProblem(workload) || isProblem(traffic) || rollout.deleting || rollout.status.release !== undefined)
    return undefined;
  const { stable } = rollout.status;
  const running = runningReplicaSet(workload);
  if (stable !== undefined && !hasRolled(workload, stable, running)) return undefined;
  if (running === undefined) return waitForOneRevision(observation, workload);
  const first = revisionIn(running);
  const paused = workload.paused ? " spec.paused of the Deployment is Serin's from now on." : "";
  const note = `${first.image} (revision ${first.revision}) runs and is the stable revision; changes of the pod template are released from now on.${paused}`;
  return answer(observation, {
    status: { stable: first },
    standing: workload.labelled ? served(first) : beingHeld(workload),
    plan: [...whatReleasesNeed(workload, traffic), { kind: "recordPromoted", revision: first.revision }],
    transitions: [{ reason: "FirstRevision", key: `stable ${first.replicaSet} ${running.uid}`, note }],
  });
};

function served({ image }: Revision): Standing {
  return { kind: "Settled", reason: "Succeeded", phase: "Ready", message: `${image} serves all traffic.` };
}

/** Whoever waits for Ready may change the template right after it: the hold comes first. */
function beingHeld({ name, image }: Workload): Standing {
  const message = `${image} serves all traffic; putting the hold on Deployment ${name}.`;
  return { kind: "Progressing", reason: "Progressing", phase: "Starting", message };
}

/** Whether the Deployment has another template than stable, and nothing holds it or it runs already. */
function hasRolled(workload: Workload, stable: Revision, running: ReplicaSet | undefined): boolean {
  if (workload.revision === stable.revision) return false;
  return !workload.paused || running?.revision === workload.revision;
}

/** Until there is one revision that runs, whatever changes rolls out: there is nothing proven to go back to. */
function waitForOneRevision(observation: Observation, workload: Workload): Answer {
  const { name, paused, labelled, replicas } = workload;
  const own = workload.replicaSets.filter(({ controlledBy }) => controlledBy === "Deployment");
  const isIdle = own.every((candidate) => candidate.replicas === 0 && candidate.pods === 0);
  const wait = (message: string, plan: Action[] = []) =>
    answer(observation, {
      standing: { kind: "Progressing", reason: "WorkloadInMidRoll", phase: "Waiting", message },
      plan,
    });
  if (!paused || !isIdle)
    return wait(
      `Deployment ${name} is rolling out; the Rollout begins when one revision runs with all ${replicas} pods, at least one of them available.`,
    );
  // A hold that was restored from a backup, say, keeps even its owner from unpausing it.
  if (labelled)
    return wait(`Deployment ${name} is held although nothing of it runs; unpausing it.`, [
      { kind: "pauseWorkload", paused: false, revision: workload.revision },
    ]);
  return wait(
    `Deployment ${name} is paused by its owner and runs no pods; the Rollout begins when it runs: kubectl rollout resume deployment/${name}.`,
  );
}

function whatReleasesNeed(workload: Workload, traffic: TrafficState): Action[] {
  const hold: Action[] = workload.labelled ? [] : [{ kind: "holdWorkload" }];
  const isRouted = traffic.route.kind !== "Absent" && traffic.subsets.kind !== "Absent";
  return isRouted ? hold : [...hold, { kind: "createRoute" }];
}

/** The one ReplicaSet that serves, when the Deployment is not in the middle of a change. */
function runningReplicaSet(workload: Workload): ReplicaSet | undefined {
  if (workload.observedGeneration < workload.generation) return undefined;
  const own = workload.replicaSets.filter((candidate) => candidate.controlledBy === "Deployment");
  const active = own.filter((candidate) => candidate.replicas > 0 || candidate.pods > 0);
  if (workload.replicas === 0) return own.find((candidate) => candidate.revision === workload.revision);
  const [only, ...others] = active;
  if (only === undefined || others.length > 0 || only.replicas !== workload.replicas) return undefined;
  if (only.available === 0) return undefined;
  return only.revision === workload.revision || workload.paused ? only : undefined;
}

/** A ReplicaSet as the status names it. */
export function revisionIn(replicaSet: ReplicaSet): Revision {
  const { revision, podTemplateHash, workload, image, name } = replicaSet;
  return { revision, replicaSet: name, podTemplateHash, workload, image };
}

/** The label on which the hold depends is put back when somebody takes it off. */
export const keepHold: Rule = (observation) => {
  const { rollout, workload } = observation;
  if (isProblem(workload) || workload.labelled || rollout.deleting) return undefined;
  const { release } = rollout.status;
  if (rollout.spec?.suspend === true && release === undefined) return undefined;
  const note = `The label that holds changes of Deployment ${workload.name} was missing and has been put back.`;
  const minute = Math.floor(observation.now / 60_000);
  const key = release === undefined ? `minute ${minute}` : releaseKey(release, minute);
  const decided = answer(observation, {
    standing: { kind: "Progressing", reason: "Progressing", phase: rollout.status.phase ?? "Ready", message: note },
    plan: [{ kind: "holdWorkload" }],
    transitions: isSettled(observation) ? [{ reason: "HoldRestored", key, note }] : [],
  });
  // A label makes nobody less ready; conditions that changed with it would make every next time look like the first.
  const { conditions, observedGeneration } = rollout.status;
  if (conditions === undefined) return decided;
  // They were judged for the generation of then: with another one kstatus would take them for a spec that nobody looked at.
  return { ...decided, status: { ...decided.status, conditions, observedGeneration } };
};

/** Right after the label was put on, the cache may not show it yet: that it is missing then is no news. */
function isSettled({ rollout, now }: Observation): boolean {
  const settledAt = conditionOf(rollout.status, "Ready")?.lastTransitionTime;
  return settledAt !== undefined && now - parseInstant(settledAt) > cacheLag;
}
