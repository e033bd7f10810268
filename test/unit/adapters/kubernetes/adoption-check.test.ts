import { describe, expect, test } from "vitest";
import { handOverObstacle, type HandOverState } from "../../../../src/adapters/kubernetes/adoption-check.ts";
import { revisionOf } from "../../../../src/domain/revision.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";

const template = (image: string) => ({ metadata: { labels: { app: "product" } }, spec: { containers: [{ image }] } });

const deployment = (spec: Record<string, unknown> = {}, metadata: object = {}): KubernetesObject => ({
  metadata: { name: "product", generation: 3, ...metadata },
  spec: {
    replicas: 4,
    paused: true,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "100%" } },
    template: template("v2"),
    ...spec,
  },
  status: { observedGeneration: 3 },
});

const replicaSet = (image: string, replicas: number, available = replicas): KubernetesObject => ({
  metadata: { name: `product-${image}` },
  spec: { replicas, template: template(image) },
  status: { availableReplicas: available },
});

const obstacle = (change: Partial<HandOverState> = {}) =>
  handOverObstacle({
    deployment: deployment(),
    canary: replicaSet("v2", 4),
    controlled: [replicaSet("v1", 4), replicaSet("v0", 0)],
    replicas: 4,
    revision: revisionOf(template("v2")),
    evenIfNewer: false,
    ...change,
  });

const withSurge = (maxSurge: unknown) =>
  deployment({ strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge } } });

describe("handOverObstacle", () => {
  test.each<[string, Partial<HandOverState>, string | undefined]>([
    ["all agrees", {}, undefined],
    [
      "the Deployment is being deleted",
      { deployment: deployment({}, { deletionTimestamp: "2026-01-01T00:00:00Z" }) },
      "it is being deleted",
    ],
    [
      "the template changed",
      { deployment: deployment({ template: template("v3") }) },
      "it has another pod template by now",
    ],
    [
      "the ReplicaSet was given another template",
      { canary: replicaSet("v3", 4) },
      `the ReplicaSet does not run the analysed revision ${revisionOf(template("v2"))}`,
    ],
    [
      "a newer template is held and this release is to be finished",
      { deployment: deployment({ template: template("v3") }), evenIfNewer: true },
      undefined,
    ],
    [
      "a newer template rolls out already",
      { deployment: deployment({ template: template("v3"), paused: false }), evenIfNewer: true },
      "it is rolling another pod template out",
    ],
    ["the Deployment was scaled", { deployment: deployment({ replicas: 6 }) }, "its size is 6, not 4"],
    ["the canary is smaller", { canary: replicaSet("v2", 3) }, "the canary's size is 3, not 4"],
    ["a canary pod is away", { canary: replicaSet("v2", 4, 3) }, "the number of available canary pods is 3, not 4"],
    [
      "the old one is smaller",
      { controlled: [replicaSet("v1", 3)] },
      "its active ReplicaSets have the sizes [3], not [4]",
    ],
    [
      "two old ones are active",
      { controlled: [replicaSet("v1", 4), replicaSet("v0", 1)] },
      "its active ReplicaSets have the sizes [4, 1], not [4]",
    ],
    ["the surge is not open", { deployment: withSurge("25%") }, 'its maxSurge is "25%", not "100%"'],
    [
      "the open surge was not seen yet",
      { deployment: deployment({}, { generation: 4 }) },
      "its controller has not seen the last change yet",
    ],
    ["the strategy knows no surge", { deployment: deployment({ strategy: { type: "Recreate" } }) }, undefined],
    [
      "somebody unpaused it",
      { deployment: deployment({ paused: false }), controlled: [replicaSet("v1", 3), replicaSet("v2", 1)] },
      undefined,
    ],
    ["it was unpaused for a while", { controlled: [replicaSet("v1", 3), replicaSet("v2", 1)] }, undefined],
    [
      "nothing runs",
      { deployment: deployment({ replicas: 0 }), canary: replicaSet("v2", 0), controlled: [], replicas: 0 },
      undefined,
    ],
  ])("when %s", (_, change, expected) => {
    expect(obstacle(change)).toBe(expected);
  });
});
