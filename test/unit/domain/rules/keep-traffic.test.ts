import { expect, test } from "vitest";
import type { Release } from "../../../../src/api/rollout-status.ts";
import type { TrafficState } from "../../../../src/domain/observation.ts";
import { keepTraffic } from "../../../../src/domain/rules/keep-traffic.ts";
import { ago, inRelease, routesAtRest, routesSplit } from "../../../support/observation.ts";

/** What is done about the traffic while a promotion is carried out. */
function kept(traffic: TrafficState, changes: Partial<NonNullable<Release["traffic"]>> = {}) {
  const asked = { ...inRelease().rollout.status.release!.traffic!, weight: 100, ...changes };
  const observation = inRelease({ decision: "Promote", traffic: asked }, { traffic });
  return keepTraffic(observation, observation.rollout.status.release!);
}

const labels = { kind: "Present", stable: undefined, canary: undefined } as const;
const narrow = { kind: "narrowSubsets", stable: "one", canary: "two" };
const route = { kind: "routeTraffic", weight: 100, original: "{}" };

test("all that is as asked is left alone", () => {
  expect(kept(routesSplit(100))).toBeUndefined();
  expect(kept(routesAtRest, { route: "Rest" })).toBeUndefined();
});

test("routes and labels that somebody else wrote are put back at once, subsets first", () => {
  expect(kept(routesSplit(50))?.plan).toEqual([route]);
  expect(kept({ ...routesSplit(100), subsets: labels })?.plan).toEqual([narrow]);
  expect(kept({ ...routesAtRest, subsets: labels })?.plan).toEqual([narrow, route]);
});

test("a subset canary that was taken away is routed to when every proxy has it again", () => {
  const gone = { ...routesAtRest, subsets: { ...labels, lacksCanary: true } };
  const first = kept(gone);
  expect(first?.plan).toEqual([narrow]);
  expect(first?.status.release?.traffic?.subsetsChangedAt).toBe(ago(0));
  // A cache that does not show it yet gives no more time.
  expect(kept(gone, { subsetsChangedAt: ago(0.5) })?.status.release?.traffic?.subsetsChangedAt).toBe(ago(0.5));
  const there = { ...routesAtRest, subsets: routesSplit(100).subsets };
  expect(kept(there, { subsetsChangedAt: ago(1) })?.plan).toEqual([]);
  expect(kept(there, { subsetsChangedAt: ago(2) })?.plan).toEqual([route]);
});

test("generated objects that are gone are made again", () => {
  expect(kept({ ...routesAtRest, route: { kind: "Absent" } })?.plan).toEqual([{ kind: "createRoute" }]);
});
