import { expect, test } from "vitest";
import {
  routesAreEverywhere,
  sightOf,
  subsetsAreEverywhere,
  withRoute,
  withSubsets,
} from "../../../src/domain/propagation.ts";
import {
  ago,
  aRelease,
  canaryRevision,
  inRelease,
  leftToService,
  noon,
  routesAtRest,
  routesSplit,
  stableRevision,
} from "../../support/observation.ts";

const traffic = aRelease().traffic!;

test.each([
  ["a split", { route: "Split", weight: 10 }, routesSplit(10), { route: true, subsets: true }],
  ["another weight", { route: "Split", weight: 10 }, routesSplit(0), { route: false, subsets: true }],
  ["no split yet", { route: "Split", weight: 10 }, routesAtRest, { route: false, subsets: false }],
  ["routes at rest", { route: "Rest", subsets: "Widened" }, leftToService, { route: true, subsets: true }],
  ["a split that is left", { route: "Rest", subsets: "Widened" }, routesSplit(10), { route: false, subsets: false }],
  ["subsets at rest", { route: "Rest", subsets: "Rest" }, routesAtRest, { route: true, subsets: true }],
  ["a subset that is left", { route: "Rest", subsets: "Rest" }, leftToService, { route: true, subsets: false }],
] as const)("sightOf: %s", (_what, changes, seen, wanted) => {
  const release = aRelease({ traffic: { ...traffic, ...changes } });
  const sight = sightOf({ observedGeneration: 1, stable: stableRevision, canary: canaryRevision, release }, seen);
  expect({ route: sight?.route.isSeen, subsets: sight?.subsets.isSeen }).toEqual(wanted);
});

test("sightOf has nothing to tell without a release", () => {
  expect(sightOf({ observedGeneration: 1 }, routesAtRest)).toBeUndefined();
});

test.each([
  [5, undefined, true],
  [1, undefined, false],
  [5, 1, false],
  [5, 3, true],
  [1, 3, false],
])("what was asked for %d s ago and seen %s s ago is everywhere after 2 s: %s", (asked, seen, wanted) => {
  const at = seen === undefined ? undefined : noon - seen * 1_000;
  const observation = inRelease({}, { seenAt: { route: at, subsets: at, steady: at } });
  const wish = { ...traffic, routeChangedAt: ago(asked), subsetsChangedAt: ago(asked) };
  expect(routesAreEverywhere(observation, wish)).toBe(wanted);
  expect(subsetsAreEverywhere(observation, wish)).toBe(wanted);
});

test.each([
  ["has not been seen", { route: undefined, subsets: undefined, steady: undefined }, false],
  ["was seen", { route: noon, subsets: noon, steady: noon }, true],
  ["nobody looked for", undefined, true],
])("what is asked for again and %s gets its time anew or not", (_what, seenAt, isNew) => {
  const observation = inRelease({}, { seenAt });
  const asked = { ...traffic, routeChangedAt: ago(60), subsetsChangedAt: ago(60) };
  const at = isNew ? ago(0) : ago(60);
  expect(withRoute(observation, asked, "Split")).toEqual({ ...asked, routeChangedAt: at });
  expect(withSubsets(observation, asked, "Narrowed")).toEqual({ ...asked, subsetsChangedAt: at });
  expect(withRoute(observation, asked, "Rest")).toEqual({ ...asked, route: "Rest", routeChangedAt: ago(0) });
  expect(withSubsets(observation, asked, "Rest")).toEqual({ ...asked, subsets: "Rest", subsetsChangedAt: ago(0) });
});
