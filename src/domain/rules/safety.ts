import { parseDuration, parseInstant, renderDuration, renderInstant, type Instant } from "../../api/instant.ts";
import { holdAnnotation, holdOff } from "../../api/names.ts";
import type { RollbackReason } from "../../api/reasons.ts";
import type { Release } from "../../api/rollout-status.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Answer, Plan, Rule, Transition } from "../decision.ts";
import { judgeRelease } from "../verdict.ts";
import { tuningFor, type Tuning } from "../outliers/tuning.ts";
import { othersFail, waitsForEjection } from "../outliers/watching.ts";
import { namesAtMost, ofAll } from "../outliers/words.ts";
import { whoAsked } from "../who-asked.ts";
import { isProblem, type Observation, type ReplicaSet } from "../observation.ts";
import { weightOf } from "../steps.ts";
import { canaryOf } from "../replica-sets.ts";
import {
  finishesFirst,
  hasLostStable,
  hasNoStable,
  hasRolledOut,
  isHandedOver,
  isRunByUser,
  othersOf,
} from "./canary.ts";
import { leftToService } from "./hand-back.ts";
import { needsEvidence } from "./second-lever.ts";
import { imageOf, replicaSetNameOf } from "../version-names.ts";

/** Sends all traffic back to stable the moment there is a reason; waits for nothing. */
export const goBack: Rule = (observation) => {
  const { release } = observation.rollout.status;
  if (release === undefined || isHandedOver(observation)) return undefined;
  if (release.decision !== undefined && release.decision !== "Promote") return undefined;
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
    workloadLost(observation) ??
    rolledOut(observation) ??
    stableLost(observation) ??
    holdSwitchedOff(observation) ??
    revisionGone(observation) ??
    trafficLost(observation, release) ??
    interrupted(observation, release) ??
    canaryBroken(observation, release) ??
    analysisFailed(observation, release)
  );
}

/** Whether traffic is to go back now, for a reason that no measurement is needed for: then none is waited for. */
export function mustGoBackUnmeasured(observation: Observation): boolean {
  const { rollout, traffic } = observation;
  const { release } = rollout.status;
  if (release === undefined || isHandedOver(observation)) return false;
  if (release.decision === "Rollback") {
    if (isProblem(traffic) || traffic.route.kind !== "Split") return false;
    // Where the routes cannot be written, how the canary does decides about its pods.
    return hasNoStable(observation) || (traffic.route.weight !== 0 && !needsEvidence(observation, release));
  }
  return rollout.deleting || reasonToGoBack({ ...observation, measurement: undefined }, release) !== undefined;
}

function abortAsked(observation: Observation): Why | undefined {
  const { rollout } = observation;
  const asked = rollout.requests.abort;
  if (asked === undefined || asked === rollout.status.handled?.abort) return undefined;
  return { reason: "Aborted", explanation: `${whoAsked(observation)} asked for it at ${asked}.` };
}

function workloadLost(observation: Observation): Why | undefined {
  const { workload } = observation;
  if (!isProblem(workload)) {
    const explanation = `Deployment ${workload.name} is being deleted, and its pods with it.`;
    return workload.deleting ? { reason: "WorkloadLost", explanation } : undefined;
  }
  // The next subset may come a moment after the line that asks for it.
  const isAskedEarly = isRunByUser(observation) && finishesFirst(observation) && canaryOf(observation) !== undefined;
  if (workload.problem !== "WorkloadNotFound" || isAskedEarly) return undefined;
  return { reason: "WorkloadLost", explanation: workload.message };
}

function rolledOut(observation: Observation): Why | undefined {
  if (!hasRolledOut(observation)) return undefined;
  const running = othersOf(observation).map(({ name, ready }) => `${name} has ${ready} ready pods`);
  return {
    reason: "RolledOutByItself",
    explanation: `The Deployment replaced the stable pods itself: ${running.join(", ")}. Something kept the hold from acting.`,
  };
}

function stableLost(observation: Observation): Why | undefined {
  const { workload } = observation;
  if (isProblem(workload) || workload.replicas > 0 || isHandedOver(observation)) return undefined;
  if (!hasLostStable(observation)) return undefined;
  return {
    reason: "StableLost",
    explanation: `Deployment ${workload.name} was scaled to 0, and ReplicaSet ${replicaSetNameOf(observation, "stable")} was deleted with spec.revisionHistoryLimit 0; write 1 or more to keep a way back.`,
  };
}

