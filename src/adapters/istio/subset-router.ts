import type { Rollout } from "../../api/rollout.ts";
import { isProblem, type Problem } from "../../domain/observation.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import type { TrafficAction, TrafficRouter } from "../../ports/traffic-router.ts";
import { NotFoundError } from "../../runtime/errors.ts";
import { renderObject, virtualServices } from "./mesh-resources.ts";
import { askFor, type RehearsedWrite } from "./rehearsal.ts";
import { writeOutliers, type OutlierAction } from "./outlier-writes.ts";
import { parseSubsetOriginal, sidesOf, type SubsetOriginal } from "./subset-original.ts";
import { dividePatch, servePatch, type SharedRoute } from "./subset-routes.ts";
import { chosenOf, lookAtSubsets, sharedOf, subsetTraffic, type SubsetView } from "./subset-traffic.ts";
import type { Sides } from "./subset-weights.ts";
import { targetOf } from "./target.ts";
import { lookAt, type IstioRouterDependencies } from "./traffic-view.ts";
import { unchangedPatch } from "./virtual-service.ts";

/**
 * Moves traffic between two subsets of a user's DestinationRule by the weights of the user's VirtualService. It writes
 * nothing but the destinations of these subsets and, where it is tuned, outlier detection: no object is created or removed
 * and no subset is changed.
 */
export function createSubsetRouter(dependencies: IstioRouterDependencies): TrafficRouter {
  return {
    readTraffic(rollout) {
      const seen = lookAtSubsets(dependencies, rollout);
      return isProblem(seen) ? seen : subsetTraffic(seen, rollout, dependencies);
    },
    describeOriginal: (rollout) => JSON.stringify(describe(dependencies, rollout)),
    rehearse: (rollout, signal) => rehearse(dependencies, rollout, signal),
    perform: (action, rollout, signal) => perform({ dependencies, rollout, signal }, action),
  };
}

/** An empty object where there is nothing to come back to: a release does not get that far. */
function describe(dependencies: IstioRouterDependencies, rollout: Rollout): SubsetOriginal | object {
  const seen = lookAtSubsets(dependencies, rollout);
  if (isProblem(seen) || seen.sides === undefined) return {};
  return originalIn(seen.virtualService, seen) ?? {};
}

function originalIn(object: KubernetesObject, seen: SubsetView): SubsetOriginal | undefined {
  const { view, sides, recorded } = seen;
  if (sides === undefined) return undefined;
  if (recorded !== undefined) return recorded;
  const routes = sharedOf(object, seen, sides).map(({ route, before }) => ({ name: route.name, ...before }));
  return { target: view.target, routes, subsets: { listed: true }, sides };
}

async function rehearse(
  dependencies: IstioRouterDependencies,
  rollout: Rollout,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const cached = lookAtSubsets(dependencies, rollout);
  if (isProblem(cached) || cached.sides === undefined) return isProblem(cached) ? cached : undefined;
  const { namespace, virtualService } = cached.view.target;
  const { objects } = dependencies;
  const object = await objects.read(virtualServices, namespace, virtualService.name, signal);
  if (object === undefined) return undefined;
  const { sides } = cached;
  const shared = sharedOf(object, cached, sides);
  const name = renderObject("VirtualService", object);
  const asked = [...new Set([0, ...(rollout.spec?.steps ?? []).flatMap((step) => step.weight ?? []), 100])];
  const write = (patch: JsonPatch, what: string): RehearsedWrite => ({
    resource: virtualServices,
    object,
    patch,
    what,
  });
  const splits = asked.map((weight) =>
    write(dividePatch(object, shared, sides, weight), `${name} with ${weight} % for subset ${sides.canary ?? ""}`),
  );
  const writes = [
    write(unchangedPatch(object, chosenOf(object, cached)), `${name} as it is without a release`),
    ...splits,
    write(servePatch(object, shared, sides.canary ?? sides.stable), `${name} as it is after the release`),
  ];
  return askFor(
    writes.filter(({ patch }) => patch === undefined || patch.length > 0),
    objects,
    signal,
  );
}

/** One action with all that it is about. */
interface Write {
  readonly dependencies: IstioRouterDependencies;
  readonly rollout: Rollout;
  readonly signal: AbortSignal;
}

async function perform(write: Write, action: TrafficAction): Promise<void> {
  switch (action.kind) {
    case "routeTraffic":
    case "restoreRoute":
    case "serveSubset":
      return writeRoutes(write, action);
    case "tuneOutliers":
    case "restoreOutliers":
      return tuneOrRestore(write, action);
    case "createRoute":
    case "narrowSubsets":
    case "widenStable":
    case "restoreSubsets":
    case "removeRoute":
    case "removeSubsets":
      // Routes and subsets are the user's, with a release as without one.
      return;
  }
}

async function tuneOrRestore({ dependencies, rollout, signal }: Write, action: OutlierAction): Promise<void> {
  const recorded = parseSubsetOriginal(rollout.status.release?.traffic?.original);
  const target = recorded?.target ?? targetOf(rollout);
  if (target !== undefined) await writeOutliers(dependencies.objects, target, action, signal);
}

type RouteAction = Extract<TrafficAction, { kind: "routeTraffic" | "restoreRoute" | "serveSubset" }>;

async function writeRoutes(write: Write, action: RouteAction): Promise<void> {
  const { objects } = write.dependencies;
  const text = "original" in action ? action.original : write.rollout.status.release?.traffic?.original;
  const ground = await groundOf(write, parseSubsetOriginal(text));
  if (ground instanceof NotFoundError) {
    // The way back has nothing to do where there is no route.
    if (isWayBack(action)) return;
    throw ground;
  }
  const { current, shared, sides } = ground;
  const patch =
    action.kind === "routeTraffic"
      ? dividePatch(current, shared, sides, action.weight)
      : servePatch(current, shared, action.kind === "serveSubset" ? action.subset : sides.stable);
  const { namespace, name } = current.metadata;
  if (patch.length > 0) await objects.jsonPatch(virtualServices, namespace, name, patch, { signal: write.signal });
}

function isWayBack(action: RouteAction): boolean {
  return action.kind === "restoreRoute" || (action.kind === "routeTraffic" && action.weight === 0);
}

/** What is written to. */
interface Ground {
  readonly current: KubernetesObject;
  readonly shared: readonly SharedRoute[];
  readonly sides: Sides;
}

async function groundOf(
  { dependencies, rollout, signal }: Write,
  recorded: SubsetOriginal | undefined,
): Promise<Ground | NotFoundError> {
  const view = lookAt(dependencies, rollout);
  if (isProblem(view)) return new NotFoundError(view.message);
  const sides = sidesOf(rollout, recorded);
  if (sides === undefined) return new NotFoundError("it is not known yet which subset serves");
  const target = recorded?.target ?? view.target;
  const { namespace } = target;
  const { name } = target.virtualService;
  const current = await dependencies.objects.read(virtualServices, namespace, name, signal);
  if (current === undefined) return new NotFoundError(`VirtualService ${namespace}/${name} is not there to be split`);
  const shared = sharedOf(current, { view: { ...view, target }, recorded, sides }, sides);
  if (shared.length > 0) return { current, shared, sides };
  return new NotFoundError(`VirtualService ${namespace}/${name} has no route left to split`);
}
