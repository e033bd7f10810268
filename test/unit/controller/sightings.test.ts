import { expect, test } from "vitest";
import { Sightings } from "../../../src/controller/sightings.ts";
import { sightOf } from "../../../src/domain/propagation.ts";
import { aRelease, canaryRevision, routesAtRest, routesSplit, stableRevision } from "../../support/observation.ts";

const asked = (changes: Partial<NonNullable<ReturnType<typeof aRelease>["traffic"]>>) => ({
  observedGeneration: 1,
  stable: stableRevision,
  canary: canaryRevision,
  release: aRelease({ traffic: { ...aRelease().traffic!, ...changes } }),
});

test("Sightings tells when what was asked for was first seen, whatever others write after that", () => {
  const sightings = new Sightings();
  const status = asked({ weight: 10 });
  const see = (traffic: Parameters<typeof sightOf>[1], now: number) =>
    sightings.note("shop/product", sightOf(status, traffic), now);
  expect(see(routesAtRest, 1)).toEqual({ route: undefined, subsets: undefined });
  expect(see(routesSplit(10), 2)).toEqual({ route: 2, subsets: 2 });
  expect(see(routesSplit(40), 3)).toEqual({ route: 2, subsets: 2 });
  expect(see(routesSplit(10), 4)).toEqual({ route: 2, subsets: 2 });
});

test("Sightings begins again with every wish, without a release, and for every Rollout by itself", () => {
  const sightings = new Sightings();
  const early = sightOf(asked({ weight: 10, routeChangedAt: "2026-01-01T12:00:00.000Z" }), routesSplit(10));
  const late = sightOf(asked({ weight: 10, routeChangedAt: "2026-01-01T12:00:01.000Z" }), routesSplit(10));
  expect(sightings.note("a", early, 1)).toEqual({ route: 1, subsets: 1 });
  expect(sightings.note("a", late, 2)).toEqual({ route: 2, subsets: 1 });
  expect(sightings.note("b", late, 3)).toEqual({ route: 3, subsets: 3 });
  expect(sightings.note("a", undefined, 4)).toBeUndefined();
  expect(sightings.note("a", late, 5)).toEqual({ route: 5, subsets: 5 });
  sightings.forget("a");
  expect(sightings.note("a", late, 6)).toEqual({ route: 6, subsets: 6 });
});
