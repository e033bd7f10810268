import { renderInstant } from "../../api/instant.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import type { Release, Revision, RolloutStatus } from "../../api/rollout-status.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Answer, Plan, Rule, Transition } from "../decision.ts";
import { finishRelease } from "../history.ts";
import { isProblem, type Observation, type ReplicaSet, type TrafficState, type Workload } from "../observation.ts";
import { routesAreEverywhere } from "../propagation.ts";
import type { Standing } from "../standing.ts";
import { canarySize } from "../steps.ts";
import { canaryOf } from "../replica-sets.ts";
import { isRunByUser } from "./canary.ts";
import { outliersRestored, promoting } from "./hand-back.ts";
import { revisionIn } from "./lifecycle.ts";
import { toldRestored } from "./outliers.ts";
import { correctionOf, ignoreWeights } from "./traffic.ts";
import { holdRelease, progressing, untilKnown, wantedWeight } from "./under-way.ts";
import { replicaSetNameOf } from "../version-names.ts";

/**
 * Where users run all versions themselves, the routes tell which subset serves: that one is stable. Without a release it
 * stays so, whoever writes other weights; while the Rollout is suspended the routes are the user's.
 */
export const watchSubsets: Rule = (observation) => {
  const { rollout, workload, traffic } = observation;
  if (!isRunByUser(observation) || isProblem(workload) || isProblem(traffic)) return undefined;
  const { release, stable } = rollout.status;
  if (rollout.deleting || release !== undefined) return undefined;
  if (stable === undefined || isMoved(observation, traffic, stable)) return meet(observation, workload, traffic);
  return traffic.route.kind === "Rest" ? undefined : keepServing(observation, traffic, stable);
};

/** Whether a person has moved the traffic while the Rollout was suspended. */
function isMoved({ rollout }: Observation, { serving }: TrafficState, { podTemplateHash }: Revision): boolean {
  return rollout.spec?.suspend === true && serving !== undefined && serving !== podTemplateHash;
}

function meet(observation: Observation, workload: Workload, { serving = "" }: TrafficState): Answer {
  const found = workload.replicaSets.find(({ name }) => name === serving);
  if (found === undefined) {
    const message = `The routes go to subset ${serving}, which the DestinationRule does not have or which selects no pods. Send them to a subset that has pods.`;
    const standing: Standing = { kind: "Stalled", reason: "WorkloadNotFound", phase: "Stalled", message };
    return answer(observation, { standing, wakeAfter: undefined });
  }
  const stable = revisionIn(found);
  const note = `Subset ${found.name} (${found.image}) serves and is the stable one; another name in spec.subset is released from now on.`;
  return answer(observation, {
    status: { stable },
    standing: { kind: "Settled", reason: "Succeeded", phase: "Ready", message: note },
    transitions: [
      { reason: "FirstRevision", key: `stable ${stable.revision} ${renderInstant(observation.now)}`, note },
    ],
  });
}

/** Without a release nobody may move traffic between the subsets: what git or a person writes is put back, and told. */
function keepServing(observation: Observation, traffic: TrafficState, stable: Revision): Answer {
  const { rollout, now } = observation;
  const subset = stable.podTemplateHash;
  const plan: Plan = [{ kind: "serveSubset", subset }];
  const message = `Sending all of the share to subset ${subset}, which serves.`;
  const standing: Standing = { kind: "Settled", reason: "Succeeded", phase: "Ready", message };
  const who = traffic.foreignManager;
  const { retired = [], corrections: earlier = [] } = rollout.status.subsets ?? {};
  const correction = who === undefined ? undefined : correctionOf(now, earlier);
  // Without somebody to name it is our own write that has not arrived.
  if (who === undefined || correction === undefined) return answer(observation, { standing, plan });
  const note = `${who} changed the weights without a release; subset ${subset} has all of the share again.`;
  const transitions: Transition[] = [{ reason: "WeightsCorrected", key: `rest ${renderInstant(now)}`, note }];
  if (correction.isConflict) {
    const key = `rest ${correction.corrections.slice(0, 1).join("")}`;
    transitions.push({ reason: "FieldOwnershipConflict", key, note: conflictAdvice(who) });
  }
  return answer(observation, {
    status: { subsets: { retired, corrections: [...correction.corrections] } },
    standing: { ...standing, message: note },
    plan,
    transitions,
  });
}

function conflictAdvice(who: string): string {
  return `${who} keeps changing the weights. A release of subsets is the line spec.subset, the weights are Serin's. ${ignoreWeights}.`;
}