function holdSwitchedOff({ workload }: Observation): Why | undefined {
  if (isProblem(workload) || !workload.holdOff) return undefined;
  return {
    reason: "HoldOff",
    explanation: `Annotation ${holdAnnotation} of Deployment ${workload.name} is ${holdOff}; the template stays in it, paused, until somebody runs kubectl rollout resume.`,
  };
}

function revisionGone(observation: Observation): Why | undefined {
  const { rollout, workload } = observation;
  const { canary, stable } = rollout.status;
  if (isProblem(workload) || canary === undefined || workload.revision === canary.revision) return undefined;
  if (workload.revision === stable?.revision) {
    const what = isRunByUser(observation) ? "spec.subset is" : "The template is that of";
    return { reason: "Reverted", explanation: `${what} the stable revision ${stable.revision} again.` };
  }
  // Without its ReplicaSet the canary could not be made any more: the Deployment has another template by now.
  const isThere = canaryOf(observation)?.revision === canary.revision;
  if (finishesFirst(observation) && isThere) return undefined;
  return {
    reason: "Superseded",
    explanation: `Revision ${workload.revision} (${workload.image}) arrived; its release starts next.`,
  };
}

/** Longer than a cache takes to show a route that we have just written. */
const routeGrace = 2_000;

/** A generated object that was deleted is made again; one that the user owns cannot be. */
function trafficLost({ traffic, now }: Observation, { traffic: asked }: Release): Why | undefined {
  if (!isProblem(traffic) || asked === undefined || asked.route === "Rest") return undefined;
  if (now - parseInstant(asked.routeChangedAt) < routeGrace) return undefined;
  return { reason: "TrafficConfigLost", explanation: traffic.message };
}

/** Longer than any write of ours takes to be seen. */
const interruptedAfter = 10_000;

/** Routes at 0 by our own hand although the step's traffic was seen: the decision was carried out but not stored. */
function interrupted({ traffic, now }: Observation, { traffic: asked, stepStartedAt }: Release): Why | undefined {
  if (isProblem(traffic) || asked === undefined || asked.weight === 0 || stepStartedAt === undefined) return undefined;
  if (traffic.route.kind !== "Split" || traffic.route.weight !== 0 || traffic.foreignManager !== undefined)
    return undefined;
  if (now - parseInstant(asked.routeChangedAt) < interruptedAfter) return undefined;
  return {
    reason: "Interrupted",
    explanation: "Traffic had been sent back when the operator stopped; the reason was not stored.",
  };
}

function canaryBroken(observation: Observation, release: Release): Why | undefined {
  const canary = canaryOf(observation);
  const weight = weightOf(release);
  // Without its Deployment's uid an adopted ReplicaSet cannot be told from one that is gone.
  if (canary === undefined && isProblem(observation.workload)) return undefined;
  if (canary === undefined || canary.deleting) return weight > 0 ? canaryGone(observation, weight) : undefined;
  const [crash] = canary.crashes;
  if (crash !== undefined) {
    return {
      reason: "CanaryCrashed",
      explanation: `${canary.crashes.length} of the canary's containers crashed: ${crash}.`,
    };
  }
  if (weight > 0 && servesNothing(observation, canary)) {
    return {
      reason: "CanaryUnavailable",
      explanation: `None of ${canary.replicas} canary pods was ready at weight ${weight}.`,
    };
  }
  return tooLate(observation, release, canary);
}

function servesNothing({ workload }: Observation, canary: ReplicaSet): boolean {
  if (canary.replicas > 0) return canary.ready === 0;
  // Somebody scaled it to zero: its pods are ending, whatever is still counted as ready.
  return !isProblem(workload) && workload.replicas > 0;
}

function canaryGone(observation: Observation, weight: number): Why {
  const name = replicaSetNameOf(observation, "canary");
  const what = isRunByUser(observation) ? `What ran in subset ${name} was deleted` : `ReplicaSet ${name} was deleted`;
  return { reason: "CanaryUnavailable", explanation: `${what} at weight ${weight}.` };
}

function tooLate({ rollout, workload, now }: Observation, release: Release, canary: ReplicaSet): Why | undefined {
  const waitsSince = waitingSince(release);
  if (rollout.spec === undefined || waitsSince === undefined || canary.cannotStart !== undefined) return undefined;
  const deadline = parseDuration(rollout.spec.progressDeadline);
  const size = isProblem(workload) ? undefined : workload.replicas;
  const wanted = release.decision === "Promote" ? (size ?? canary.replicas) : canary.replicas;
  // All of them at last, however late: the next rule notes it. Where none are wanted, none are late.
  const isComplete = size === 0 || (wanted > 0 && canary.available >= wanted);
  if (now - waitsSince < deadline || isComplete) return undefined;
  const explanation = `${canary.available} of ${wanted} canary pods were available after ${renderDuration(deadline)} (spec.progressDeadline).`;
  return { reason: "ProgressDeadlineExceeded", explanation };
}

