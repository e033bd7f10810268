import { describe, expect, test } from "vitest";
import {
  narrowed,
  originalSubsets,
  restored,
  subsetState,
  subsetsPatch,
  widened,
} from "../../../../src/adapters/istio/destination-rule.ts";
import { destinationRuleOf } from "./samples.ts";

const hash = (value: string): object => ({ "pod-template-hash": value });
const v1 = { name: "v1", labels: { version: "v1" }, zFuture: true };
const stable = { name: "stable", labels: { app: "product" }, trafficPolicy: { tls: {} } };
const canary = { name: "canary", labels: { version: "v2" }, trafficPolicy: { loadBalancer: {} } };
const never = (): boolean => false;

describe("narrowing", () => {
  test("adds both where there are none, after the others", () => {
    const both = [
      { name: "stable", labels: hash("a") },
      { name: "canary", labels: hash("b") },
    ];
    expect(narrowed(undefined, "a", "b")).toEqual(both);
    expect(narrowed([v1], "a", "b")).toEqual([v1, ...both]);
  });

  test("keeps git's labels of stable, replaces the canary's, and keeps fields and order", () => {
    expect(narrowed([canary, v1, stable], "a", "b")).toEqual([
      { ...canary, labels: hash("b") },
      v1,
      { ...stable, labels: { app: "product", ...hash("a") } },
    ]);
  });

  test("knows no hash where somebody wrote a second subset of the name, and makes both select the same", () => {
    const doubled = [...(narrowed([stable], "a", "b") ?? []), { ...stable }];
    expect(subsetState(doubled)).toEqual({ kind: "Present", stable: undefined, canary: "b" });
    const again = narrowed(doubled, "a", "b");
    expect(subsetState(again)).toEqual({ kind: "Present", stable: "a", canary: "b" });
    expect(again).toHaveLength(3);
  });

  test("replaces the hashes of an earlier release", () => {
    expect(narrowed(narrowed([stable], "a", "b"), "b", "c")).toEqual(narrowed([stable], "b", "c"));
  });
});

describe("the way back", () => {
  test.each([
    ["no list", undefined],
    ["an empty list", []],
    ["others only", [v1]],
    ["both of git's", [canary, v1, stable]],
  ])("to %s", (_, subsets) => {
    const original = originalSubsets(subsets, never);
    const narrow = narrowed(subsets, "a", "b");
    const wide = widened(narrow, original, "b");
    expect(subsetState(wide)).toEqual({ kind: "Present", stable: undefined, canary: "b" });
    expect(restored(narrow, original)).toEqual(subsets);
    expect(restored(wide, original)).toEqual(subsets);
    expect(restored(subsets, original)).toEqual(subsets);
  });

  test("keeps what somebody added meanwhile", () => {
    const original = originalSubsets(undefined, never);
    expect(restored([...(narrowed(undefined, "a", "b") ?? []), v1], original)).toEqual([v1]);
  });

  test("brings back what somebody took away", () => {
    const original = originalSubsets([stable], never);
    expect(restored([v1], original)).toEqual([v1, stable]);
  });
});

describe("the original", () => {
  test("has no hash that a forgotten release left", () => {
    const left = narrowed([{ name: "stable", labels: { app: "product" } }], "a", "b");
    expect(originalSubsets(left, never)).toEqual({
      listed: true,
      stable: { name: "stable", labels: { app: "product" } },
      canary: undefined,
    });
  });

  test("keeps a subset that a route still names", () => {
    const left = narrowed(undefined, "a", "b");
    expect(originalSubsets(left, (name) => name === "stable")).toEqual({
      listed: true,
      stable: { name: "stable", labels: {} },
      canary: undefined,
    });
  });
});

describe("the patch", () => {
  const rule = (subsets?: readonly object[]): ReturnType<typeof destinationRuleOf> =>
    destinationRuleOf("product", { host: "product", ...(subsets && { subsets }) });
  const version = { op: "test", path: "/metadata/resourceVersion", value: "7" };

  test("adds, replaces and removes the list, and is empty where it is so", () => {
    expect(subsetsPatch(rule(), [v1])).toEqual([version, { op: "add", path: "/spec/subsets", value: [v1] }]);
    const before = { op: "test", path: "/spec/subsets", value: [v1] };
    expect(subsetsPatch(rule([v1]), [stable])).toEqual([
      version,
      before,
      { op: "replace", path: "/spec/subsets", value: [stable] },
    ]);
    expect(subsetsPatch(rule([v1]), undefined)).toEqual([version, before, { op: "remove", path: "/spec/subsets" }]);
    expect(subsetsPatch(rule([v1]), [v1])).toEqual([]);
    expect(subsetsPatch(rule(), undefined)).toEqual([]);
  });
});
