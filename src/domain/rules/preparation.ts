import { parseInstant, renderInstant } from "../../api/instant.ts";
import type { Release, Revision } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer, Plan, Rule } from "../decision.ts";
import { isProblem, type Observation, type ReplicaSet, type SubsetState } from "../observation.ts";
import { canarySize, stepsOf, weightAt } from "../steps.ts";
import { canaryOf } from "./safety.ts";
import { hold, progressing } from "./under-way.ts";

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

/** Canary pods are ready before they get traffic, and as many as the weight asks for. */
export const waitForCanary: Rule = (observation) => {
  const { rollout, workload } = observation;
  const { release, canary } = rollout.status;
  if (release === undefined || release.decision !== undefined || canary === undefined || rollout.spec === undefined)
    return undefined;
  if (isProblem(workload)) return hold(observation, release, workload.problem, workload.message);
  const size = canarySize(workload.replicas, weightAt(stepsOf(rollout.spec), release.stepIndex));
  const running = canaryOf(observation);
  if (running === undefined) {
    const created: Release = { ...release, canaryCreatedAt: release.canaryCreatedAt ?? renderInstant(observation.now) };
    return progressing(observation, `Starting ${size} canary pods of ${canary.image}.`, {
      release: created,
      plan: [{ kind: "createCanary", canary, replicas: size }],
    });
  }
  return sizeCanary(observation, release, running, size) ?? canaryReady(observation, release, running);
};

function sizeCanary(observation: Observation, release: Release, running: ReplicaSet, size: number): Answer | undefined {
  const shrinks =
    running.replicas > size && !isProblem(observation.workload) && running.replicas <= observation.workload.replicas;
  if (running.replicas !== size && !shrinks) {
    return progressing(observation, `Scaling the canary from ${running.replicas} to ${size} pods.`, {
      plan: [{ kind: "scaleCanary", replicaSet: running.name, replicas: size }],
    });
  }
  if (running.available >= running.replicas) return undefined;
  // Pods that come and go later in a step do not stop its clock; too few of them is for the rules of safety.
  if (release.stepStartedAt !== undefined && running.available > 0) return undefined;
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
    release: { ...release, canaryReadyAt: renderInstant(observation.now) },
    transitions: [{ reason: "CanaryReady", key: releaseKey(release), note }],
  });
}
