import { isDeepStrictEqual } from "node:util";
import type { RouteState } from "../../domain/observation.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { meansService, type ServiceHost } from "./hosts.ts";
import { isRecord, recordIn, recordsIn, textIn, type JsonRecord } from "./json-value.ts";
import { atRest, looksAtRest, roleOf, splitEntries, type OriginalRoute } from "./split-weights.ts";

/** One http route of a VirtualService and which of its destinations are ours. */
export interface HttpRoute {
  readonly index: number;
  readonly name: string | undefined;
  readonly rule: JsonRecord;
  /** All destinations of the route. */
  readonly entries: readonly JsonRecord[];
  /** Positions of ours among them: those of our host that name the subset stable or canary, or none. */
  readonly ours: readonly number[];
}

/** All http routes, in order. */
export function httpRoutes(object: KubernetesObject, service: ServiceHost): readonly HttpRoute[] {
  const namespace = object.metadata.namespace ?? service.namespace;
  return recordsIn(object.spec, "http").map((rule, index) => {
    const entries = recordsIn(rule, "route");
    const ours = entries.flatMap((entry, at) => {
      const isOurs = meansService(textIn(recordIn(entry, "destination"), "host"), namespace, service);
      return isOurs && roleOf(entry) !== undefined ? [at] : [];
    });
    return { index, name: textIn(rule, "name"), rule, entries, ours };
  });
}

/** The routes to split: those of the names, or every one with a destination of ours that is not pinned. */
export function selectedRoutes(
  routes: readonly HttpRoute[],
  names: readonly string[] | undefined,
): readonly HttpRoute[] {
  if (names === undefined) return routes.filter((route) => route.ours.length > 0 && !isPinned(route.rule));
  return routes.filter((route) => route.name !== undefined && names.includes(route.name));
}

/** Whether only marked callers take the route: every one of its matches asks for headers, labels or a namespace. */
export function isPinned(rule: JsonRecord): boolean {
  const matches = recordsIn(rule, "match");
  const pins = ["headers", "sourceLabels"] as const;
  const asks = (match: JsonRecord): boolean =>
    pins.some((pin) => Object.keys(recordIn(match, pin)).length > 0) || textIn(match, "sourceNamespace") !== undefined;
  return matches.length > 0 && matches.every(asks);
}

export function oursOf(route: HttpRoute): readonly JsonRecord[] {
  return route.entries.filter((_, at) => route.ours.includes(at));
}

/** What the routes are without a release, in their order. */
export function restingRoutes(routes: readonly HttpRoute[], subsetsStay: boolean): readonly OriginalRoute[] {
  const resting = routes.map((route) => atRest(route.name, oursOf(route), route.entries.length, subsetsStay));
  return resting.filter((route) => route.entries.length > 0 && route.sum >= 2);
}

/** Each route with what it was before the release, by name, or by order where routes have none. */
function withOriginals(
  routes: readonly HttpRoute[],
  originals: readonly OriginalRoute[],
): readonly (readonly [HttpRoute, OriginalRoute])[] {
  const left = [...originals];
  return routes.flatMap((route) => {
    const at = left.findIndex((original) => original.name === route.name);
    const [known] = at === -1 ? [] : left.splice(at, 1);
    return known === undefined ? [] : [[route, known] as const];
  });
}

/**
 * What the routes do now. `asked` is what was last asked for, if a release asked: where git's own weights are those of
 * a split at 0 %, only that tells the two apart.
 */
export function routeState(
  routes: readonly HttpRoute[],
  originals: readonly OriginalRoute[],
  asked: { readonly route: "Rest" | "Split"; readonly weight: number } | undefined,
): RouteState {
  const pairs = withOriginals(routes, originals);
  const isSplitAt = (weight: number): boolean =>
    pairs.every(([route, original]) => isDeepStrictEqual(oursOf(route), splitEntries(original, weight)));
  if (asked?.route === "Split" && isSplitAt(asked.weight)) return { kind: "Split", weight: asked.weight };
  if (pairs.every(([route, original]) => looksAtRest(oursOf(route), original))) return { kind: "Rest" };
  for (let weight = 0; weight <= 100; weight += 1) if (isSplitAt(weight)) return { kind: "Split", weight };
  return { kind: "Split", weight: undefined };
}

/** The patch that gives the canary `weight` percent in each of the routes. Empty where they are so. */
export function splitPatch(
  object: KubernetesObject,
  routes: readonly HttpRoute[],
  originals: readonly OriginalRoute[],
  weight: number,
): JsonPatch {
  const changes = withOriginals(routes, originals).map(
    ([route, original]) => [route, replaceOurs(route, splitEntries(original, weight))] as const,
  );
  return routePatch(object, changes);
}

/** The patch that puts our destinations back as they were. Empty where they are so, or where somebody else did it. */
export function restorePatch(
  object: KubernetesObject,
  routes: readonly HttpRoute[],
  originals: readonly OriginalRoute[],
): JsonPatch {
  const changes = withOriginals(routes, originals).map(([route, original]) => {
    const done = looksAtRest(oursOf(route), original);
    return [route, done ? route.entries : replaceOurs(route, original.entries)] as const;
  });
  return routePatch(object, changes);
}

/** The patch that writes the routes as they are: what the API server says to the way back, asked beforehand. */
export function unchangedPatch(object: KubernetesObject, routes: readonly HttpRoute[]): JsonPatch {
  const { resourceVersion } = object.metadata;
  const same = routes.map((route) => ({
    op: "replace" as const,
    path: `/spec/http/${route.index}/route`,
    value: route.entries,
  }));
  return [{ op: "test", path: "/metadata/resourceVersion", value: resourceVersion }, ...same];
}

/** The destinations with ours replaced: each in its place, or all where the first was when their number differs. */
export function replaceOurs(route: HttpRoute, replacement: readonly JsonRecord[]): readonly JsonRecord[] {
  const inPlace = route.ours.length === replacement.length;
  return route.entries.flatMap((entry, at) => {
    const position = route.ours.indexOf(at);
    if (position === -1) return [entry];
    if (inPlace) return replacement.slice(position, position + 1);
    return position === 0 ? replacement : [];
  });
}

/** The patch that gives routes other destinations, tested on those that were read. Empty where they have them. */
export function routePatch(
  object: KubernetesObject,
  changes: readonly (readonly [HttpRoute, readonly JsonRecord[]])[],
): JsonPatch {
  const real = changes.filter(([route, entries]) => !isDeepStrictEqual([...entries], [...route.entries]));
  if (real.length === 0) return [];
  return [
    { op: "test", path: "/metadata/resourceVersion", value: object.metadata.resourceVersion },
    ...real.flatMap(([route, entries]) => {
      const path = `/spec/http/${route.index}/route`;
      return [
        { op: "test" as const, path, value: route.rule["route"] },
        { op: "replace" as const, path, value: entries },
      ];
    }),
  ];
}

/** Whether the rule sends requests on by itself, without destinations. */
export function answersItself(rule: JsonRecord): "delegate" | "redirect" | "directResponse" | undefined {
  return (["delegate", "redirect", "directResponse"] as const).find((member) => isRecord(rule[member]));
}
