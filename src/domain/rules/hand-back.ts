import { renderInstant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { answer } from "../answer.ts";
import type { Answer, Plan } from "../decision.ts";
import { isProblem, type Observation } from "../observation.ts";
import { routesAreEverywhere, subsetsAreEverywhere, withRoute, withSubsets, type Asked } from "../propagation.ts";
import { conditionOf } from "../standing.ts";
import { stillNarrowed } from "./canary.ts";
import { outliersToRestore } from "./outliers.ts";
import { hashOf } from "../version-names.ts";

/**
 * Subset stable first, while it has no traffic; then the routes; then subset canary. What is not seen in the world is
 * done again, and its time to reach every proxy begins again.
 */
export function restore(observation: Observation, release: Release): Answer | undefined {
  const asked = release.traffic;
  if (asked === undefined) return undefined;
  if (isProblem(observation.traffic)) return restoreBlindly(observation, release, asked);
  return (
    stableWidened(observation, release, asked) ??
    routesRestored(observation, release, asked) ??
    outliersRestored(observation) ??
    subsetsRestored(observation, release, asked)
  );
}

/**
 * What cannot be read, or what nobody serves any more, is given back as far as it is there. The subsets later than the
 * routes here too: a proxy that is told of both at once has no cluster for its routes for a moment.
 */
export function restoreBlindly(observation: Observation, release: Release, asked: Asked): Answer | undefined {
  const { now, traffic } = observation;
  const { original } = asked;
  const routes = { kind: "restoreRoute", original } as const;
  const isWaiting = !routesAreEverywhere(observation, asked);
  if (asked.route === "Split" || (!isWaiting && isUndone(observation))) {
    const subsets = asked.subsets === "Rest" ? "Widened" : asked.subsets;
    const next: Release = {
      ...release,
      traffic: { ...asked, route: "Rest", subsets, routeChangedAt: renderInstant(now) },
    };
    const plan = [routes, ...outliersToRestore(observation)];
    return promoting(observation, "Putting the routes back as far as they are there.", plan, next);
  }
  if (isWaiting) {
    const again: Plan =
      isProblem(traffic) || traffic.route.kind === "Split" ? [routes, ...outliersToRestore(observation)] : [];
    return promoting(observation, "Routes are as they were; waiting until every proxy has them.", again);
  }
  const isSeen = !isProblem(observation.traffic);
  return (isSeen ? outliersRestored(observation) : undefined) ?? subsetsRestored(observation, release, asked);
}

/** Whether what was asked last is not there, or could not be written where it cannot be seen. */
function isUndone({ traffic, rollout }: Observation): boolean {
  if (!isProblem(traffic)) return traffic.route.kind === "Split";
  return conditionOf(rollout.status, "Ready")?.reason !== "Progressing";
}

function stableWidened(observation: Observation, release: Release, asked: Asked): Answer | undefined {
  const { traffic } = observation;
  if (asked.route === "Rest" || isProblem(traffic)) return undefined;
  if (asked.subsets === "Narrowed" || isNarrow(observation)) {
    const next: Release = { ...release, traffic: withSubsets(observation, asked, "Widened") };
    const plan: Plan = [{ kind: "widenStable", original: asked.original, canary: hashOf(observation, "canary") }];
    return promoting(observation, "Making subset stable select what it did before the release.", plan, next);
  }
  if (subsetsAreEverywhere(observation, asked)) return undefined;
  return promoting(observation, "Waiting until every proxy has the widened subset.");
}

function routesRestored(observation: Observation, release: Release, asked: Asked): Answer | undefined {
  const { traffic } = observation;
  if (asked.route === "Split" || (!isProblem(traffic) && traffic.route.kind === "Split"))
    return restoreRoutes(observation, release, asked, "Putting the routes back as they were.");
  if (routesAreEverywhere(observation, asked)) return undefined;
  return promoting(observation, "Routes are as they were; waiting until every proxy has them.");
}

/**
 * What makes the Service find all of its pods: subset stable without its hash, which routes may name that are as they
 * were, and then these. Subset canary stays for the proxies that do not have the routes yet. Empty where it is seen to
 * be so.
 */
export function leftToService(observation: Observation, { original, route }: Asked): Plan {
  const { traffic } = observation;
  const canary = hashOf(observation, "canary");
  const isSplit = route === "Split" || (!isProblem(traffic) && traffic.route.kind === "Split");
  return [
    ...(isNarrow(observation) ? [{ kind: "widenStable", original, canary } as const] : []),
    ...(isSplit ? [{ kind: "restoreRoute", original } as const] : []),
  ];
}

/** Whether subset stable selects stable's hash only. */
function isNarrow({ traffic, rollout }: Observation): boolean {
  const hash = rollout.status.stable?.podTemplateHash;
  return (
    !isProblem(traffic) && traffic.subsets.kind === "Present" && hash !== undefined && traffic.subsets.stable === hash
  );
}

/** The routes only: subsets go when every proxy has these. */
export function restoreRoutes(observation: Observation, release: Release, asked: Asked, message: string): Answer {
  const next: Release = { ...release, traffic: withRoute(observation, asked, "Rest") };
  return promoting(observation, message, leftToService(observation, { ...asked, route: "Split" }), next);
}

/** After the routes: until every proxy has these, the pods that were ejected may be called by way of the subsets. */
export function outliersRestored(observation: Observation): Answer | undefined {
  const plan = outliersToRestore(observation);
  if (plan.length === 0) return undefined;
  return promoting(observation, "Putting outlier detection back as it was.", plan);
}

function subsetsRestored(observation: Observation, release: Release, asked: Asked): Answer | undefined {
  if (asked.subsets === "Rest" && !stillNarrowed(observation)) return undefined;
  const next: Release = { ...release, traffic: withSubsets(observation, asked, "Rest") };
  return promoting(
    observation,
    "Putting the subsets back as they were.",
    [{ kind: "restoreSubsets", original: asked.original }],
    next,
  );
}

/** A promotion that is under way. */
export function promoting(observation: Observation, message: string, plan: Plan = [], release?: Release): Answer {
  return answer(observation, {
    ...(release === undefined ? {} : { status: { release } }),
    standing: { kind: "Progressing", reason: "Progressing", phase: "Promoting", message },
    plan,
  });
}
