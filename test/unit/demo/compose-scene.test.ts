import { describe, expect, test } from "vitest";
import { composeScene, type Material } from "../../demo/compose-scene.ts";
import { planReleases } from "../../demo/plan.ts";
import { createTraffic } from "../../demo/traffic.ts";

const [plan] = planReleases({ badErrorRate: 0.1, badLatencyMs: undefined, order: ["good"] });

const pod = (name: string, image: string, ready = true) => ({ name, image, ready, createdAt: "", restarts: 0 });

function material(status: object | undefined, more: Partial<Material> = {}): Material {
  return {
    plan: plan!,
    number: 1,
    count: 2,
    description: "a good version",
    command: "kubectl",
    change: "image",
    stable: "v1",
    startedAt: 1000,
    now: 3000,
    events: [],
    step: 1,
    observed: {
      status: status === undefined ? undefined : { observedGeneration: 1, ...status },
      weight: 10,
      pods: [pod("a", "product:v1"), pod("b", "product:v2", false), pod("c", "product:v2")],
    },
    traffic: createTraffic(),
    ...more,
  };
}

const history = (image: string, outcome: string) => ({ history: [{ image, outcome }] }) as object;

describe("a scene", () => {
  test("has what the Rollout says, the stored weight and the pods of both versions", () => {
    const scene = composeScene(material({ phase: "Progressing", message: "Working.", step: "2/3" }));
    expect(scene).toMatchObject({
      phase: "Progressing",
      message: "Working.",
      step: 1,
      weight: 10,
      elapsedMs: 2000,
      good: true,
      stable: { version: "v1", pods: 1, ready: 1 },
      canary: { version: "v2", pods: 2, ready: 1 },
      ended: undefined,
    });
  });

  test("keeps the step when the status names none any more", () => {
    expect(composeScene(material({ phase: "RolledBack", ...history("product:v2", "RolledBack") }))).toMatchObject({
      step: 1,
      ended: "RolledBack",
    });
  });

  test("has passed all steps when its version was promoted, not when the one before was", () => {
    expect(composeScene(material(history("product:v2", "Promoted")))).toMatchObject({ step: 3, ended: "Promoted" });
    expect(composeScene(material(history("product:v1", "Promoted")))).toMatchObject({ step: 1, ended: undefined });
  });

  test("is there before the Rollout has a status", () => {
    expect(composeScene(material(undefined))).toMatchObject({ phase: "", message: "", step: 1 });
  });
});
