import { describe, expect, test } from "vitest";
import { firstDifference } from "../../../../src/adapters/kubernetes/template-difference.ts";

describe("firstDifference", () => {
  test.each([
    ["nothing", { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, undefined],
    ["a value", { spec: { dnsPolicy: "ClusterFirst" } }, { spec: { dnsPolicy: "Default" } }, "spec.dnsPolicy"],
    [
      "something in a list",
      { containers: [{ image: "a" }, { image: "b" }] },
      { containers: [{ image: "a" }, { image: "c" }] },
      "containers[1].image",
    ],
    ["one more in a list", { containers: [1] }, { containers: [1, 2] }, "containers"],
    ["a member that is missing", { spec: { hostname: "a" } }, { spec: {} }, "spec.hostname"],
    ["a member too many", { spec: {} }, { spec: { hostname: "a" } }, "spec.hostname"],
    ["a member of another kind", { spec: [] }, { spec: {} }, "spec"],
  ])("finds %s", (_, wanted, found, path) => {
    expect(firstDifference(wanted, found)).toBe(path);
  });

  test("begins at the path that it is told", () => {
    expect(firstDifference({ a: 1 }, { a: 2 }, "spec.template")).toBe("spec.template.a");
  });
});
