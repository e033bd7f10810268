import type { Rollout } from "../../api/rollout.ts";
import { serviceName } from "../../api/rollout.ts";
import { isProblem, type Problem } from "../../domain/observation.ts";
import type { JsonPatch, KubernetesObject, Resource } from "../../ports/kubernetes-objects.ts";
import type { TrafficAction, TrafficRouter } from "../../ports/traffic-router.ts";
import { NotFoundError, RejectedError } from "../../runtime/errors.ts";
import { narrowed, restored, subsetsOf, subsetsPatch, widened } from "./destination-rule.ts";
import { refreshPatch } from "./generated-objects.ts";
import { destinationRules, virtualServices } from "./mesh-resources.ts";
import { describe, originalsFor, parseOriginal, selectedOf, straysOf, type Original } from "./original.ts";
import { writeOutliers } from "./outlier-writes.ts";
import { askFor, routeWrites, subsetWrites } from "./rehearsal.ts";
import { generatedName, isOwnedBy, targetOf, type Target } from "./target.ts";
import {
  lookAt,
  missingObject,
  serviceOf,
  trafficState,
  wantedDestinationRule,
  wantedVirtualService,
  type IstioRouterDependencies,
} from "./traffic-view.ts";
import { restorePatch, splitPatch } from "./virtual-service.ts";

/** Splits traffic by the weights of a VirtualService between two subsets of a DestinationRule. */
export function createIstioRouter(dependencies: IstioRouterDependencies): TrafficRouter {
  return {
    readTraffic(rollout) {
      const view = lookAt(dependencies, rollout);
      return isProblem(view) ? view : trafficState(view, dependencies);
    },
    describeOriginal: (rollout) => JSON.stringify(originalFromCaches(dependencies, rollout)),
    rehearse: (rollout, signal) => rehearse(dependencies, rollout, signal),
    perform: (action, rollout, signal) => perform(dependencies, action, rollout, signal),
  };
}

function originalFromCaches(dependencies: IstioRouterDependencies, rollout: Rollout): Original {
  const view = lookAt(dependencies, rollout);
  if (isProblem(view)) return { target: anyTarget(rollout), routes: [], subsets: { listed: false } };
  const virtualService =
    view.virtualService ?? (view.target.virtualService.generated ? wantedVirtualService(view) : undefined);
  return describe(view.target, view.service, virtualService, view.destinationRule);
}

async function rehearse(
  dependencies: IstioRouterDependencies,
  rollout: Rollout,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const view = lookAt(dependencies, rollout);
  if (isProblem(view)) return view;
  const missing = missingObject(view);
  if (missing !== undefined) return missing;
  const { target, service } = view;
  const [route, rule] = await Promise.all([
    readObject(dependencies, virtualServices, target.namespace, target.virtualService.name, signal),
    readObject(dependencies, destinationRules, target.namespace, target.destinationRule.name, signal),
  ]);
  const wantedRoute = route ?? wantedVirtualService(view);
  if (wantedRoute === undefined) return isProblem(view.port) ? view.port : undefined;
  const wantedRule = rule ?? wantedDestinationRule(view, dependencies.rootNamespace);
  const original = view.recorded ?? describe(target, service, wantedRoute, wantedRule);
  const writes = [
    ...subsetWrites(wantedRule, rule !== undefined, rollout, original),
    ...routeWrites(wantedRoute, route !== undefined, rollout, service, original),
  ];
  return askFor(writes, dependencies.objects, signal);
}

function perform(
  dependencies: IstioRouterDependencies,
  action: TrafficAction,
  rollout: Rollout,
  signal: AbortSignal,
): Promise<void> {
  const text = "original" in action ? action.original : rollout.status.release?.traffic?.original;
  const recorded = parseOriginal(text);
  return act({ dependencies, rollout, target: recorded?.target ?? anyTarget(rollout), recorded, signal }, action);
}

function act(write: Write, action: TrafficAction): Promise<void> {
  switch (action.kind) {
    case "createRoute":
      return createObjects(write);
    case "routeTraffic":
      return writeRoutes(write, action.weight);
    case "restoreRoute":
      return writeRoutes(write, undefined);
    case "serveSubset":
      // The router of the form with subsets does this.
      return Promise.resolve();
    case "narrowSubsets":
    case "widenStable":
    case "restoreSubsets":
      return writeSubsets(write, action);
    case "tuneOutliers":
    case "restoreOutliers":
      return writeOutliers(write.dependencies.objects, write.target, action, write.signal);
    case "removeRoute":
      return removeGenerated(write, virtualServices, "virtualService");
    case "removeSubsets":
      return removeGenerated(write, destinationRules, "destinationRule");
  }
}

/** One action with all that it is about. */
interface Write {
  readonly dependencies: IstioRouterDependencies;
  readonly rollout: Rollout;
  readonly target: Target;
  readonly recorded: Original | undefined;
  readonly signal: AbortSignal;
}

/** The DestinationRule first: a route may only come to refer to what is there. */
async function createObjects({ dependencies, rollout, target, signal }: Write): Promise<void> {
  const { objects, rootNamespace } = dependencies;
  const view = lookAt(dependencies, rollout);
  if (isProblem(view)) throw new RejectedError(view.message);
  if (isProblem(view.port)) throw new RejectedError(view.port.message);
  if (target.destinationRule.generated) {
    const name = target.destinationRule.name;
    const there = await readObject(dependencies, destinationRules, target.namespace, name, signal);
    if (there === undefined)
      await objects.create(destinationRules, wantedDestinationRule(view, rootNamespace), { signal });
    else assertOwned(there, destinationRules, rollout);
  }
  const wanted = wantedVirtualService(view);
  if (!target.virtualService.generated || wanted === undefined) return;
  const name = target.virtualService.name;
  const there = await readObject(dependencies, virtualServices, target.namespace, name, signal);
  if (there === undefined) {
    await objects.create(virtualServices, wanted, { signal });
    return;
  }
  assertOwned(there, virtualServices, rollout);
  // A spec that cannot be understood says nothing of hosts and gateways.
  if (rollout.spec === undefined) return;
  await patch(dependencies, virtualServices, there, refreshPatch(there, wanted), signal);
}

