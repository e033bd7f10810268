import { describe, expect, test } from "vitest";
import { maxReplicas, scalingAnnotations } from "../../../../src/adapters/kubernetes/deployment-spec.ts";

const deployment = (replicas: number, maxSurge: unknown) => ({
  metadata: { name: "product" },
  spec: {
    replicas,
    strategy: { type: "RollingUpdate", ...(maxSurge === undefined ? {} : { rollingUpdate: { maxSurge } }) },
  },
});

describe("maxReplicas", () => {
  test.each([
    [4, "25%", 5],
    [5, "25%", 7],
    [4, "100%", 8],
    [4, 2, 6],
    [4, 0, 4],
    [0, "25%", 0],
    [4, undefined, 4],
    [4, "nonsense", 4],
  ])("of %i pods and a surge of %s is %i", (replicas, surge, most) => {
    expect(maxReplicas(deployment(replicas, surge))).toBe(most);
  });
});

test("scalingAnnotations are text", () => {
  expect(scalingAnnotations(deployment(4, "25%"))).toEqual({
    "deployment.kubernetes.io/desired-replicas": "4",
    "deployment.kubernetes.io/max-replicas": "5",
  });
});
