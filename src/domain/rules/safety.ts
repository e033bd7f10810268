import { parseDuration, parseInstant, renderDuration, renderInstant } from "../../api/instant.ts";
import type { RollbackReason } from "../../api/reasons.ts";
import type { Release } from "../../api/rollout-status.ts";
import { trafficShift } from "../analysis/traffic-shift.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Action, Answer, Rule, Transition } from "../decision.ts";
import { judgeRelease } from "../evidence.ts";
import { finishRelease } from "../history.ts";
import { isProblem, type Observation, type ReplicaSet } from "../observation.ts";

/** Sends all traffic back to stable the moment there is a reason; waits for nothing. */
export const goBack: Rule = (observation) => {
  const { release } = observation.rollout.status;
  if (release === undefined || release.decision !== undefined) return undefined;
  const why = reasonToGoBack(observation, release);
  return why === undefined ? undefined : rollBack(observation, release, why.reason, why.explanation);
};

interface Why {
  readonly reason: RollbackReason;
  readonly explanation: string;
}

/** The first of these that holds is the reason; all but the last need no metrics. */
function reasonToGoBack(observation: Observation, release: Release): Why | undefined {
  return (
    abortAsked(observation) ??
    revisionGone(observation) ??
    trafficLost(observation, release) ??
    canaryBroken(observation, release) ??
    analysisFailed(observation, release)
  );
}

/** Whether there is a reason that no measurement is needed for: then none is waited for. */
export function mustGoBackUnmeasured(observation: Observation): boolean {
  const { release } = observation.rollout.status;
  if (release === undefined) return false;
  if (release.decision !== undefined) return false;
  return reasonToGoBack({ ...observation, measurement: undefined }, release) !== undefined || observation.rollout.deleting;
}

function abortAsked({ rollout }: Observation): Why | undefined {
  const asked = rollout.requests.abort;
  if (asked === undefined || asked === rollout.status.handled?.abort) return undefined;
  return { reason: "Aborted", explanation: `A person asked for it at ${asked}.` };
}

function revisionGone({ rollout, workload }: Observation): Why | undefined {
  const { canary, stable } = rollout.status;
  if (isProblem(workload) || canary === undefined || workload.revision === canary.revision) return undefined;
  if (workload.revision === stable?.revision) {
    return { reason: "Reverted", explanation: `The template is that of the stable revision ${stable.revision} again.` };
  }
  return { reason: "Superseded", explanation: `Revision ${workload.revision} (${workload.image}) arrived; its release starts next.` };
}

/** Long enough for a cache to show a route that we have just written. */
const routeGrace = 10_000;

function trafficLost({ traffic, now }: Observation, release: Release): Why | undefined {
  const { traffic: asked } = release;
  if (asked === undefined || asked.route === "Rest" || now - parseInstant(asked.routeChangedAt) < routeGrace) return undefined;
  if (isProblem(traffic)) return { reason: "TrafficConfigLost", explanation: traffic.message };
  if (traffic.route.kind !== "Absent" && traffic.subsets.kind !== "Absent") return undefined;
  return { reason: "TrafficConfigLost", explanation: "The VirtualService or the DestinationRule of the release was deleted." };
}

function canaryBroken(observation: Observation, release: Release): Why | undefined {
  const canary = canaryOf(observation);
  if (canary === undefined) return undefined;
  const weight = release.traffic?.weight ?? 0;
  const [crash] = canary.crashes;
  if (crash !== undefined) return { reason: "CanaryCrashed", explanation: `${canary.crashes.length} of the canary's containers crashed: ${crash}.` };
  if (weight > 0 && canary.ready === 0 && canary.replicas > 0) {
    return { reason: "CanaryUnavailable", explanation: `None of ${canary.replicas} canary pods was ready at weight ${weight}.` };
  }
  return tooLate(observation, release, canary);
}

function tooLate({ rollout, now }: Observation, release: Release, canary: ReplicaSet): Why | undefined {
  const { canaryCreatedAt, canaryReadyAt } = release;
  if (rollout.spec === undefined || canaryCreatedAt === undefined || canaryReadyAt !== undefined) return undefined;
  const deadline = parseDuration(rollout.spec.progressDeadline);
  if (canary.cannotStart !== undefined || now - parseInstant(canaryCreatedAt) < deadline) return undefined;
  const explanation = `${canary.ready} of ${canary.replicas} canary pods were ready after ${renderDuration(deadline)} (spec.progressDeadline).`;
  return { reason: "ProgressDeadlineExceeded", explanation };
}

