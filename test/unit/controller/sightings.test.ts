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
  expect(see(routesAtRest, 1)).toMatchObject({ route: undefined, subsets: undefined });
  expect(see(routesSplit(10), 2)).toMatchObject({ route: 2, subsets: 2 });
  expect(see(routesSplit(40), 3)).toMatchObject({ route: 2, subsets: 2 });
  expect(see(routesSplit(10), 4)).toMatchObject({ route: 2, subsets: 2 });
});

test("Sightings tells since when each look has shown all as asked, from the first look of an operator on", () => {
  const sightings = new Sightings();
  const status = asked({ weight: 10 });
  const steady = (traffic: Parameters<typeof sightOf>[1], now: number) =>
    sightings.note("shop/product", sightOf(status, traffic), now)?.steady;
  const subsets = { kind: "Present", stable: "one", canary: undefined } as const;
  expect([steady(routesAtRest, 1), steady(routesSplit(10), 2), steady(routesSplit(10), 3)]).toEqual([undefined, 2, 2]);
  expect([steady(routesSplit(40), 4), steady(routesSplit(10), 5)]).toEqual([undefined, 5]);
  expect([steady({ ...routesSplit(10), subsets }, 6), steady(routesSplit(10), 7)]).toEqual([undefined, 7]);
  expect(new Sightings().note("shop/product", sightOf(status, routesSplit(10)), 8)?.steady).toBe(8);
});

test("Sightings hurries when somebody else changes what was seen, never twice in a row, and not for our own writes", () => {
  const sightings = new Sightings();
  const status = asked({ weight: 10 });
  const look = (traffic: Parameters<typeof sightOf>[1]) => {
    const sight = sightOf(status, traffic);
    sightings.note("a", sight, 1);
    return sightings.mustHurry("a", sight, traffic);
  };
  const foreign = { ...routesSplit(40), foreignManager: "git" };
  expect(look(foreign)).toBe(false); // never seen as asked: this may be what was there before
  expect(look(routesSplit(10))).toBe(false);
  expect(look(routesSplit(0))).toBe(false); // ours, by a decision that could not be stored
  expect([look(foreign), look(foreign), look(foreign)]).toEqual([true, false, true]);
  expect(look(routesSplit(10))).toBe(false);
  const subsets = { kind: "Present", stable: "one", canary: undefined } as const;
  expect(look({ ...routesSplit(10), subsets, subsetsManager: "git" })).toBe(true);
  expect(look(routesSplit(10))).toBe(false);
  expect(look({ ...routesSplit(10), subsets, foreignManager: "git" })).toBe(false);
  sightings.forget("a");
  expect(look(foreign)).toBe(false);
});

test("Sightings begins again with every wish, without a release, and for every Rollout by itself", () => {
  const sightings = new Sightings();
  const early = sightOf(asked({ weight: 10, routeChangedAt: "2026-01-01T12:00:00.000Z" }), routesSplit(10));
  const late = sightOf(asked({ weight: 10, routeChangedAt: "2026-01-01T12:00:01.000Z" }), routesSplit(10));
  expect(sightings.note("a", early, 1)).toMatchObject({ route: 1, subsets: 1 });
  expect(sightings.note("a", late, 2)).toMatchObject({ route: 2, subsets: 1 });
  expect(sightings.note("b", late, 3)).toMatchObject({ route: 3, subsets: 3 });
  expect(sightings.note("a", undefined, 4)).toBeUndefined();
  expect(sightings.note("a", late, 5)).toMatchObject({ route: 5, subsets: 5 });
  sightings.forget("a");
  expect(sightings.note("a", late, 6)).toMatchObject({ route: 6, subsets: 6 });
});
