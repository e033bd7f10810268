import { describe, expect, test } from "vitest";
import { isProblem } from "../../../../src/domain/observation.ts";
import { duringRelease } from "../../../contract/traffic-router.contract.ts";
import type { ObjectStore } from "./object-store.ts";
import { destinationRuleOf, to, virtualServiceOf } from "./samples.ts";
import { revisionOf, subsetMesh, subsetRollout, subsetRouter } from "./subset-mesh.ts";

const unknown = { stable: undefined, canary: undefined };
const serving = { stable: revisionOf("v1") };

function problem(store: ObjectStore, rollout = subsetRollout(unknown)): string {
  const state = subsetRouter(store).readTraffic(rollout);
  return isProblem(state) ? `${state.problem}: ${state.message}` : "none";
}

describe("at first contact the routes tell which subset serves", () => {
  test.each([
    ["the only one", [to("v1")], "v1"],
    ["the one with weight", [to("v1", 0), to("v2", 100)], "v2"],
    ["whatever another host gets", [to("v3", 80), to(undefined, 20, "other")], "v3"],
  ])("%s", (_, route, subset) => {
    const state = subsetRouter(subsetMesh({ route })).readTraffic(subsetRollout(unknown));
    expect(state).toMatchObject({ route: { kind: "Rest" }, serving: subset });
  });

  test("where they do not, the message says which route, what is there and what to write", () => {
    expect(problem(subsetMesh({ name: "primary", route: [to("v1", 60), to("v2", 40)] }))).toBe(
      "RouteNotSplittable: VirtualService shop/product, spec.http[0] (primary): is split between the subsets v1 (60) and v2 (40) of product.shop.svc.cluster.local, so it cannot be told which one serves. Give all of it to one.",
    );
    expect(problem(subsetMesh({ route: [to(undefined)] }))).toContain(
      "spec.http[0]: goes to product.shop.svc.cluster.local without a subset, so to all versions. Write the subset that serves.",
    );
    expect(problem(subsetMesh({ route: [to("v1")] }, { route: [to("v2")] }))).toContain(
      "its routes go to different subsets of product.shop.svc.cluster.local: spec.http[0] goes to v1, spec.http[1] goes to v2.",
    );
  });
});

describe("routes that cannot carry a release are told", () => {
  test.each([
    [
      "a name that is not there",
      [{ name: "all", route: [to("v1")] }],
      ["primary"],
      "RouteNotFound: VirtualService shop/product, spec.http: no route is named primary; it has all.",
    ],
    ["no names at all", [{ route: [to("v1")] }], ["primary"], "its http routes have no names"],
    [
      "a named one that goes elsewhere",
      [{ name: "all", route: [to("v3")] }],
      ["all"],
      "no destination of route all goes to the subset",
    ],
    [
      "only pinned ones",
      [{ match: [{ headers: { a: {} } }], route: [to("v1")] }],
      undefined,
      "no route without a match on headers goes to the subset",
    ],
    [
      "weights that cannot be divided",
      [{ route: [to("v1", 1), to(undefined, 99, "other")] }],
      undefined,
      "add up to 1, which cannot be divided",
    ],
  ])("%s", (_, http, routes, says) => {
    expect(problem(subsetMesh(...http), subsetRollout(serving, routes && { routes }))).toContain(says);
  });

  test("objects that are not there, or that the spec leaves out", () => {
    const rollout = subsetRollout(serving, { spec: { traffic: { istio: {} } } });
    expect(problem(subsetMesh({ route: [to("v1")] }), rollout)).toContain("With spec.subset nothing is generated.");
    const elsewhere = {
      traffic: { istio: { virtualService: { name: "cart" }, destinationRule: { name: "product" } } },
    };
    expect(problem(subsetMesh(), subsetRollout(serving, { spec: elsewhere }))).toContain(
      "spec.traffic.istio.virtualService.name: there is no VirtualService shop/cart.",
    );
  });

  test("a DestinationRule of another host, and a second one for this host", () => {
    const store = subsetMesh({ route: [to("v1")] });
    store.put("destinationrules", destinationRuleOf("second", { host: "product" }));
    expect(problem(store, subsetRollout(serving))).toContain("HostClaimed: DestinationRule shop/second");
    const wrong = subsetMesh({ route: [to("v1")] });
    wrong.put("destinationrules", destinationRuleOf("product", { host: "cart" }));
    expect(problem(wrong, subsetRollout(serving))).toContain("DestinationRule shop/product, spec.host: is cart");
  });

  test("in mid-release they are told beside how traffic goes", () => {
    const store = subsetMesh({ route: [to("v1")] });
    const original = subsetRouter(store).describeOriginal(subsetRollout());
    store.put("destinationrules", destinationRuleOf("second", { host: "product" }));
    const state = subsetRouter(store).readTraffic(duringRelease(subsetRollout(), original, "Split", 0));
    expect(isProblem(state) ? [] : state.unsplit).toEqual([expect.stringContaining("DestinationRule shop/second")]);
  });
});

test("callers whose route names no subset are found, in whatever VirtualService", () => {
  const store = subsetMesh({ route: [to("v1")] });
  store.put("virtualservices", virtualServiceOf("edge", { http: [{ route: [to(undefined)] }, { route: [to("v2")] }] }));
  const state = subsetRouter(store).readTraffic(subsetRollout(serving));
  expect(isProblem(state) ? [] : state.unsplit).toEqual([
    "VirtualService shop/edge, spec.http[0]: goes to product.shop.svc.cluster.local without a subset",
  ]);
});
