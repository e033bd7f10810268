import { parseInstant, renderInstant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { trafficShift } from "../analysis/traffic-shift.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Action, Answer, Rule } from "../decision.ts";
import { finishRelease } from "../history.ts";
import { isProblem, type Observation } from "../observation.ts";
import { canaryOf, moveBack } from "./safety.ts";

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
  const stray = strayTraffic(observation, now - parseInstant(asked.routeChangedAt), settings.rollbackDeadline);
  return stray === undefined ? undefined : wait(stray);
}

/** Why it cannot be said yet that all traffic is back; undefined when it is, or at the deadline. */
function strayTraffic({ measurement }: Observation, elapsed: number, deadline: number): string | undefined {
  if (elapsed >= deadline) return undefined;
  const seen = measurement?.kind === "Counts" ? measurement.sinceShift : undefined;
  if (seen === undefined) return "All traffic was sent back to stable; waiting for metrics to show it.";
  const shift = trafficShift({ weight: 0, stable: seen.stable, canary: seen.canary, elapsed, deadline });
  const isBack = shift === "Shifted" || shift === "Assumed";
  return isBack ? undefined : "All traffic was sent back to stable; some still reaches the canary.";
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
    return rollingBack(observation, "Putting the routes back as they were.", [
      { kind: "restoreRoute", original: asked.original },
    ]);
  }
  if (now - parseInstant(asked.routeChangedAt) >= settings.propagation) return undefined;
  return rollingBack(observation, "Routes are as they were; waiting until every proxy has them.");
}

function subsetsRestored(observation: Observation, release: Release): Answer | undefined {
  const { traffic } = observation;
  const asked = release.traffic;
  if (asked === undefined || isProblem(traffic)) return undefined;
  if (asked.subsets === "Rest")
    return stillNarrowed(observation)
      ? rollingBack(observation, "Waiting until the subsets are seen to be as they were.")
      : undefined;
  const restored: Release = {
    ...release,
    traffic: { ...asked, subsets: "Rest", subsetsChangedAt: renderInstant(observation.now) },
  };
  return rollingBack(
    observation,
    "Putting the subsets back as they were.",
    [{ kind: "restoreSubsets", original: asked.original }],
    restored,
  );
}

function ended(observation: Observation, release: Release): Answer {
  const { rollout } = observation;
  const { canary, stable } = rollout.status;
  const rejects =
    release.reason !== "Superseded" && release.reason !== "Reverted" && release.reason !== "RolloutDeleted";
  const note = `${stable?.image ?? "stable"} serves all traffic again. ${canary?.image ?? "The canary"} was given up at weight ${release.highestWeight}: ${release.reason ?? ""}. ${release.explanation ?? ""}`;
  return answer(observation, {
    status: finishRelease(observation, release, rejects),
    standing: rejects
      ? {
          kind: "Stalled",
          reason: "RolledBack",
          phase: "RolledBack",
          message: `${note} Fix it with a new revision, revert it, or ask for a retry.`,
        }
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
  return (
    hash !== undefined && !isProblem(traffic) && traffic.subsets.kind === "Present" && traffic.subsets.canary === hash
  );
}
