import { describe, expect, test } from "vitest";
import { parseSubsetOriginal, releasesSubsets, sidesOf } from "../../../../src/adapters/istio/subset-original.ts";
import { isProblem } from "../../../../src/domain/observation.ts";
import type { TrafficAction } from "../../../../src/ports/traffic-router.ts";
import { NotFoundError, RejectedError } from "../../../../src/runtime/errors.ts";
import { describeTrafficRouter, duringRelease } from "../../../contract/traffic-router.contract.ts";
import { createObjectStore, type ObjectStore } from "./object-store.ts";
import { rolloutOf, serviceOf, to } from "./samples.ts";
import { revisionOf, subsetMesh, subsetRollout, subsetRouter } from "./subset-mesh.ts";

const { signal } = new AbortController();

describeTrafficRouter(
  "the router of subsets on objects in memory",
  () => {
    const store = subsetMesh({ route: [to("v1")] });
    const snapshot = ["services", "virtualservices", "destinationrules"];
    return Promise.resolve({
      router: subsetRouter(store),
      rollout: subsetRollout(),
      snapshot: () =>
        Promise.resolve(
          snapshot.flatMap((plural) =>
            store.cachedAll({ group: "", version: "", plural }).map(({ spec }) => structuredClone(spec)),
          ),
        ),
      caughtUp: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
  },
  ["subsets"],
);

const httpIn = (store: ObjectStore) => store.get("virtualservices", "shop", "product")?.spec?.["http"];

/** A release from v1 to v2 on a mesh with these routes. */
function releaseOn(...http: readonly object[]) {
  const store = subsetMesh(...http);
  const router = subsetRouter(store);
  const original = router.describeOriginal(subsetRollout());
  const rollout = duringRelease(subsetRollout(), original, "Split", 50);
  const perform = (action: TrafficAction) => router.perform(action, rollout, signal);
  return { store, router, original, rollout, perform };
}

describe("a release between two subsets", () => {
  test("in every version ever stored the sum stays, and what is not ours stays byte for byte", async () => {
    const tester = { match: [{ headers: { "x-test": { exact: "yes" } } }], route: [to("v2")] };
    const other = { ...to(undefined, 20, "other"), headers: {} };
    const third = to("v3", 10);
    const { store, perform, original } = releaseOn(tester, { timeout: "5s", route: [to("v1", 70), other, third] });
    for (const weight of [10, 50, 100, 0]) await perform({ kind: "routeTraffic", weight, original });
    await perform({ kind: "routeTraffic", weight: 100, original });
    await perform({ kind: "serveSubset", subset: "v2" });
    expect(httpIn(store)).toEqual([tester, { timeout: "5s", route: [to("v2", 70), other, third] }]);
    const versions = store.versions.filter(({ plural }) => plural === "virtualservices").slice(1);
    expect(versions).toHaveLength(6);
    for (const { object } of versions) {
      const [first, second] = object.spec?.["http"] as readonly { readonly route: readonly { weight: number }[] }[];
      expect(first).toEqual(tester);
      expect(second?.route).toContainEqual(other);
      expect(second?.route).toContainEqual(third);
      expect(second?.route.reduce((sum, { weight }) => sum + weight, 0)).toBe(100);
    }
    expect(store.requests.filter((request) => !request.includes("patch virtualservices"))).toEqual([]);
  });

  test("git's old weights in mid-release are taken for stable's, and come to an end with it", async () => {
    const status = {
      stable: revisionOf("v2"),
      canary: revisionOf("v3"),
      subsets: { retired: ["v1"], corrections: [] },
    };
    const store = subsetMesh({ route: [to("v2")] });
    const router = subsetRouter(store);
    const original = router.describeOriginal(subsetRollout(status));
    const rollout = duringRelease(subsetRollout(status), original, "Split", 50);
    const object = store.get("virtualservices", "shop", "product");
    store.put("virtualservices", { ...object, spec: { http: [{ route: [to("v1")] }] } } as never);
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Split", weight: undefined } });
    await router.perform({ kind: "routeTraffic", weight: 50, original }, rollout, signal);
    expect(httpIn(store)).toEqual([{ route: [to("v2", 50), to("v3", 50)] }]);
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Split", weight: 50 } });
  });

  test("the end of a promotion is read as rest only when it is there", async () => {
    const { store, router, rollout, original, perform } = releaseOn({ route: [to("v1")] });
    await perform({ kind: "routeTraffic", weight: 100, original });
    const ending = duringRelease(rollout, original, "Rest", 100);
    const release = { ...ending.status.release, decision: "Promote" } as never;
    const promoting = { ...ending, status: { ...ending.status, release } };
    expect(router.readTraffic(promoting)).toMatchObject({ route: { kind: "Split", weight: 100 } });
    await router.perform({ kind: "serveSubset", subset: "v2" }, promoting, signal);
    expect(httpIn(store)).toEqual([{ route: [to("v2")] }]);
    expect(router.readTraffic(promoting)).toMatchObject({ route: { kind: "Rest" }, serving: "v2" });
  });

  test("a refusal is found before the first weight, and says with which", async () => {
    const { store, router, rollout } = releaseOn({ route: [to("v1")] });
    store.refuseWrites((_, { spec }) =>
      JSON.stringify(spec).includes('"weight":50') ? new RejectedError("no half") : undefined,
    );
    expect(await router.rehearse(rollout, signal)).toEqual({
      problem: "TrafficConfigRejected",
      message: "VirtualService shop/product with 50 % for subset v2 was refused, so the release did not start: no half",
    });
    expect(store.versions).toHaveLength(3);
  });

  test("without a route only the way back is done already", async () => {
    const { original, rollout } = releaseOn({ route: [to("v1")] });
    const empty = createObjectStore();
    empty.put("services", serviceOf());
    const router = subsetRouter(empty);
    await router.perform({ kind: "restoreRoute", original }, rollout, signal);
    await router.perform({ kind: "routeTraffic", weight: 0, original }, rollout, signal);
    await expect(router.perform({ kind: "routeTraffic", weight: 10, original }, rollout, signal)).rejects.toThrow(
      NotFoundError,
    );
    await expect(router.perform({ kind: "serveSubset", subset: "v2" }, rollout, signal)).rejects.toThrow(NotFoundError);
  });
});

describe("at rest", () => {
  const atRest = { stable: revisionOf("v2"), subsets: { retired: ["v1"], corrections: [] } };

  test.each([
    ["git names the one before", [to("v1")], [to("v2")]],
    ["git knows both", [to("v1", 100), to("v2", 0)], [to("v1", 0), to("v2", 100)]],
    ["somebody splits", [to("v1", 30), to("v2", 70)], [to("v1", 0), to("v2", 100)]],
    ["no subset is named", [to(undefined)], [to("v2")]],
  ])("%s: the share goes back to the one that serves", async (_, route, after) => {
    const store = subsetMesh({ route });
    const router = subsetRouter(store);
    expect(router.readTraffic(subsetRollout(atRest))).toMatchObject({
      route: { kind: "Split" },
      foreignManager: "git",
    });
    await router.perform({ kind: "serveSubset", subset: "v2" }, subsetRollout(atRest), signal);
    expect(httpIn(store)).toEqual([{ route: after }]);
    expect(router.readTraffic(subsetRollout(atRest))).toMatchObject({ route: { kind: "Rest" } });
  });

  test("suspended, the routes are the user's", () => {
    const rollout = subsetRollout(atRest, { spec: { suspend: true } });
    const state = subsetRouter(subsetMesh({ route: [to("v3")] })).readTraffic(rollout);
    expect(state).toMatchObject({ route: { kind: "Rest" }, serving: "v3" });
    const split = subsetRouter(subsetMesh({ route: [to("v1", 50), to("v3", 50)] })).readTraffic(rollout);
    expect(isProblem(split) ? split.message : split.serving).toBeUndefined();
  });
});

describe("which form a Rollout is of", () => {
  test("its spec says, or in mid-release what was recorded", () => {
    const original = subsetRouter(subsetMesh({ route: [to("v1")] })).describeOriginal(subsetRollout());
    const unread = { ...duringRelease(subsetRollout(), original, "Split", 10), spec: undefined };
    expect(releasesSubsets(subsetRollout())).toBe(true);
    expect(releasesSubsets(unread)).toBe(true);
    expect(releasesSubsets(rolloutOf())).toBe(false);
    expect(releasesSubsets({ ...rolloutOf(), spec: undefined })).toBe(false);
  });

  test("what was recorded tells the subsets, whatever the status says by now", () => {
    const original = subsetRouter(subsetMesh({ route: [to("v1")] })).describeOriginal(subsetRollout());
    const recorded = parseSubsetOriginal(original);
    expect(sidesOf(subsetRollout({}), recorded)).toEqual({ stable: "v1", canary: "v2", retired: [] });
    expect(sidesOf(subsetRollout({}), undefined)).toBeUndefined();
    expect(parseSubsetOriginal(undefined)).toBeUndefined();
    expect(parseSubsetOriginal("{}")).toBeUndefined();
    expect(parseSubsetOriginal("nonsense")).toBeUndefined();
  });
});