/** A weight of undefined is the way back. */
async function writeRoutes(write: Write, weight: number | undefined): Promise<void> {
  const { dependencies, target, recorded, signal } = write;
  const { name } = target.virtualService;
  const current = await readObject(dependencies, virtualServices, target.namespace, name, signal);
  // The way back, to stable or to what was before, has nothing to do where there is no route, or only somebody else's.
  const isWayBack = weight === undefined || weight === 0;
  const refusal = refusalOf(current, write, "virtualService");
  if (current === undefined || refusal !== undefined) {
    if (isWayBack) return;
    throw refusal ?? new NotFoundError(`VirtualService ${target.namespace}/${name} is not there to be split`);
  }
  const service = serviceOf(target, dependencies);
  const rule =
    recorded === undefined
      ? dependencies.objects.cached(destinationRules, target.namespace, target.destinationRule.name)
      : undefined;
  const original = recorded ?? describe(target, service, current, rule);
  const chosen = selectedOf(current, target, service);
  const selected = isWayBack ? [...chosen, ...straysOf(current, original, service, chosen)] : chosen;
  const originals = originalsFor(original, selected);
  if (!isWayBack && selected.length === 0) {
    throw new NotFoundError(`VirtualService ${target.namespace}/${name} has no route left to split`);
  }
  const change =
    weight === undefined
      ? restorePatch(current, selected, originals)
      : splitPatch(current, selected, originals, weight);
  await patch(dependencies, virtualServices, current, change, signal);
}

type SubsetAction = Extract<TrafficAction, { kind: "narrowSubsets" | "widenStable" | "restoreSubsets" }>;

async function writeSubsets(write: Write, action: SubsetAction): Promise<void> {
  const { dependencies, target, recorded, signal } = write;
  const { name } = target.destinationRule;
  const current = await readObject(dependencies, destinationRules, target.namespace, name, signal);
  const refusal = refusalOf(current, write, "destinationRule");
  if (current === undefined || refusal !== undefined) {
    if (action.kind === "restoreSubsets") return;
    throw refusal ?? new NotFoundError(`DestinationRule ${target.namespace}/${name} is not there to hold the subsets`);
  }
  const route =
    recorded === undefined
      ? dependencies.objects.cached(virtualServices, target.namespace, target.virtualService.name)
      : undefined;
  const original = recorded ?? describe(target, serviceOf(target, dependencies), route, current);
  const before = subsetsOf(current);
  const next =
    action.kind === "narrowSubsets"
      ? narrowed(before, action.stable, action.canary)
      : action.kind === "widenStable"
        ? widened(before, original.subsets, action.canary)
        : restored(before, original.subsets);
  await patch(dependencies, destinationRules, current, subsetsPatch(current, next), signal);
}

async function removeGenerated(
  { dependencies, rollout, target, signal }: Write,
  resource: Resource,
  field: "virtualService" | "destinationRule",
): Promise<void> {
  // A spec that names an object of the user's now may have had one generated before.
  const name = target[field].generated ? target[field].name : generatedName(rollout.key.name);
  const current = await readObject(dependencies, resource, rollout.key.namespace, name, signal);
  if (current !== undefined && isOwnedBy(current, rollout))
    await dependencies.objects.remove(resource, current, { signal });
}

async function patch(
  { objects }: IstioRouterDependencies,
  resource: Resource,
  object: KubernetesObject,
  change: JsonPatch,
  signal: AbortSignal,
): Promise<void> {
  if (change.length === 0) return;
  await objects.jsonPatch(resource, object.metadata.namespace, object.metadata.name, change, { signal });
}

function readObject(
  { objects }: IstioRouterDependencies,
  resource: Resource,
  namespace: string,
  name: string,
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  return objects.read(resource, namespace, name, signal);
}

/** A generated object is ours alone: one of its name that somebody else made is not written to. */
function assertOwned(object: KubernetesObject, resource: Resource, rollout: Rollout): void {
  if (!isOwnedBy(object, rollout)) throw notOwned(object, resource);
}

function refusalOf(
  object: KubernetesObject | undefined,
  { target, rollout }: Write,
  field: "virtualService" | "destinationRule",
): Error | undefined {
  if (object === undefined || !target[field].generated || isOwnedBy(object, rollout)) return undefined;
  return notOwned(object, field === "virtualService" ? virtualServices : destinationRules);
}

function notOwned({ metadata }: KubernetesObject, resource: Resource): RejectedError {
  return new RejectedError(
    `${resource.plural} ${metadata.namespace ?? ""}/${metadata.name} is not owned by this Rollout`,
  );
}

/** What the spec names, or what would be generated where it cannot be read. */
function anyTarget(rollout: Rollout): Target {
  const generated = { name: generatedName(rollout.key.name), generated: true };
  return (
    targetOf(rollout) ?? {
      namespace: rollout.key.namespace,
      service: rollout.spec === undefined ? rollout.key.name : serviceName(rollout.spec),
      virtualService: generated,
      destinationRule: generated,
    }
  );
}
