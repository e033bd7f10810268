import { z } from "zod";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { originalSubsets, subsetsOf, type OriginalSubsets } from "./destination-rule.ts";
import type { ServiceHost } from "./hosts.ts";
import { recordIn, textIn } from "./json-value.ts";
import { roleOf, splitWeight, type OriginalRoute } from "./split-weights.ts";
import type { Target } from "./target.ts";
import { httpRoutes, isPinned, oursOf, restingRoutes, selectedRoutes, type HttpRoute } from "./virtual-service.ts";

/**
 * What a release found and gives back. Names its objects, so that it can be given back when the Rollout's spec has
 * changed or cannot be read any more.
 */
export interface Original {
  readonly target: Target;
  readonly routes: readonly OriginalRoute[];
  readonly subsets: OriginalSubsets;
}

const raw = z.record(z.string(), z.unknown());

const targetObject = z.object({ name: z.string(), generated: z.boolean() });

const schema = z.object({
  target: z.object({
    namespace: z.string(),
    service: z.string(),
    virtualService: targetObject.extend({ routes: z.array(z.string()).optional() }),
    destinationRule: targetObject,
  }),
  routes: z.array(z.object({ name: z.string().optional(), entries: z.array(raw).min(1), sum: z.number().min(2) })),
  subsets: z.object({ listed: z.boolean(), stable: raw.optional(), canary: raw.optional() }),
});

/** The objects as they are now, told as what to come back to. What is generated has no subsets at rest. */
export function describe(
  target: Target,
  service: ServiceHost,
  virtualService: KubernetesObject | undefined,
  destinationRule: KubernetesObject | undefined,
): Original {
  const selected = virtualService === undefined ? [] : selectedOf(virtualService, target, service);
  const isNamed = (subset: string): boolean =>
    selected.some((route) =>
      oursOf(route).some((entry) => textIn(recordIn(entry, "destination"), "subset") === subset),
    );
  const subsets =
    target.destinationRule.generated || destinationRule === undefined
      ? { listed: false }
      : originalSubsets(subsetsOf(destinationRule), isNamed);
  return { target, subsets, routes: restingRoutes(selected, subsets.stable !== undefined) };
}

/** The routes that the target selects and that have something to divide. */
export function selectedOf(
  virtualService: KubernetesObject,
  target: Target,
  service: ServiceHost,
): readonly HttpRoute[] {
  const routes = selectedRoutes(httpRoutes(virtualService, service), target.virtualService.routes);
  return routes.filter((route) => route.ours.length > 0);
}

/**
 * Routes that are not selected and that the way back must reach, because what they name is about to go: one that was
 * split and that somebody renamed in mid-release, and copies of it. A route by which marked callers go to a subset is
 * the user's own.
 */
export function straysOf(
  virtualService: KubernetesObject,
  original: Original,
  service: ServiceHost,
  selected: readonly HttpRoute[],
): readonly HttpRoute[] {
  const isMissing = missingFrom(selected, original).length > 0;
  const known = new Set(selected.map(({ index }) => index));
  const { subsets } = original;
  return httpRoutes(virtualService, service).filter((route) => {
    if (known.has(route.index)) return false;
    const ours = oursOf(route);
    const hasCanary = ours.some((entry) => roleOf(entry) === "canary");
    if (hasCanary && ours.length > 1) return isMissing || subsets.canary === undefined;
    const namesStable = ours.some((entry) => textIn(recordIn(entry, "destination"), "subset") === "stable");
    return isMissing && !isPinned(route.rule) && (hasCanary || (namesStable && subsets.stable === undefined));
  });
}

/** The recorded routes of which there is none of the name any more. */
function missingFrom(selected: readonly HttpRoute[], original: Original): readonly OriginalRoute[] {
  return original.routes.filter(({ name }) => !selected.some((route) => route.name === name));
}

/**
 * What each selected route goes back to: as recorded, also where it only has another name by now, or as it would be
 * without a release where it came later.
 */
export function originalsFor(original: Original, selected: readonly HttpRoute[]): readonly OriginalRoute[] {
  const missing = [...missingFrom(selected, original)];
  const renamed = selected.flatMap((route) => {
    if (original.routes.some(({ name }) => name === route.name)) return [];
    const at = missing.findIndex((candidate) => splitWeight(oursOf(route), candidate) !== undefined);
    return missing.splice(at, at === -1 ? 0 : 1).map((found) => ({ ...found, name: route.name }));
  });
  return [...original.routes, ...renamed, ...restingRoutes(selected, original.subsets.stable !== undefined)];
}

/** Undefined for text that is no Original: whoever reads it derives one from the objects as they are. */
export function parseOriginal(text: string | undefined): Original | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
