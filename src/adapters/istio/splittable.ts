import type { Problem } from "../../domain/observation.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { doubledSubset, subsetsOf, type OriginalSubsets } from "./destination-rule.ts";
import { fullName, meansService, type ServiceHost } from "./hosts.ts";
import { numberIn, recordIn, recordsIn, textIn, textsIn } from "./json-value.ts";
import { renderObject } from "./mesh-resources.ts";
import { roleOf, sumOfWeights } from "./split-weights.ts";
import type { Target } from "./target.ts";
import { answersItself, oursOf, selectedRoutes, type HttpRoute } from "./virtual-service.ts";

/** Why the VirtualService, as it is without a release, cannot carry a split; undefined when it can. */
export function routesProblem(
  object: KubernetesObject,
  routes: readonly HttpRoute[],
  names: readonly string[] | undefined,
  service: ServiceHost,
): Problem | undefined {
  const where = renderObject("VirtualService", object);
  const missing = missingRoutes(object, routes, names);
  if (missing !== undefined) return missing;
  const selected = selectedRoutes(routes, names);
  if (selected.length === 0) return notSplittable(nothingToSplit(where, object, routes, service));
  for (const route of selected) {
    const reason = routeReason(route, service);
    if (reason !== undefined) return notSplittable(`${where}, ${renderRoute(route)}: ${reason}`);
  }
  return undefined;
}

/** What is wrong with names that no route has; undefined when all are there. */
export function missingRoutes(
  object: KubernetesObject,
  routes: readonly HttpRoute[],
  names: readonly string[] | undefined,
): Problem | undefined {
  const missing = (names ?? []).filter((name) => !routes.some((route) => route.name === name));
  if (missing.length === 0) return undefined;
  const there = routes.flatMap((route) => route.name ?? []);
  const list = there.length === 0 ? "its http routes have no names" : `it has ${there.join(", ")}`;
  const where = renderObject("VirtualService", object);
  return {
    problem: "RouteNotFound",
    message: `${where}, spec.http: no route is named ${missing.join(" or ")}; ${list}. Write a name that is there in spec.traffic.istio.virtualService.routes.`,
  };
}

export function notSplittable(message: string): Problem {
  return { problem: "RouteNotSplittable", message };
}

/** `spec.http[1] (primary)`. */
export function renderRoute(route: HttpRoute): string {
  return `spec.http[${route.index}]${route.name === undefined ? "" : ` (${route.name})`}`;
}

function nothingToSplit(
  where: string,
  object: KubernetesObject,
  routes: readonly HttpRoute[],
  service: ServiceHost,
): string {
  const host = fullName(service);
  const delegating = routes.find((route) => answersItself(route.rule) === "delegate");
  if (delegating !== undefined) {
    const name = textIn(recordIn(delegating.rule, "delegate"), "name") ?? "";
    return `${where}, ${renderRoute(delegating)}: has a delegate, ${name}, and no destinations. Name that VirtualService in spec.traffic.istio.virtualService.`;
  }
  const l4 = (["tcp", "tls"] as const).find((kind) => recordsIn(object.spec, kind).length > 0);
  if (routes.length === 0 && l4 !== undefined) {
    return `${where}, spec.${l4}: has ${l4} routes only, and their requests cannot be counted. Write an http route to ${host}.`;
  }
  const pinned = routes.find((route) => route.ours.length > 0);
  if (pinned !== undefined) {
    return `${where}, ${renderRoute(pinned)}: goes to ${host} for marked callers only, and no other route does. Write a route without a match on headers, or name this one in spec.traffic.istio.virtualService.routes.`;
  }
  return `${where}, spec.http: ${otherSubsets(object, service)}. Write a destination with host ${host} and no subset, or subset stable.`;
}

function otherSubsets(object: KubernetesObject, service: ServiceHost): string {
  const namespace = object.metadata.namespace ?? service.namespace;
  const destinations = recordsIn(object.spec, "http").flatMap((rule) =>
    recordsIn(rule, "route").map((entry) => recordIn(entry, "destination")),
  );
  const named = destinations
    .filter((destination) => meansService(textIn(destination, "host"), namespace, service))
    .flatMap((destination) => textIn(destination, "subset") ?? []);
  if (named.length > 0)
    return `its routes to ${fullName(service)} name only the subsets ${[...new Set(named)].join(", ")}`;
  const hosts = [...new Set(destinations.flatMap((destination) => textIn(destination, "host") ?? []))];
  return `no route goes to ${fullName(service)}${hosts.length === 0 ? "" : `, they go to ${hosts.join(", ")}`}`;
}

