import { isDeepStrictEqual } from "node:util";
import type { RouteState } from "../../domain/observation.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { meansService, type ServiceHost } from "./hosts.ts";
import { recordIn, recordsIn, textIn, type JsonRecord } from "./json-value.ts";
import { sumOfWeights, type OriginalRoute } from "./split-weights.ts";
import { divided, givenAll, serverOf, sideOf, subsetIn, type Share, type Sides } from "./subset-weights.ts";
import { isPinned, oursOf, replaceOurs, routePatch, type HttpRoute } from "./virtual-service.ts";

/** A selected route with what its share is without a release. */
export interface SharedRoute {
  readonly route: HttpRoute;
  readonly now: Share;
  readonly before: Share;
}

/** All http routes; ours are the destinations of the host that name a side, or all of the host while no side is known. */
export function subsetRoutes(
  object: KubernetesObject,
  service: ServiceHost,
  sides: Sides | undefined,
): readonly HttpRoute[] {
  const namespace = object.metadata.namespace ?? service.namespace;
  return recordsIn(object.spec, "http").map((rule, index) => {
    const entries = recordsIn(rule, "route");
    const ours = entries.flatMap((entry, at) => {
      const isOurs = meansService(textIn(recordIn(entry, "destination"), "host"), namespace, service);
      return isOurs && (sides === undefined || sideOf(entry, sides) !== undefined) ? [at] : [];
    });
    return { index, name: textIn(rule, "name"), rule, entries, ours };
  });
}

/**
 * The routes to divide: those of the names, or every one that is not pinned and goes to a subset that serves. One that
 * goes to the canary alone is the user's own way to it, unless it is what became of a recorded one.
 */
export function chosenRoutes(
  routes: readonly HttpRoute[],
  names: readonly string[] | undefined,
  sides: Sides | undefined,
  recorded: readonly OriginalRoute[] = [],
): readonly HttpRoute[] {
  const reaching = routes.filter((route) => route.ours.length > 0);
  if (names !== undefined) return reaching.filter(({ name }) => name !== undefined && names.includes(name));
  const open = reaching.filter((route) => !isPinned(route.rule));
  if (sides === undefined) return open;
  const serves = (route: HttpRoute): boolean => oursOf(route).some((entry) => sideOf(entry, sides) === "stable");
  const missing = recorded.map(({ name }) => name);
  for (const route of open.filter(serves)) forget(missing, route.name);
  return open.filter((route) => serves(route) || forget(missing, route.name));
}

function forget(names: (string | undefined)[], name: string | undefined): boolean {
  const at = names.indexOf(name);
  if (at !== -1) names.splice(at, 1);
  return at !== -1;
}

export function shareOf(route: HttpRoute): Share {
  const entries = oursOf(route);
  return { entries, sum: sumOfWeights(entries, route.entries.length) };
}

/** Each route with its share as it was recorded, by name, or as it would be without a release where it came later. */
export function sharedRoutes(
  routes: readonly HttpRoute[],
  recorded: readonly OriginalRoute[],
  stable: string,
): readonly SharedRoute[] {
  const left = [...recorded];
  return routes.flatMap((route) => {
    const at = left.findIndex((original) => original.name === route.name);
    const [known] = at === -1 ? [] : left.splice(at, 1);
    const now = shareOf(route);
    // What cannot be divided is left alone.
    if (known === undefined && now.sum < 2) return [];
    return [{ route, now, before: known ?? givenAll(now, stable) }];
  });
}

/** The subset to which all of the routes send their share; undefined where they do not agree. */
export function servingSubset(routes: readonly HttpRoute[]): string | undefined {
  const servers = routes.map((route) => serverOf(shareOf(route)));
  return servers.every((server) => server === servers[0]) ? servers[0] : undefined;
}

/** What the release last asked of the routes. */
export interface Asked {
  readonly route: "Rest" | "Split";
  readonly weight: number;
}

/** What the routes do now; at rest they send everything to `server`, by as many destinations as before the release. */
export function sharedState(
  routes: readonly SharedRoute[],
  sides: Sides,
  asked: Asked | undefined,
  server: string,
): RouteState {
  const isSplitAt = (weight: number): boolean =>
    routes.every(({ now, before }) => isDeepStrictEqual([...now.entries], [...divided(before, sides, weight)]));
  if (asked?.route === "Split" && isSplitAt(asked.weight)) return { kind: "Split", weight: asked.weight };
  if (routes.every((route) => isSettled(route, server))) return { kind: "Rest" };
  for (let weight = 0; weight <= 100; weight += 1) if (isSplitAt(weight)) return { kind: "Split", weight };
  return { kind: "Split", weight: undefined };
}

function isSettled({ now, before }: SharedRoute, server: string): boolean {
  return serverOf(now) === server && now.entries.length === before.entries.length;
}

/** The patch that gives the canary `weight` percent of each share. Empty where it has that. */
export function dividePatch(
  object: KubernetesObject,
  routes: readonly SharedRoute[],
  sides: Sides,
  weight: number,
): JsonPatch {
  return sharePatch(object, routes, ({ before }) => divided(before, sides, weight));
}

/** The patch that gives one subset all of each share, by the destinations from before the release. Empty where it is so. */
export function servePatch(object: KubernetesObject, routes: readonly SharedRoute[], subset: string): JsonPatch {
  return sharePatch(object, routes, (route) =>
    isSettled(route, subset) ? route.now.entries : givenAll(route.before, subset).entries,
  );
}

function sharePatch(
  object: KubernetesObject,
  routes: readonly SharedRoute[],
  entriesFor: (route: SharedRoute) => readonly JsonRecord[],
): JsonPatch {
  const changes = routes.map((shared) => {
    const { route, now, before } = shared;
    const entries = entriesFor(shared);
    const isAlone = route.entries.length === route.ours.length;
    // Beside somebody else's destination one that says nothing would get nothing.
    const spoken = isAlone || entries.length > 1 ? entries : entries.map((entry) => ({ weight: before.sum, ...entry }));
    const same = isDeepStrictEqual([...spoken], [...now.entries]);
    return [route, same ? route.entries : placed(route, spoken)] as const;
  });
  return routePatch(object, changes);
}

/** The destinations with ours replaced, each in its place: one that comes or goes leaves the order of the others alone. */
function placed(route: HttpRoute, entries: readonly JsonRecord[]): readonly JsonRecord[] {
  const ours = oursOf(route);
  const strangers = (some: readonly JsonRecord[], others: readonly JsonRecord[]): readonly JsonRecord[] =>
    some.filter((entry) => !others.some((other) => subsetIn(other) === subsetIn(entry)));
  const [added] = strangers(entries, ours);
  const [dropped] = strangers(ours, entries);
  if (entries.length === ours.length + 1 && added !== undefined) {
    const at = entries.indexOf(added);
    const others = replaceOurs(route, entries.toSpliced(at, 1));
    return others.toSpliced((route.ours[Math.max(0, at - 1)] ?? 0) + (at === 0 ? 0 : 1), 0, added);
  }
  if (entries.length === ours.length - 1 && dropped !== undefined) {
    const at = ours.indexOf(dropped);
    const position = route.ours[at] ?? 0;
    return replaceOurs(route, entries.toSpliced(at, 0, dropped)).toSpliced(position, 1);
  }
  return replaceOurs(route, entries);
}
