import { parseInstant, renderInstant } from "../../api/instant.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import type { Release, Revision } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer, Plan, Rule } from "../decision.ts";
import { isProblem, type Observation, type ReplicaSet, type SubsetState } from "../observation.ts";
import { canarySize } from "../steps.ts";
import { canaryOf } from "./canary.ts";
import { hold, progressing, wantedWeight } from "./under-way.ts";

/**
 * Before there is a canary pod, the routes send everything to the subset of the stable pods: a canary pod is an
 * endpoint of the Service as soon as it is ready. Subsets first, then, when every proxy has them, the routes.
 */
export const prepareTraffic: Rule = (observation) => {
  const { rollout, traffic, rehearsal } = observation;
  const { release, canary, stable } = rollout.status;
  if (release === undefined || release.decision !== undefined || canary === undefined || stable === undefined)
    return undefined;
  if (isProblem(traffic)) return hold(observation, release, traffic.problem, traffic.message);
  if (rehearsal !== undefined) return hold(observation, release, rehearsal.problem, rehearsal.message);
  return (
    beginTraffic(observation, release) ?? narrow(observation, release, stable, canary) ?? split(observation, release)
  );
};

function beginTraffic(observation: Observation, release: Release): Answer | undefined {
  const { original, now } = observation;
  if (release.traffic !== undefined) return undefined;
  if (original === undefined) return hold(observation, release, "RouteNotFound", "The routes cannot be read yet.");
  const at = renderInstant(now);
  const traffic = {
    subsets: "Narrowed",
    subsetsChangedAt: at,
    route: "Rest",
    routeChangedAt: at,
    weight: 0,
    original,
    corrections: [],
  } as const;
  return progressing(observation, "Recording the routes and subsets as they are.", {
    release: { ...release, traffic: { ...traffic, corrections: [] } },
  });
}

function narrow(observation: Observation, release: Release, stable: Revision, canary: Revision): Answer | undefined {
  const { traffic, now, settings } = observation;
  if (isProblem(traffic) || release.traffic === undefined) return undefined;
  const hashes = { stable: stable.podTemplateHash, canary: canary.podTemplateHash };
  if (traffic.route.kind === "Absent" || traffic.subsets.kind === "Absent") {
    return progressing(observation, "Creating the route.", { plan: [{ kind: "createRoute" }] });
  }
  if (!selects(traffic.subsets, hashes)) {
    const message = "Making subset stable select the pods that run now, and subset canary those of the new revision.";
    return progressing(observation, message, { plan: [{ kind: "narrowSubsets", ...hashes }] });
  }
  if (release.traffic.route === "Split" || now - parseInstant(release.traffic.subsetsChangedAt) >= settings.propagation)
    return undefined;
  return progressing(observation, "The subsets are there; waiting until every proxy has them.");
}

function selects(subsets: SubsetState, hashes: { stable: string; canary: string }): boolean {
  return subsets.kind === "Present" && subsets.stable === hashes.stable && subsets.canary === hashes.canary;
}

function split(observation: Observation, release: Release): Answer | undefined {
  const { traffic, now, settings } = observation;
  const asked = release.traffic;
  if (isProblem(traffic) || asked === undefined) return undefined;
  const plan: Plan = [{ kind: "routeTraffic", weight: 0, original: asked.original }];
  if (asked.route === "Rest") {
    const next: Release = { ...release, traffic: { ...asked, route: "Split", routeChangedAt: renderInstant(now) } };
    return progressing(observation, "Sending all traffic to subset stable by name.", { release: next, plan });
  }
  if (asked.weight > 0 || release.canaryCreatedAt !== undefined) return undefined;
  if (traffic.route.kind !== "Split")
    return progressing(observation, "Sending all traffic to subset stable by name.", { plan });
  if (now - parseInstant(asked.routeChangedAt) >= settings.propagation) return undefined;
  return progressing(observation, "All traffic goes to subset stable; waiting until every proxy has that.");
}

/** Canary pods are ready before they get traffic, and as many as the weight to come asks for. */
export const waitForCanary: Rule = (observation) => {
  const { rollout, workload } = observation;
  const { release, canary } = rollout.status;
  if (release === undefined || release.decision !== undefined || canary === undefined || rollout.spec === undefined)
    return undefined;
  if (isProblem(workload)) return hold(observation, release, workload.problem, workload.message);
  const size = canarySize(workload.replicas, wantedWeight(observation, release, rollout.spec));
  const running = canaryOf(observation);
  if (running === undefined) {
    const created: Release = { ...release, canaryCreatedAt: release.canaryCreatedAt ?? renderInstant(observation.now) };
    return progressing(observation, `Starting ${size} canary pods of ${canary.image}.`, {
      release: created,
      plan: [{ kind: "createCanary", canary, replicas: size }],
    });
  }
  return sizeCanary(observation, release, running, size) ?? untilAvailable(observation, release, running, rollout.spec);
};

function sizeCanary(observation: Observation, release: Release, running: ReplicaSet, size: number): Answer | undefined {
  const isLargerThanAll = !isProblem(observation.workload) && running.replicas > observation.workload.replicas;
  if (running.replicas >= size && !isLargerThanAll) return undefined;
  const grows = running.replicas < size;
  const at = renderInstant(observation.now);
  const wasEmpty = running.replicas === 0 || release.canaryWasEmpty;
  // Asking again for what is not there yet does not give it more time.
  const asked: Release =
    release.canaryReadyAt === undefined
      ? release
      : { ...release, canaryCreatedAt: at, canaryReadyAt: undefined, canaryWasEmpty: wasEmpty || undefined };
  return progressing(observation, `Scaling the canary from ${running.replicas} to ${size} pods.`, {
    ...(grows ? { release: asked } : {}),
    plan: [{ kind: "scaleCanary", replicaSet: running.name, replicas: size }],
  });
}

function untilAvailable(
  observation: Observation,
  release: Release,
  running: ReplicaSet,
  spec: RolloutSpec,
): Answer | undefined {
  if (running.available >= running.replicas) return canaryReady(observation, release, running);
  // Pods that come and go at a weight that was reached do not stop its clock; too few of them is for the rules of safety.
  if (release.traffic?.weight === wantedWeight(observation, release, spec) && release.traffic.weight > 0)
    return undefined;
  if (running.cannotStart !== undefined) {
    const message = `Canary pods cannot start: ${running.cannotStart}. The release goes on by itself when they can.`;
    return hold(observation, release, "CanaryCannotStart", message);
  }
  return progressing(observation, `${running.available} of ${running.replicas} canary pods are available.`);
}

function canaryReady(observation: Observation, release: Release, running: ReplicaSet): Answer | undefined {
  if (release.canaryReadyAt !== undefined) return undefined;
  const note = `${running.available} canary pods of ${running.image} are ready.`;
  return progressing(observation, note, {
    release: { ...release, canaryReadyAt: renderInstant(observation.now), canaryWasEmpty: undefined },
    transitions: [{ reason: "CanaryReady", key: releaseKey(release, running.replicas), note }],
  });
}