/** Since when pods are waited for: all that were asked for, and in a promotion all that the Deployment has. */
function waitingSince({ canaryCreatedAt, canaryReadyAt, decision, decidedAt }: Release): Instant | undefined {
  if (canaryReadyAt !== undefined || canaryCreatedAt === undefined) return undefined;
  const begun = decision === "Promote" && decidedAt !== undefined ? [decidedAt, canaryCreatedAt] : [canaryCreatedAt];
  return Math.max(...begun.map((at) => parseInstant(at)));
}

function analysisFailed(observation: Observation, release: Release): Why | undefined {
  const { spec } = observation.rollout;
  if (spec === undefined || release.analysis === undefined) return undefined;
  const others = waitsForEjection(observation) ? othersFail(observation) : undefined;
  if (others !== undefined) return { reason: "ErrorRateTooHigh", explanation: others };
  const judgement = judgeRelease(spec, release);
  if (judgement.verdict !== "Fail" || judgement.failed === undefined) return undefined;
  if (judgement.failed !== "ErrorRateTooHigh") return { reason: judgement.failed, explanation: judgement.sentence };
  const tuning = tuningFor(observation, "canary");
  if (tuning?.kind === "Tune") return undefined;
  const pods = tuning === undefined ? "" : `; ${notTuned(tuning)}`;
  return { reason: judgement.failed, explanation: `${judgement.sentence}${pods}` };
}

/** A few pods that fail for all are worth a look, whether or not anything could be done about them. */
function notTuned({ found, why }: Extract<Tuning, { kind: "No" }>): string {
  const pods = namesAtMost(found.map(({ pod, errors, requests }) => `${pod} (${ofAll(errors, requests)})`));
  return `the failed requests went to ${pods}; outlier detection was not tuned: ${why}`;
}

/** Decides a rollback: the intent is stored and traffic is moved side by side. Final for this release. */
export function rollBack(
  observation: Observation,
  release: Release,
  reason: RollbackReason,
  explanation: string,
): Answer {
  const { rollout, now } = observation;
  const weight = weightOf(release);
  const at = renderInstant(now);
  const isSplit = release.traffic?.route === "Split";
  const back = release.traffic && { ...release.traffic, weight: 0, ...(isSplit ? { routeChangedAt: at } : {}) };
  const decided: Release = { ...release, decision: "Rollback", reason, explanation, decidedAt: at, traffic: back };
  const note = `Sending all traffic back to ${imageOf(observation, "stable")} from weight ${weight}: ${reason}. ${explanation}`;
  // Whoever asked for a retry before this meant a revision that was rejected earlier, not the one that has just failed.
  const { abort, promote, retry } = rollout.requests;
  return answer(observation, {
    status: { release: decided, handled: { ...rollout.status.handled, abort, promote, retry } },
    standing: { kind: "RollingBack", reason: "RollingBack", phase: "RollingBack", message: note },
    plan: moveBack(observation, decided),
    transitions: told(release, reason, explanation, note),
    urgent: true,
  });
}

/** What follows from what was measured. */
const analysisReasons: ReadonlySet<RollbackReason> = new Set([
  "ErrorRateTooHigh",
  "LatencyTooHigh",
  "MetricTooHigh",
  "CheckFailed",
  "CanaryHangs",
  "RequestsLost",
]);

function told(release: Release, reason: RollbackReason, explanation: string, note: string): Transition[] {
  const started: Transition = { reason: "RollbackStarted", key: releaseKey(release), note };
  if (analysisReasons.has(reason)) {
    return [{ reason: "AnalysisFailed", key: releaseKey(release), note: `${reason}: ${explanation}` }, started];
  }
  if (reason === "Superseded") return [{ reason: "Superseded", key: releaseKey(release), note: explanation }, started];
  return [started];
}

/** What sends all traffic to stable, where there is a split; to whatever runs, where stable runs no more. */
export function moveBack(observation: Observation, { traffic }: Release): Plan {
  if (traffic === undefined) return [];
  if (hasNoStable(observation)) return leftToService(observation, traffic);
  return traffic.route === "Split" ? [{ kind: "routeTraffic", weight: 0, original: traffic.original }] : [];
}