/** The pods are the user's: the release waits until there are enough of them for the weight to come, and says so. */
export function waitForSubset(
  observation: Observation,
  workload: Workload,
  release: Release,
  spec: RolloutSpec,
): Answer | undefined {
  const running = canaryOf(observation);
  if (running === undefined) {
    const message = `The DestinationRule has no subset ${replicaSetNameOf(observation, "canary")} any more. The release goes on by itself when it has.`;
    return holdRelease(observation, release, "CanaryCannotStart", message);
  }
  const weight = wantedWeight(observation, release, spec);
  const size = Math.max(1, canarySize(workload.replicas, weight));
  if (running.available >= size && !running.deleting)
    return subsetReady(observation, release, running) ?? untilKnown(observation, release, spec);
  // Pods that come and go at a weight that was reached do not stop its clock; none at all is for the rules of safety.
  if (release.traffic?.weight === weight && weight > 0) return undefined;
  const why =
    (running.deleting ? `${running.workload} is being deleted` : running.cannotStart) ??
    `${running.available} of its ${running.replicas} pods are available, and weight ${weight} asks for ${size} (stable runs ${workload.replicas}). Scale ${running.workload} or see why its pods are not ready`;
  const message = `Subset ${running.name} is not ready for the traffic: ${why}. The release goes on by itself when it is.`;
  return holdRelease(observation, release, "CanaryCannotStart", message);
}

function subsetReady(observation: Observation, release: Release, running: ReplicaSet): Answer | undefined {
  if (release.canaryReadyAt !== undefined) return undefined;
  const note = `Subset ${running.name} has ${running.available} pods of ${running.image} that are ready.`;
  const at = renderInstant(observation.now);
  return progressing(observation, note, {
    release: { ...release, canaryReadyAt: at },
    transitions: [{ reason: "CanaryReady", key: releaseKey(release, at), note }],
  });
}

/** Ends a promotion: all of the share is the new subset's, by as many destinations as there were before. */
export function finishSubsets(observation: Observation, release: Release): Answer {
  const { traffic, rollout, now } = observation;
  const asked = release.traffic;
  const { canary } = rollout.status;
  if (isProblem(traffic)) return promoting(observation, `Waiting for the routes: ${traffic.message}`);
  if (asked === undefined || canary === undefined) return promoting(observation, "Waiting for the routes.");
  const subset = canary.podTemplateHash;
  const plan: Plan = [{ kind: "serveSubset", subset }];
  if (asked.route === "Split" && (traffic.route.kind !== "Split" || traffic.route.weight !== 100)) {
    return promoting(observation, `Sending all traffic to subset ${subset}.`, [
      { kind: "routeTraffic", weight: 100, original: asked.original },
    ]);
  }
  const message = `Leaving all of the share to subset ${subset}.`;
  if (asked.route === "Split") {
    const settled: Release = { ...release, traffic: { ...asked, route: "Rest", routeChangedAt: renderInstant(now) } };
    return promoting(observation, message, plan, settled);
  }
  if (traffic.route.kind !== "Rest") return promoting(observation, message, plan);
  if (!routesAreEverywhere(observation, asked))
    return promoting(observation, "Routes are as they will be; waiting until every proxy has them.");
  return outliersRestored(observation) ?? promoted(observation, release, canary);
}

const remembered = 10;

function promoted(observation: Observation, release: Release, canary: Revision): Answer {
  const { status } = observation.rollout;
  const evidence = release.withoutEvidence === true ? " There were too few requests for a verdict at some step." : "";
  const subset = canary.podTemplateHash;
  const note = `Subset ${subset} (${canary.image}) serves all of the share. ${release.explanation ?? ""}${evidence}`;
  const reason = release.withoutEvidence === true ? "PromotedWithoutEvidence" : "Promoted";
  const before = status.stable === undefined ? [] : [status.stable.podTemplateHash];
  const retired = [...before, ...(status.subsets?.retired ?? [])].filter(
    (name, at, all) => name !== subset && all.indexOf(name) === at,
  );
  const subsets: RolloutStatus["subsets"] = { retired: retired.slice(0, remembered), corrections: [] };
  return answer(observation, {
    status: { ...finishRelease(observation, release, false), stable: canary, subsets },
    standing: { kind: "Settled", reason: "Succeeded", phase: "Ready", message: note },
    transitions: [{ reason, key: releaseKey(release), note }, ...toldRestored(observation, release)],
  });
}
