import { parseDuration, parseInstant, renderDuration, renderInstant } from "../../api/instant.ts";
import type { RollbackReason } from "../../api/reasons.ts";
import type { Release } from "../../api/rollout-status.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Action, Answer, Rule, Transition } from "../decision.ts";
import { judgeRelease } from "../evidence.ts";
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
  return (
    reasonToGoBack({ ...observation, measurement: undefined }, release) !== undefined || observation.rollout.deleting
  );
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
  return {
    reason: "Superseded",
    explanation: `Revision ${workload.revision} (${workload.image}) arrived; its release starts next.`,
  };
}

/** Long enough for a cache to show a route that we have just written. */
const routeGrace = 10_000;

function trafficLost({ traffic, now }: Observation, release: Release): Why | undefined {
  const { traffic: asked } = release;
  if (asked === undefined || asked.route === "Rest" || now - parseInstant(asked.routeChangedAt) < routeGrace)
    return undefined;
  if (isProblem(traffic)) return { reason: "TrafficConfigLost", explanation: traffic.message };
  if (traffic.route.kind !== "Absent" && traffic.subsets.kind !== "Absent") return undefined;
  return {
    reason: "TrafficConfigLost",
    explanation: "The VirtualService or the DestinationRule of the release was deleted.",
  };
}

function canaryBroken(observation: Observation, release: Release): Why | undefined {
  const canary = canaryOf(observation);
  if (canary === undefined) return undefined;
  const weight = release.traffic?.weight ?? 0;
  const [crash] = canary.crashes;
  if (crash !== undefined)
    return {
      reason: "CanaryCrashed",
      explanation: `${canary.crashes.length} of the canary's containers crashed: ${crash}.`,
    };
  if (weight > 0 && canary.ready === 0 && canary.replicas > 0) {
    return {
      reason: "CanaryUnavailable",
      explanation: `None of ${canary.replicas} canary pods was ready at weight ${weight}.`,
    };
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
export function rollBack(
  observation: Observation,
  release: Release,
  reason: RollbackReason,
  explanation: string,
): Answer {
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
    traffic:
      release.traffic === undefined
        ? undefined
        : { ...release.traffic, weight: 0, ...(split ? { routeChangedAt: at } : {}) },
  };
  const note = `Sending all traffic back to ${rollout.status.stable?.image ?? "stable"} from weight ${weight}: ${reason}. ${explanation}`;
  const transitions: Transition[] = [{ reason: "RollbackStarted", key: releaseKey(release), note }];
  if (reason === "ErrorRateTooHigh" || reason === "LatencyTooHigh") {
    transitions.unshift({ reason: "AnalysisFailed", key: releaseKey(release), note: `${reason}: ${explanation}` });
  }
  if (reason === "Superseded")
    transitions.unshift({ reason: "Superseded", key: releaseKey(release), note: explanation });
  return answer(observation, {
    status: { release: decided, handled: { ...rollout.status.handled, abort: rollout.requests.abort } },
    standing: { kind: "RollingBack", reason: "RollingBack", phase: "RollingBack", message: note },
    plan: moveBack(decided),
    transitions,
    urgent: true,
  });
}

/** What sends all traffic to stable, where there is a split. */
export function moveBack(release: Release): Action[] {
  const { traffic } = release;
  return traffic?.route === "Split" ? [{ kind: "routeTraffic", weight: 0, original: traffic.original }] : [];
}

/** The ReplicaSet of the canary, while it exists. */
export function canaryOf({ rollout, workload }: Observation): ReplicaSet | undefined {
  const name = rollout.status.canary?.replicaSet;
  if (isProblem(workload) || name === undefined) return undefined;
  return workload.replicaSets.find((candidate) => candidate.name === name);
}
