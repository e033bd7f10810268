import { parseInstant, renderInstant, type Instant } from "../api/instant.ts";
import type { Release, RolloutStatus } from "../api/rollout-status.ts";
import type { Observation, TrafficState } from "./observation.ts";

/** What a release asks of routes and subsets, and since when. */
export type Asked = NonNullable<Release["traffic"]>;

/** Whether routes and subsets are seen to be what a release asked for, and when it asked. */
export interface Sight {
  readonly route: { readonly askedAt: string; readonly isSeen: boolean };
  readonly subsets: { readonly askedAt: string; readonly isSeen: boolean };
}

/** Undefined without a release that has asked for anything. */
export function sightOf({ release, stable, canary }: RolloutStatus, traffic: TrafficState): Sight | undefined {
  const asked = release?.traffic;
  if (asked === undefined) return undefined;
  const { route, subsets } = traffic;
  const isNarrow = subsets.kind === "Present" && isHash(subsets.stable, stable?.podTemplateHash);
  const isFull = subsets.kind === "Present" && isHash(subsets.canary, canary?.podTemplateHash);
  const isSplit = route.kind === "Split" && route.weight === asked.weight;
  return {
    route: { askedAt: asked.routeChangedAt, isSeen: asked.route === "Split" ? isSplit : route.kind !== "Split" },
    subsets: { askedAt: asked.subsetsChangedAt, isSeen: isAsAsked(asked, isNarrow, isFull) },
  };
}

function isHash(found: string | undefined, ours: string | undefined): boolean {
  return found !== undefined && found === ours;
}

function isAsAsked({ subsets }: Asked, isNarrow: boolean, isFull: boolean): boolean {
  switch (subsets) {
    case "Narrowed":
      return isNarrow && isFull;
    case "Widened":
      return !isNarrow;
    case "Rest":
      return !isNarrow && !isFull;
  }
}

/**
 * Whether every proxy has the routes as they were asked for last. A write may take long, so the time for that begins
 * when the routes are first seen to be so; where they cannot be seen, when they were asked for.
 */
export function routesAreEverywhere(observation: Observation, asked: Asked): boolean {
  return isEverywhere(observation, asked.routeChangedAt, observation.seenAt?.route);
}

/** The same of the subsets. */
export function subsetsAreEverywhere(observation: Observation, asked: Asked): boolean {
  return isEverywhere(observation, asked.subsetsChangedAt, observation.seenAt?.subsets);
}

/**
 * What is asked for once the routes are asked to be so. Where that was asked and has not been seen yet, its time stays:
 * it begins when it is seen, and a status that changed with every attempt at a refused write would wake the operator at
 * once for the next one.
 */
export function withRoute({ now, seenAt }: Observation, asked: Asked, route: Asked["route"]): Asked {
  const isUnseen = asked.route === route && seenAt !== undefined && seenAt.route === undefined;
  return isUnseen ? asked : { ...asked, route, routeChangedAt: renderInstant(now) };
}

/** The same of the subsets. */
export function withSubsets({ now, seenAt }: Observation, asked: Asked, subsets: Asked["subsets"]): Asked {
  const isUnseen = asked.subsets === subsets && seenAt !== undefined && seenAt.subsets === undefined;
  return isUnseen ? asked : { ...asked, subsets, subsetsChangedAt: renderInstant(now) };
}

/** Whether every proxy knows the canary's pods: they were seen to be ready long enough ago. */
export function podsAreEverywhere({ now, settings }: Observation, { canaryReadyAt }: Release): boolean {
  return canaryReadyAt !== undefined && now - parseInstant(canaryReadyAt) >= settings.propagation;
}

function isEverywhere({ now, settings }: Observation, askedAt: string, seenAt: Instant | undefined): boolean {
  const asked = parseInstant(askedAt);
  return now - Math.max(asked, seenAt ?? asked) >= settings.propagation;
}