function analysisFailed(observation: Observation, release: Release): Why | undefined {
  const { spec } = observation.rollout;
  if (spec === undefined || release.analysis === undefined) return undefined;
  const judgement = judgeRelease(spec, release);
  if (judgement.verdict !== "Fail" || judgement.failed === undefined) return undefined;
  return { reason: judgement.failed, explanation: judgement.sentence };
}

/** Decides a rollback: the intent is stored and traffic is moved side by side. Final for this release. */
export function rollBack(observation: Observation, release: Release, reason: RollbackReason, explanation: string): Answer {
  const { rollout, now } = observation;
  const weight = release.traffic?.weight ?? 0;
  const at = renderInstant(now);
  const split = release.traffic?.route === "Split";
  const decided: Release = {
    ...release,
    decision: "Rollback",
    reason,
    explanation,
    decidedAt: at,
    traffic: release.traffic === undefined ? undefined : { ...release.traffic, weight: 0, ...(split ? { routeChangedAt: at } : {}) },
  };
  const note = `Sending all traffic back to ${rollout.status.stable?.image ?? "stable"} from weight ${weight}: ${reason}. ${explanation}`;
  const transitions: Transition[] = [{ reason: "RollbackStarted", key: releaseKey(release), note }];
  if (reason === "ErrorRateTooHigh" || reason === "LatencyTooHigh") {
    transitions.unshift({ reason: "AnalysisFailed", key: releaseKey(release), note: `${reason}: ${explanation}` });
  }
  if (reason === "Superseded") transitions.unshift({ reason: "Superseded", key: releaseKey(release), note: explanation });
  return answer(observation, {
    status: { release: decided, handled: { ...rollout.status.handled, abort: rollout.requests.abort } },
    standing: { kind: "RollingBack", reason: "RollingBack", phase: "RollingBack", message: note },
    plan: moveBack(decided),
    transitions,
    urgent: true,
  });
}

function moveBack(release: Release): Action[] {
  const { traffic } = release;
  return traffic?.route === "Split" ? [{ kind: "routeTraffic", weight: 0, original: traffic.original }] : [];
}

/**
 * Ends a rollback: traffic seen to be back, canary pods gone, routes and subsets as they were. Each stage begins when
 * the one before is seen in the world, so that a restart resumes where it stopped.
 */
export const finishRollback: Rule = (observation) => {
  const { release } = observation.rollout.status;
  if (release?.decision !== "Rollback") return undefined;
  return (
    trafficBack(observation, release) ??
    canaryGone(observation, release) ??
    routesRestored(observation, release) ??
    subsetsRestored(observation, release) ??
    ended(observation, release)
  );
};

function trafficBack(observation: Observation, release: Release): Answer | undefined {
  const { traffic, settings, now } = observation;
  const asked = release.traffic;
  if (asked?.route !== "Split" || isProblem(traffic) || traffic.route.kind !== "Split") return undefined;
  const wait = (message: string, plan: Action[] = []) => rollingBack(observation, message, plan);
  if (traffic.route.weight !== 0) return wait("Sending all traffic back to stable.", moveBack(release));
  if (release.highestWeight === 0) return undefined;
  const elapsed = now - parseInstant(asked.routeChangedAt);
  if (elapsed >= settings.rollbackDeadline) return undefined;
  const seen = observation.measurement?.kind === "Counts" ? observation.measurement.sinceShift : undefined;
  if (seen === undefined) return wait("All traffic was sent back to stable; waiting for metrics to show it.");
  const shift = trafficShift({ weight: 0, stable: seen.stable, canary: seen.canary, elapsed, deadline: settings.rollbackDeadline });
  return shift === "Shifted" || shift === "Assumed" ? undefined : wait("All traffic was sent back to stable; some still reaches the canary.");
}

function canaryGone(observation: Observation, release: Release): Answer | undefined {
  const canary = canaryOf(observation);
  if (canary?.controlledBy !== "Rollout") return undefined;
  const remove: Action[] =
    canary.replicas > 0
      ? [{ kind: "scaleCanary", replicaSet: canary.name, replicas: 0 }]
      : canary.ready > 0
        ? []
        : [{ kind: "removeCanary", replicaSet: canary.name }];
  // Routes at rest select by Service, so no canary pod may be an endpoint by then.
  return rollingBack(observation, `Removing the canary pods of release ${release.number}.`, remove);
}

