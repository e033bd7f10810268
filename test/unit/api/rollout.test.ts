import { describe, expect, test } from "vitest";
import { parseSpec, serviceName, storedServiceName } from "../../../src/api/rollout.ts";

describe("parseSpec", () => {
  test("fills in the defaults", () => {
    expect(parseSpec({ targetRef: { name: "product" } })).toMatchObject({
      spec: { targetRef: { kind: "Deployment" }, traffic: { istio: {} }, bake: "2m" },
    });
  });

  test.each([
    [undefined, "spec.: "],
    [{}, "spec: write targetRef or subset, exactly one"],
    [{ targetRef: { name: "product" }, subset: "v1" }, "spec: write targetRef or subset, exactly one"],
    [{ targetRef: { name: "product" }, bake: "soon" }, "spec.bake: write a duration such as 30s, 2m or 1m30s"],
    [{ targetRef: { name: "product" }, steps: [{ weight: 200 }] }, "spec.steps.0.weight: "],
  ])("says of %j what is wrong and where", (spec, problem) => {
    expect(parseSpec(spec)).toEqual({ problems: [expect.stringContaining(problem)] });
  });
});

test.each([
  [{ targetRef: { name: "product" } }, "product"],
  [{ targetRef: { name: "product" }, service: { port: 80 } }, "product"],
  [{ targetRef: { name: "product" }, service: { name: "api" } }, "api"],
])("the Service of %j is %s", (input, expected) => {
  const parsed = parseSpec(input);
  if (!("spec" in parsed)) throw new Error(parsed.problems.join());
  expect(serviceName(parsed.spec)).toBe(expected);
});

test.each([
  [{ targetRef: { name: "product" } }, "product"],
  [{ targetRef: { name: "product" }, service: { name: "front" } }, "front"],
  [{ targetRef: { name: "product" }, service: {}, bake: "nonsense" }, "product"],
  [{ service: { name: 7 } }, undefined],
  [undefined, undefined],
])("storedServiceName() of %j", (spec, name) => expect(storedServiceName(spec)).toBe(name));
