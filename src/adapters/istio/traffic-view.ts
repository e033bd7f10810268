import type { Rollout } from "../../api/rollout.ts";
import { isProblem, type Problem, type RouteState, type TrafficState } from "../../domain/observation.ts";
import type { KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import { hasPinnedRoutes, isSame, unsplitGatewayRoutes, unsplitRoutes, type SplitRoutes } from "./callers.ts";
import {
  cancelledPolicy,
  foreignHost,
  hiddenFrom,
  hostClaimed,
  type Reach,
  nameTaken,
  secondDestinationRule,
  serviceClaimed,
  shadowed,
} from "./claims.ts";
import { subsetState, subsetsOf } from "./destination-rule.ts";
import { foreignManager } from "./foreign-manager.ts";
import { generatedDestinationRule, generatedVirtualService, refreshPatch } from "./generated-objects.ts";
import type { ServiceHost } from "./hosts.ts";
import { numberIn, recordsIn } from "./json-value.ts";
import { destinationRules, gatewayRoutes, rollouts, services, virtualServices } from "./mesh-resources.ts";
import { outlierState } from "./outlier-detection.ts";
import { describe, originalsFor, parseOriginal, selectedOf, type Original } from "./original.ts";
import { servicePort, type ServicePort } from "./service-port.ts";
import { danglingSubset, deadPort, destinationRuleProblem, routesProblem } from "./splittable.ts";
import { isOwnedBy, targetOf, type Target } from "./target.ts";
import { httpRoutes, routeState, type HttpRoute } from "./virtual-service.ts";

/** What the router needs. */
export interface IstioRouterDependencies {
  readonly objects: KubernetesObjects;
  /** Namespace whose DestinationRules hold for the whole mesh: istiod's meshConfig.rootNamespace. */
  readonly rootNamespace: string;
  /** The cluster's DNS domain, such as cluster.local. */
  readonly clusterDomain: string;
  /** Those whose Services are known; all when left out or empty. */
  readonly namespaces?: readonly string[];
}

/** The objects around one Rollout, from caches. */
export interface TrafficView {
  readonly rollout: Rollout;
  readonly target: Target;
  readonly service: ServiceHost;
  /** What the release under way found; undefined without a release. */
  readonly recorded: Original | undefined;
  readonly port: ServicePort | Problem;
  /** The Service as it is stored. */
  readonly called: KubernetesObject | undefined;
  /** All that the Service has. */
  readonly ports: readonly number[];
  readonly virtualService: KubernetesObject | undefined;
  readonly destinationRule: KubernetesObject | undefined;
  /** All but the target's own. */
  readonly otherVirtualServices: readonly KubernetesObject[];
  readonly otherDestinationRules: readonly KubernetesObject[];
  /** Whether there is such a Service; undefined where the operator does not see the namespace. */
  readonly isService: Reach["isService"];
  /** All of the namespace, this one included, as they are stored. */
  readonly rollouts: readonly KubernetesObject[];
}

/** Looks at the caches; a Problem where the spec names nothing to look at or Istio is not there. */
export function lookAt(dependencies: IstioRouterDependencies, rollout: Rollout): TrafficView | Problem {
  const { objects, namespaces = [] } = dependencies;
  const recorded = parseOriginal(rollout.status.release?.traffic?.original);
  const target = recorded?.target ?? targetOf(rollout);
  if (target === undefined) return { problem: "InvalidSpec", message: rollout.problems.join(" ") };
  if (!objects.watches(virtualServices) || !objects.watches(destinationRules)) {
    return {
      problem: "TrafficConfigRejected",
      message:
        "The API server has no VirtualServices and DestinationRules of networking.istio.io/v1. Install Istio 1.22 or later.",
    };
  }
  const { namespace } = target;
  const called = objects.cached(services, namespace, target.service);
  const virtualService = objects.cached(virtualServices, namespace, target.virtualService.name);
  const destinationRule = objects.cached(destinationRules, namespace, target.destinationRule.name);
  const others = (own: KubernetesObject | undefined, all: readonly KubernetesObject[]): readonly KubernetesObject[] =>
    own === undefined ? all : all.filter((object) => !isSame(object, own));
  return {
    rollout,
    target,
    service: serviceOf(target, dependencies),
    recorded,
    port: servicePort(called, { namespace, name: target.service }, rollout.spec?.service?.port),
    called,
    ports: recordsIn(called?.spec, "ports").flatMap((port) => numberIn(port, "port") ?? []),
    virtualService,
    destinationRule,
    otherVirtualServices: others(virtualService, objects.cachedAll(virtualServices)),
    otherDestinationRules: others(destinationRule, objects.cachedAll(destinationRules)),
    isService: (where, name) =>
      namespaces.length === 0 || namespaces.includes(where)
        ? objects.cached(services, where, name) !== undefined
        : undefined,
    rollouts: objects.cachedAll(rollouts, namespace),
  };
}

export function serviceOf(target: Target, dependencies: IstioRouterDependencies): ServiceHost {
  return { namespace: target.namespace, name: target.service, domain: dependencies.clusterDomain };
}

/** What the Rollout's generated VirtualService says at rest; undefined while its Service has a problem. */
export function wantedVirtualService(view: TrafficView): KubernetesObject | undefined {
  return isProblem(view.port) ? undefined : generatedVirtualService(view.rollout, view.target, view.port);
}

/** What the Rollout's generated DestinationRule says at rest. */
export function wantedDestinationRule(view: TrafficView, rootNamespace: string): KubernetesObject {
  const carried = cancelledPolicy(view.otherDestinationRules, view.service, rootNamespace);
  return generatedDestinationRule(view.rollout, view.target, carried);
}

/** The state of the mesh for the Rollout, or what a user has to mend. */
export function trafficState(view: TrafficView, dependencies: IstioRouterDependencies): TrafficState | Problem {
  const missing = missingObject(view);
  if (missing !== undefined) return missing;
  const obstacles = obstaclesOf(view, dependencies.rootNamespace);
  // In mid-release nothing may hide how traffic goes: what would have stood in the way is told beside it.
  const [first] = obstacles;
  if (view.recorded === undefined && first !== undefined) return first;
  const { virtualService, destinationRule, target, service } = view;
  const selected = virtualService === undefined ? [] : selectedOf(virtualService, target, service);
  if (virtualService !== undefined && selected.length === 0) {
    const routes = httpRoutes(virtualService, service);
    const gone = routesProblem(virtualService, routes, target.virtualService.routes, service);
    if (gone !== undefined) return gone;
  }
  return {
    route: routeOf(view),
    subsets: destinationRule === undefined ? { kind: "Absent" } : subsetState(subsetsOf(destinationRule)),
    unsplit: [
      ...obstacles.map((obstacle) => obstacle.message.replace(/\.$/, "")),
      ...unsplitCallers(view, selected, dependencies),
    ],
    foreignManager: virtualService && foreignManager(virtualService),
    isPinned: hasPinnedRoutes(...routesBeside(view, selected), service),
    subsetsManager: destinationRule && foreignManager(destinationRule),
    outliers: destinationRule && outlierState(destinationRule, { stable: "stable", canary: "canary" }, view.called),
  };
}

/** Routes by which callers reach the Service past the split of the selected routes, one sentence each. */
export function unsplitCallers(
  view: TrafficView,
  selected: readonly HttpRoute[],
  dependencies: IstioRouterDependencies,
): readonly string[] {
  const { otherDestinationRules, service } = view;
  const { objects, rootNamespace } = dependencies;
  return [
    ...unsplitRoutes(...routesBeside(view, selected), service),
    ...gatewayRoutes
      .filter((resource) => objects.watches(resource))
      .flatMap((resource) => unsplitGatewayRoutes(resource.kind, objects.cachedAll(resource), service)),
    ...hiddenFrom(otherDestinationRules, service, rootNamespace),
  ];
}

/** All VirtualServices, and which routes of them are split. */
function routesBeside(
  { virtualService, otherVirtualServices }: TrafficView,
  selected: readonly HttpRoute[],
): [readonly KubernetesObject[], SplitRoutes | undefined] {
  if (virtualService === undefined) return [otherVirtualServices, undefined];
  const split = { object: virtualService, indexes: selected.map((route) => route.index) };
  return [[virtualService, ...otherVirtualServices], split];
}

function routeOf(view: TrafficView): RouteState {
  const { virtualService, target, service, recorded, rollout } = view;
  if (virtualService === undefined) return { kind: "Absent" };
  const wanted = wantedVirtualService(view);
  const isSettled = recorded === undefined && !rollout.deleting && target.virtualService.generated;
  // A generated one that no longer says what the spec says is as good as none: `createRoute` brings it up to date.
  if (isSettled && wanted !== undefined && refreshPatch(virtualService, wanted).length > 0) return { kind: "Absent" };
  const selected = selectedOf(virtualService, target, service);
  const original = recorded ?? describe(target, service, virtualService, view.destinationRule);
  return routeState(selected, originalsFor(original, selected), rollout.status.release?.traffic);
}

/** A referenced object that is not there. */
export function missingObject(view: TrafficView): Problem | undefined {
  const { target } = view;
  const missing =
    view.virtualService === undefined && !target.virtualService.generated
      ? (["VirtualService", "virtualService"] as const)
      : view.destinationRule === undefined && !target.destinationRule.generated
        ? (["DestinationRule", "destinationRule"] as const)
        : undefined;
  if (missing === undefined) return undefined;
  const [kind, field] = missing;
  return {
    problem: "RouteNotFound",
    message: `spec.traffic.istio.${field}.name: there is no ${kind} ${target.namespace}/${target[field].name}. Write the name of one that is there, or leave ${field} out to have one generated.`,
  };
}

/** What stands in the way of a release that has not begun. */
function obstaclesOf(view: TrafficView, rootNamespace: string): readonly Problem[] {
  const { port, service } = view;
  const found = [
    serviceClaimed(view.rollout, view.rollouts, service),
    isProblem(port) ? port : undefined,
    ...virtualServiceObstacles(view),
    ...destinationRuleObstacles(view),
    secondDestinationRule(view.otherDestinationRules, service, rootNamespace),
  ];
  return found.filter((problem) => problem !== undefined);
}

function virtualServiceObstacles(view: TrafficView): readonly (Problem | undefined)[] {
  const { service, virtualService, destinationRule, target, recorded } = view;
  if (target.virtualService.generated) {
    const wanted = wantedVirtualService(view);
    const { hosts = [], gateways = ["mesh"] } = view.rollout.spec?.traffic.istio ?? {};
    const isForeign = virtualService !== undefined && !isOwnedBy(virtualService, view.rollout);
    return [
      foreignHost(hosts, service, { isForMesh: gateways.includes("mesh"), isService: view.isService }),
      isForeign ? nameTaken("VirtualService", virtualService) : undefined,
      wanted && hostClaimed(wanted, view.otherVirtualServices, service),
    ];
  }
  if (virtualService === undefined) return [];
  const routes = httpRoutes(virtualService, service);
  const problem = routesProblem(virtualService, routes, target.virtualService.routes, service);
  // In mid-release the subsets are there, and only what was recorded tells what they will be.
  const rival = shadowed(virtualService, view.otherVirtualServices, service);
  if (problem !== undefined || recorded !== undefined) return [problem, rival];
  const { subsets } = describe(target, service, virtualService, destinationRule);
  const selected = selectedOf(virtualService, target, service);
  return [
    rival,
    deadPort(virtualService, selected, view.ports, service),
    danglingSubset(virtualService, selected, subsets, target),
  ];
}

function destinationRuleObstacles(view: TrafficView): readonly (Problem | undefined)[] {
  const { service, virtualService, destinationRule, target } = view;
  if (destinationRule === undefined) return [];
  if (target.destinationRule.generated && !isOwnedBy(destinationRule, view.rollout)) {
    return [nameTaken("DestinationRule", destinationRule)];
  }
  return [destinationRuleProblem(destinationRule, virtualService, service)];
}
