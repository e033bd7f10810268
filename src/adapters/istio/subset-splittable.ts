import type { Problem } from "../../domain/observation.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { fullName, type ServiceHost } from "./hosts.ts";
import { renderObject } from "./mesh-resources.ts";
import { missingRoutes, notSplittable, renderRoute } from "./splittable.ts";
import { servingSubset, shareOf } from "./subset-routes.ts";
import { partsOf, serverOf, subsetIn } from "./subset-weights.ts";
import type { HttpRoute } from "./virtual-service.ts";

/** Why the chosen routes, as they are without a release, cannot be divided between subsets; undefined when they can. */
export function subsetRoutesProblem(
  object: KubernetesObject,
  routes: readonly HttpRoute[],
  chosen: readonly HttpRoute[],
  names: readonly string[] | undefined,
  service: ServiceHost,
): Problem | undefined {
  const where = renderObject("VirtualService", object);
  const missing = missingRoutes(object, routes, names);
  if (missing !== undefined) return missing;
  const idle = (names ?? []).find((name) => !chosen.some((route) => route.name === name));
  if (chosen.length === 0 || idle !== undefined) {
    const which = idle === undefined ? "no route without a match on headers" : `no destination of route ${idle}`;
    return notSplittable(
      `${where}, spec.http: ${which} goes to the subset of ${fullName(service)} that serves. Write a destination with host ${fullName(service)} and that subset.`,
    );
  }
  const poor = chosen.find((route) => shareOf(route).sum < 2);
  if (poor === undefined) return undefined;
  return notSplittable(
    `${where}, ${renderRoute(poor)}: the weights of its destinations of ${fullName(service)} add up to ${shareOf(poor).sum}, which cannot be divided. Write weights that add up to 100.`,
  );
}

/** Why it cannot be told from the routes which subset serves; undefined when it can. */
export function servingProblem(
  object: KubernetesObject,
  chosen: readonly HttpRoute[],
  service: ServiceHost,
): Problem | undefined {
  if (servingSubset(chosen) !== undefined) return undefined;
  const where = renderObject("VirtualService", object);
  const host = fullName(service);
  const unclear = chosen.find((route) => serverOf(shareOf(route)) === undefined);
  if (unclear === undefined) {
    const each = chosen.map((route) => `${renderRoute(route)} goes to ${serverOf(shareOf(route)) ?? ""}`);
    return notSplittable(
      `${where}: its routes go to different subsets of ${host}: ${each.join(", ")}. Send them to one subset, or name those to release in spec.traffic.istio.virtualService.routes.`,
    );
  }
  const share = shareOf(unclear);
  const parts = partsOf(share);
  const used = share.entries.flatMap((entry, at) =>
    (parts[at] ?? 0) > 0 ? [{ subset: subsetIn(entry), part: parts[at] ?? 0 }] : [],
  );
  if (used.some(({ subset }) => subset === undefined)) {
    return notSplittable(
      `${where}, ${renderRoute(unclear)}: goes to ${host} without a subset, so to all versions. Write the subset that serves.`,
    );
  }
  const list = used.map(({ subset, part }) => `${subset ?? ""} (${part})`).join(" and ");
  return notSplittable(
    `${where}, ${renderRoute(unclear)}: is split between the subsets ${list} of ${host}, so it cannot be told which one serves. Give all of it to one.`,
  );
}
