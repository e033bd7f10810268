import type { Scene, SceneVersion } from "../../demo/scene.ts";

/** A version with three ready pods that answers a hundred requests per second. */
export function sceneVersion(version: string, more: Partial<SceneVersion> = {}): SceneVersion {
  return { version, pods: 3, ready: 3, traffic: { perSecond: 100, errors: 0, p99Ms: 41 }, ...more };
}

/** A good release in its second step. */
export function sceneWith(more: Partial<Scene> = {}): Scene {
  return {
    number: 1,
    count: 2,
    good: true,
    description: "a good version",
    command: "kubectl apply -f shop/product.yaml",
    change: "image: product:v2",
    elapsedMs: 65_000,
    phase: "Progressing",
    message: "Waiting until 50 % of the traffic is seen at the canary.",
    steps: [10, 50, 100],
    step: 1,
    weight: 50,
    stable: sceneVersion("v1"),
    canary: sceneVersion("v2"),
    shares: [0, 0.1, 0.5],
    events: [{ at: 3000, reason: "ReleaseStarted", note: "Release 1: product:v1 → product:v2", warning: false }],
    ended: undefined,
    ...more,
  };
}
