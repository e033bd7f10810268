import { isProblem, type Problem, type TrafficState } from "../../domain/observation.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { secondDestinationRule, serviceClaimed, shadowed } from "./claims.ts";
import { foreignManager } from "./foreign-manager.ts";
import { outlierState } from "./outlier-detection.ts";
import { deadPort, destinationRuleProblem } from "./splittable.ts";
import { parseSubsetOriginal, sidesOf, type SubsetOriginal } from "./subset-original.ts";
import {
  chosenRoutes,
  servingSubset,
  sharedRoutes,
  sharedState,
  subsetRoutes,
  type SharedRoute,
} from "./subset-routes.ts";
import { servingProblem, subsetRoutesProblem } from "./subset-splittable.ts";
import type { Sides } from "./subset-weights.ts";
import {
  lookAt,
  missingObject,
  unsplitCallers,
  type IstioRouterDependencies,
  type TrafficView,
} from "./traffic-view.ts";
import type { HttpRoute } from "./virtual-service.ts";
import type { Rollout } from "../../api/rollout.ts";

/** The objects around one Rollout that releases between subsets of the user's. */
export interface SubsetView {
  readonly view: TrafficView;
  readonly virtualService: KubernetesObject;
  readonly destinationRule: KubernetesObject;
  readonly recorded: SubsetOriginal | undefined;
  /** Undefined while it is not known which subset serves. */
  readonly sides: Sides | undefined;
}

/** Looks at the caches; a Problem where an object that the spec names is not there. */
export function lookAtSubsets(dependencies: IstioRouterDependencies, rollout: Rollout): SubsetView | Problem {
  const view = lookAt(dependencies, rollout);
  if (isProblem(view)) return view;
  const { virtualService, destinationRule, target } = view;
  const missing = missingObject(view);
  if (missing !== undefined) return missing;
  if (virtualService === undefined || destinationRule === undefined || target.virtualService.generated) {
    const message =
      "With spec.subset nothing is generated. Write your own objects in spec.traffic.istio.virtualService.name and destinationRule.name.";
    return { problem: "RouteNotFound", message };
  }
  const recorded = parseSubsetOriginal(rollout.status.release?.traffic?.original);
  return { view, virtualService, destinationRule, recorded, sides: sidesOf(rollout, recorded) };
}

/** What tells which routes of an object are divided. */
type Looked = Pick<SubsetView, "view" | "recorded" | "sides">;

/** The routes of an object that the Rollout divides, as the object is given. */
export function chosenOf(object: KubernetesObject, { view, recorded, sides }: Looked): readonly HttpRoute[] {
  const { target, service } = view;
  return chosenRoutes(subsetRoutes(object, service, sides), target.virtualService.routes, sides, recorded?.routes);
}

/** The chosen routes with what they were before the release. */
export function sharedOf(object: KubernetesObject, seen: Looked, sides: Sides): readonly SharedRoute[] {
  return sharedRoutes(chosenOf(object, seen), seen.recorded?.routes ?? [], sides.stable);
}

/** The state of the mesh for the Rollout, or what a user has to mend. */
export function subsetTraffic(
  seen: SubsetView,
  rollout: Rollout,
  dependencies: IstioRouterDependencies,
): TrafficState | Problem {
  const { view, virtualService, destinationRule, recorded, sides } = seen;
  const { service, target } = view;
  const chosen = chosenOf(virtualService, seen);
  const gone = subsetRoutesProblem(
    virtualService,
    subsetRoutes(virtualService, service, sides),
    chosen,
    target.virtualService.routes,
    service,
  );
  const dead = recorded === undefined ? deadPort(virtualService, chosen, view.ports, service) : undefined;
  const obstacles = [gone, dead, ...obstaclesOf(seen, dependencies.rootNamespace)].filter(
    (found) => found !== undefined,
  );
  const [first] = obstacles;
  // In mid-release nothing may hide how traffic goes: what would have stood in the way is told beside it.
  if (first !== undefined && (recorded === undefined || chosen.length === 0)) return first;
  const isNew = rollout.status.stable === undefined;
  const unclear = isNew ? servingProblem(virtualService, chosen, service) : undefined;
  if (unclear !== undefined) return unclear;
  return {
    route: sides === undefined ? { kind: "Rest" } : stateOf(seen, sides, rollout),
    subsets: { kind: "Present", stable: undefined, canary: undefined },
    unsplit: [
      ...obstacles.map((obstacle) => obstacle.message.replace(/\.$/, "")),
      ...unsplitCallers(view, chosen, dependencies),
    ],
    foreignManager: foreignManager(virtualService),
    outliers:
      sides &&
      outlierState(destinationRule, { stable: sides.stable, canary: sides.canary ?? sides.stable }, view.called),
    serving: servingSubset(chosen),
  };
}

function stateOf(seen: SubsetView, sides: Sides, { status }: Rollout): TrafficState["route"] {
  const { release } = status;
  // At the end of a promotion the canary's subset is the one that serves.
  const server = release?.decision === "Promote" ? (sides.canary ?? sides.stable) : sides.stable;
  return sharedState(sharedOf(seen.virtualService, seen, sides), sides, release?.traffic, server);
}

function obstaclesOf(
  { view, virtualService, destinationRule }: SubsetView,
  rootNamespace: string,
): readonly (Problem | undefined)[] {
  const { port, service } = view;
  return [
    serviceClaimed(view.rollout, view.rollouts, service),
    isProblem(port) ? port : undefined,
    shadowed(virtualService, view.otherVirtualServices, service),
    destinationRuleProblem(destinationRule, virtualService, service),
    secondDestinationRule(view.otherDestinationRules, service, rootNamespace),
  ];
}