function routeReason(route: HttpRoute, service: ServiceHost): string | undefined {
  const ours = oursOf(route);
  const itself = answersItself(route.rule);
  if (itself !== undefined && ours.length === 0) {
    return `is a ${itself} and has no destinations to divide. Name a route that goes to ${fullName(service)}.`;
  }
  if (ours.length === 0) {
    const hosts = route.entries.map((entry) => textIn(recordIn(entry, "destination"), "host") ?? "nothing");
    return `goes to ${hosts.join(", ")}, not to ${fullName(service)} without a subset or with the subset stable. Name a route that does.`;
  }
  const roles = ours.map(roleOf);
  const stable = roles.filter((role) => role === "stable").length;
  if (stable > 1) {
    return `has ${stable} destinations of ${fullName(service)} that name no subset or the subset stable. Leave one of them.`;
  }
  if (stable === 0) return `names the subset canary and not stable. Write a destination with the subset stable.`;
  if (roles.length > 2) return `names the subset canary ${roles.length - 1} times. Leave one of them.`;
  const sum = sumOfWeights(ours, route.entries.length);
  if (sum < 2) {
    return `the weights of its destinations of ${fullName(service)} add up to ${sum}, which cannot be divided. Write weights that add up to 100.`;
  }
  return undefined;
}

/** A destination of ours at a port that the Service does not have: istiod takes it, and callers get 503 (case 043). */
export function deadPort(
  object: KubernetesObject,
  chosen: readonly HttpRoute[],
  ports: readonly number[],
  service: ServiceHost,
): Problem | undefined {
  for (const route of chosen) {
    for (const entry of oursOf(route)) {
      const port = numberIn(recordIn(recordIn(entry, "destination"), "port"), "number");
      if (port === undefined || ports.length === 0 || ports.includes(port)) continue;
      return notSplittable(
        `${renderObject("VirtualService", object)}, ${renderRoute(route)}: goes to port ${port} of ${fullName(service)}, which has ${ports.join(", ")}, so callers get 503. Write a port that is there, or leave it out.`,
      );
    }
  }
  return undefined;
}

/** Why the DestinationRule cannot carry the subsets; undefined when it can. */
export function destinationRuleProblem(
  rule: KubernetesObject,
  virtualService: KubernetesObject | undefined,
  service: ServiceHost,
): Problem | undefined {
  const where = renderObject("DestinationRule", rule);
  const host = textIn(rule.spec, "host");
  if (!meansService(host, rule.metadata.namespace ?? service.namespace, service)) {
    return notSplittable(`${where}, spec.host: is ${host ?? "not there"}. Write ${fullName(service)}.`);
  }
  if (Object.keys(recordIn(rule.spec, "workloadSelector")).length > 0) {
    return notSplittable(
      `${where}, spec.workloadSelector: only some callers would know the subsets, the others would get 503. Take it out.`,
    );
  }
  const doubled = doubledSubset(subsetsOf(rule));
  if (doubled !== undefined) {
    return notSplittable(`${where}, spec.subsets: has two subsets named ${doubled}. Leave one of them.`);
  }
  const seen = textsIn(rule.spec, "exportTo");
  if (seen.length === 0 || seen.includes("*")) return undefined;
  const routed = textsIn(virtualService?.spec, "exportTo");
  const blind = routed.length === 0 ? ["*"] : routed.filter((to) => !seen.includes(to));
  if (blind.length === 0) return undefined;
  return notSplittable(
    `${where}, spec.exportTo: is ${seen.join(", ")}, but the VirtualService is seen in ${blind.join(", ")} too, where callers would get 503 for a subset. Write the same exportTo in both.`,
  );
}

/** A subset that a selected route names without there being one at rest. */
export function danglingSubset(
  virtualService: KubernetesObject,
  selected: readonly HttpRoute[],
  subsets: OriginalSubsets,
  target: Target,
): Problem | undefined {
  for (const route of selected) {
    const named = oursOf(route).flatMap((entry) => textIn(recordIn(entry, "destination"), "subset") ?? []);
    const missing = named.find((subset) => subset === "stable" && subsets.stable === undefined);
    if (missing === undefined) continue;
    const where = `${renderObject("VirtualService", virtualService)}, ${renderRoute(route)}`;
    const advice = target.destinationRule.generated
      ? "Leave the subset out, or write your DestinationRule in spec.traffic.istio.destinationRule.name"
      : `Leave the subset out, or write it in the subsets of DestinationRule ${target.namespace}/${target.destinationRule.name}`;
    return notSplittable(
      `${where}: names the subset ${missing}, which does not exist without a release, so callers would get 503. ${advice}.`,
    );
  }
  return undefined;
}
