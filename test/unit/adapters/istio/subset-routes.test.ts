import { describe, expect, test } from "vitest";
import {
  chosenRoutes,
  dividePatch,
  servePatch,
  servingSubset,
  sharedRoutes,
  sharedState,
  subsetRoutes,
} from "../../../../src/adapters/istio/subset-routes.ts";
import type { Sides } from "../../../../src/adapters/istio/subset-weights.ts";
import { patched } from "./object-store.ts";
import { product, to, virtualServiceOf } from "./samples.ts";

const sides: Sides = { stable: "v1", canary: "v2", retired: [] };
const tester = { match: [{ headers: { "x-test": { exact: "yes" } } }] };

const objectOf = (...http: readonly object[]) => virtualServiceOf("product", { http });
const chosen = (object: ReturnType<typeof objectOf>, names?: readonly string[], recorded?: readonly string[]) =>
  chosenRoutes(
    subsetRoutes(object, product, sides),
    names,
    sides,
    recorded?.map((name) => ({ name, entries: [to("v1")], sum: 100 })),
  ).map(({ index }) => index);

/** The routes after a patch that was made from what they are now. */
function after(
  patchOf: typeof dividePatch | typeof servePatch,
  route: readonly object[],
  how: { weight?: number; subset?: string; before?: readonly Record<string, unknown>[] },
): unknown {
  const object = objectOf({ route });
  const sum = (how.before ?? []).reduce((total, { weight }) => total + ((weight as number | undefined) ?? 100), 0);
  const recorded = how.before && [{ name: undefined, entries: how.before, sum }];
  const shared = sharedRoutes(
    chosenRoutes(subsetRoutes(object, product, sides), undefined, sides, recorded),
    recorded ?? [],
    "v1",
  );
  const patch =
    patchOf === dividePatch
      ? dividePatch(object, shared, sides, how.weight ?? 0)
      : servePatch(object, shared, how.subset ?? "v1");
  const http = patched(object, patch).spec?.["http"] as readonly { readonly route: unknown }[];
  return http[0]?.route;
}

describe("chosenRoutes()", () => {
  test("every route that goes to the subset that serves, but not those of marked callers", () => {
    const object = objectOf({ ...tester, route: [to("v1")] }, { route: [to("v1")] }, { route: [to("v3")] });
    expect(chosen(object)).toEqual([1]);
  });

  test("one that goes to the canary alone is the user's own way to it", () => {
    expect(chosen(objectOf({ name: "beta", route: [to("v2")] }, { name: "primary", route: [to("v1")] }))).toEqual([1]);
  });

  test("unless it is what became of a recorded one, or is named", () => {
    const object = objectOf({ name: "beta", route: [to("v2")] }, { name: "primary", route: [to("v2")] });
    expect(chosen(object, undefined, ["primary"])).toEqual([1]);
    expect(chosen(object, ["beta"])).toEqual([0]);
  });

  test("while no side is known, every destination of the host counts", () => {
    const object = objectOf({ route: [to("v7")] }, { route: [to("v1", 100, "other")] });
    const routes = chosenRoutes(subsetRoutes(object, product, undefined), undefined, undefined);
    expect(routes.map(({ index }) => index)).toEqual([0]);
    expect(servingSubset(routes)).toBe("v7");
  });
});

describe("patches", () => {
  const other = to(undefined, 20, "other");

  test("divide in place, and leave what is not ours byte for byte", () => {
    expect(after(dividePatch, [other, to("v1", 80)], { weight: 50 })).toEqual([other, to("v1", 40), to("v2", 40)]);
    expect(after(dividePatch, [to("v2", 40), to("v3", 20), to("v1", 40)], { weight: 0 })).toEqual([
      to("v2", 0),
      to("v3", 20),
      to("v1", 80),
    ]);
  });

  test("the destination that came for the release goes, and the order of the others stays", () => {
    const split = [to("v1", 40), to("v2", 40), other];
    expect(after(servePatch, split, { subset: "v1", before: [to("v1", 80)] })).toEqual([to("v1", 80), other]);
    expect(after(servePatch, split, { subset: "v2", before: [to("v1", 80)] })).toEqual([to("v2", 80), other]);
  });

  test("one that was there before stays with weight 0", () => {
    const before = [to("v1", 100), to("v2", 0)];
    expect(after(servePatch, [to("v1", 0), to("v2", 100)], { subset: "v2", before })).toEqual([
      to("v1", 0),
      to("v2", 100),
    ]);
    expect(after(servePatch, [to("v1", 40), to("v2", 60)], { subset: "v1", before })).toEqual(before);
  });

  test("a route that is the only destination is never left with weight 0", () => {
    expect(after(servePatch, [to("v1", 0), to("v2", 100)], { subset: "v2", before: [to("v1")] })).toEqual([to("v2")]);
  });

  test("are empty where the routes are so", () => {
    const object = objectOf({ route: [to("v1", 90), to("v2", 10)] });
    const shared = sharedRoutes(subsetRoutes(object, product, sides), [], "v1");
    expect(dividePatch(object, shared, sides, 10)).toEqual([]);
    expect(dividePatch(object, shared, sides, 20)).not.toEqual([]);
  });
});

describe("sharedState()", () => {
  const state = (route: readonly object[], asked?: { route: "Rest" | "Split"; weight: number }, server = "v1") => {
    const shared = sharedRoutes(subsetRoutes(objectOf({ route }), product, sides), [], "v1");
    return sharedState(shared, sides, asked, server);
  };

  test("at rest all of the share is the server's", () => {
    expect(state([to("v1")])).toEqual({ kind: "Rest" });
    expect(state([to("v1", 0), to("v2", 100)], { route: "Rest", weight: 100 }, "v2")).toEqual({ kind: "Rest" });
  });

  test("what was asked for tells a split at 0 from rest", () => {
    const route = [to("v1", 100), to("v2", 0)];
    expect(state(route)).toEqual({ kind: "Rest" });
    expect(state(route, { route: "Split", weight: 0 })).toEqual({ kind: "Split", weight: 0 });
  });

  test("a split is read with its weight, and as none where somebody wrote another", () => {
    expect(state([to("v1", 70), to("v2", 30)])).toEqual({ kind: "Split", weight: 30 });
    expect(state([{ ...to("v1", 70), headers: {} }, to("v2", 30), to("v1", 0)])).toMatchObject({ kind: "Split" });
    expect(state([to(undefined)])).toEqual({ kind: "Split", weight: undefined });
  });
});