function routesRestored(observation: Observation, release: Release): Answer | undefined {
  const { traffic, settings, now } = observation;
  const asked = release.traffic;
  if (asked === undefined || isProblem(traffic)) return undefined;
  if (asked.route === "Split") {
    const restored: Release = { ...release, traffic: { ...asked, route: "Rest", routeChangedAt: renderInstant(now) } };
    const plan: Action[] = [{ kind: "restoreRoute", original: asked.original }];
    return rollingBack(observation, "Putting the routes back as they were.", plan, restored);
  }
  if (traffic.route.kind === "Split") {
    return rollingBack(observation, "Putting the routes back as they were.", [{ kind: "restoreRoute", original: asked.original }]);
  }
  if (now - parseInstant(asked.routeChangedAt) >= settings.propagation) return undefined;
  return rollingBack(observation, "Routes are as they were; waiting until every proxy has them.");
}

function subsetsRestored(observation: Observation, release: Release): Answer | undefined {
  const { traffic } = observation;
  const asked = release.traffic;
  if (asked === undefined || isProblem(traffic)) return undefined;
  if (asked.subsets === "Rest") return stillNarrowed(observation) ? rollingBack(observation, "Waiting until the subsets are seen to be as they were.") : undefined;
  const restored: Release = { ...release, traffic: { ...asked, subsets: "Rest", subsetsChangedAt: renderInstant(observation.now) } };
  return rollingBack(observation, "Putting the subsets back as they were.", [{ kind: "restoreSubsets", original: asked.original }], restored);
}

function ended(observation: Observation, release: Release): Answer {
  const { rollout } = observation;
  const { canary, stable } = rollout.status;
  const rejects = release.reason !== "Superseded" && release.reason !== "Reverted" && release.reason !== "RolloutDeleted";
  const note = `${stable?.image ?? "stable"} serves all traffic again. ${canary?.image ?? "The canary"} was given up at weight ${release.highestWeight}: ${release.reason ?? ""}. ${release.explanation ?? ""}`;
  return answer(observation, {
    status: finishRelease(observation, release, rejects),
    standing: rejects
      ? { kind: "Stalled", reason: "RolledBack", phase: "RolledBack", message: `${note} Fix it with a new revision, revert it, or ask for a retry.` }
      : { kind: "Progressing", reason: "Progressing", phase: "Progressing", message: note },
    plan: surgeRestored(observation, release),
    transitions: [{ reason: "RolledBack", key: releaseKey(release), note }],
  });
}

/** An adoption that was begun and given up has left maxSurge open. */
function surgeRestored({ workload }: Observation, release: Release): Action[] {
  const maxSurge = release.adoption?.maxSurge;
  if (maxSurge === undefined || isProblem(workload) || workload.maxSurge === maxSurge) return [];
  return [{ kind: "restoreSurge", maxSurge }];
}

function rollingBack(observation: Observation, message: string, plan: Action[] = [], release?: Release): Answer {
  const why = observation.rollout.status.release;
  return answer(observation, {
    ...(release === undefined ? {} : { status: { release } }),
    standing: {
      kind: "RollingBack",
      reason: "RollingBack",
      phase: "RollingBack",
      message: `${message} Reason: ${why?.reason ?? ""}. ${why?.explanation ?? ""}`,
    },
    plan,
  });
}

/**
 * Whether the subsets still select the canary's pods as far as caches show. The next release records what it finds, so
 * none ends before its own traces are gone.
 */
export function stillNarrowed({ traffic, rollout }: Observation): boolean {
  const hash = rollout.status.canary?.podTemplateHash;
  return hash !== undefined && !isProblem(traffic) && traffic.subsets.kind === "Present" && traffic.subsets.canary === hash;
}

/** The ReplicaSet of the canary, while it exists. */
export function canaryOf({ rollout, workload }: Observation): ReplicaSet | undefined {
  const name = rollout.status.canary?.replicaSet;
  if (isProblem(workload) || name === undefined) return undefined;
  return workload.replicaSets.find((candidate) => candidate.name === name);
}
