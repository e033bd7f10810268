import { describe, expect, test } from "vitest";
import {
  httpRoutes,
  restorePatch,
  routeState,
  selectedRoutes,
  splitPatch,
} from "../../../../src/adapters/istio/virtual-service.ts";
import { product, to, virtualServiceOf } from "./samples.ts";

describe("the routes to split", () => {
  const pinnedBy = (match: object): object => ({ match: [match], route: [to()] });
  const object = virtualServiceOf("product", {
    http: [
      pinnedBy({ headers: { cookie: { regex: "canary=1" } } }),
      pinnedBy({ sourceLabels: { app: "tester" } }),
      pinnedBy({ sourceNamespace: "testers" }),
      pinnedBy({ uri: { prefix: "/api" }, port: 8080 }),
      { name: "foreign", route: [to("v1", 50), to("v2", 50)] },
      { name: "primary", route: [to("v1", 10), to("stable", 90)] },
      { route: [to(undefined, undefined, "product.shop")] },
    ],
  });
  const routes = httpRoutes(object, product);

  test("are those of the host that are not pinned and name none of the user's own subsets only", () => {
    expect(selectedRoutes(routes, undefined).map(({ index }) => index)).toEqual([3, 5, 6]);
  });

  test("are those of the names where there are names", () => {
    expect(selectedRoutes(routes, ["primary"]).map(({ index, ours }) => ({ index, ours }))).toEqual([
      { index: 5, ours: [1] },
    ]);
  });
});

describe("what is written", () => {
  const entry = { ...to(undefined, 60), headers: { response: { remove: ["x"] } } };
  const object = virtualServiceOf("product", {
    http: [{ redirect: {} }, { name: "primary", route: [to(undefined, 40, "other"), entry], zFuture: 1 }],
  });
  const routes = selectedRoutes(httpRoutes(object, product), undefined);
  const originals = [{ name: "primary", entries: [entry], sum: 60 }];
  const split = [to(undefined, 40, "other"), { ...entry, ...to("stable", 54) }, { ...entry, ...to("canary", 6) }];

  test("is the one list that changes, on the version and the list that were read", () => {
    expect(splitPatch(object, routes, originals, 10)).toEqual([
      { op: "test", path: "/metadata/resourceVersion", value: "7" },
      { op: "test", path: "/spec/http/1/route", value: [to(undefined, 40, "other"), entry] },
      { op: "replace", path: "/spec/http/1/route", value: split },
    ]);
  });

  test("is nothing where it is so", () => {
    expect(restorePatch(object, routes, originals)).toEqual([]);
    const done = virtualServiceOf("product", { http: [{ name: "primary", route: split }] });
    const selected = selectedRoutes(httpRoutes(done, product), undefined);
    expect(splitPatch(done, selected, originals, 10)).toEqual([]);
    expect(restorePatch(done, selected, originals)).toHaveLength(3);
  });

  test("goes by name when routes have moved", () => {
    const moved = virtualServiceOf("product", {
      http: [
        { name: "new", route: [to(undefined, 30)] },
        { name: "primary", route: split },
      ],
    });
    const selected = selectedRoutes(httpRoutes(moved, product), undefined);
    expect(restorePatch(moved, selected, originals)).toEqual([
      expect.objectContaining({ op: "test" }),
      expect.objectContaining({ path: "/spec/http/1/route" }),
      { op: "replace", path: "/spec/http/1/route", value: [to(undefined, 40, "other"), entry] },
    ]);
  });
});

describe("the state of the routes", () => {
  const stateOf = (lists: readonly object[][], asked?: { route: "Rest" | "Split"; weight: number }): unknown => {
    const object = virtualServiceOf("product", { http: lists.map((route) => ({ route })) });
    const originals = lists.map(() => ({ entries: [to(undefined, 30)], sum: 30 }));
    return routeState(httpRoutes(object, product), originals, asked);
  };
  const at = (canary: number): object[] => [to("stable", 30 - canary), to("canary", canary)];

  test.each([
    ["at rest", [[to(undefined, 30)]], undefined, { kind: "Rest" }],
    [
      "as asked, where the weights are coarse",
      [at(2)],
      { route: "Split" as const, weight: 5 },
      { kind: "Split", weight: 5 },
    ],
    ["otherwise than asked", [at(15)], { route: "Split" as const, weight: 5 }, { kind: "Split", weight: 49 }],
    ["disagreeing", [at(15), at(3)], { route: "Split" as const, weight: 50 }, { kind: "Split", weight: undefined }],
    [
      "half split",
      [at(15), [to(undefined, 30)]],
      { route: "Split" as const, weight: 50 },
      { kind: "Split", weight: undefined },
    ],
    ["of another sum", [[to("stable", 90), to("canary", 10)]], undefined, { kind: "Split", weight: undefined }],
  ])("%s", (_, lists, asked, state) => {
    expect(stateOf(lists, asked)).toEqual(state);
  });
});
