import { describe, expect, test } from "vitest";
import { rolloutFrom } from "../../../../src/adapters/kubernetes/rollout-reading.ts";
import { deployments, rollouts } from "../../../../src/adapters/kubernetes/workload-resources.ts";
import { claimProblem, targetName } from "../../../../src/adapters/kubernetes/workload-target.ts";
import type { KubernetesObject, KubernetesObjects, Resource } from "../../../../src/ports/kubernetes-objects.ts";

const rollout = (name: string, second: number, target: unknown = "product"): KubernetesObject => ({
  metadata: { name, namespace: "shop", uid: name, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
  spec: { targetRef: { name: target } },
});

const deployment = (label?: string): KubernetesObject => ({
  metadata: { name: "product", namespace: "shop", labels: label === undefined ? {} : { "serin.dev/rollout": label } },
});

/** Only what is read from caches here. */
const caches = (...objects: readonly [Resource, KubernetesObject][]) => {
  const of = (resource: Resource) => objects.filter(([kind]) => kind === resource).map(([, object]) => object);
  const cached = (resource: Resource, _: string, name: string) =>
    of(resource).find(({ metadata }) => metadata.name === name);
  return { cached, cachedAll: of } as unknown as KubernetesObjects;
};

describe("targetName", () => {
  test.each([
    ["of a good spec", rollout("a", 1), "product"],
    [
      "of a bad spec that names one",
      { ...rollout("a", 1), spec: { targetRef: { name: "product", kind: "StatefulSet" } } },
      "product",
    ],
    ["of a spec that names none, by the label", rollout("a", 1, 7), "product"],
    ["of a spec that names none, without the label", rollout("b", 1, 7), undefined],
  ])("%s", (_, object, name) => {
    const objects = caches([rollouts, object], [deployments, deployment("a")]);
    expect(targetName(objects, rolloutFrom(object))).toBe(name);
  });
});

describe("claimProblem", () => {
  test.each([
    ["alone", [rollout("a", 1)], undefined, undefined],
    ["the older of two", [rollout("a", 1), rollout("b", 2)], undefined, undefined],
    ["the younger of two", [rollout("a", 3), rollout("b", 2)], undefined, "Rollout b"],
    ["of two of one second, the first by name", [rollout("a", 2), rollout("b", 2)], undefined, undefined],
    ["the younger one that has the label", [rollout("a", 3), rollout("b", 2)], "a", undefined],
    ["the older one without the label", [rollout("a", 1), rollout("b", 2)], "b", "Rollout b"],
    ["labelled for one that is gone", [rollout("a", 1)], "gone", undefined],
    ["labelled for one with another target", [rollout("a", 3), rollout("b", 2, "other")], "b", undefined],
  ])("for a Rollout that is %s", (_, all, label, owner) => {
    const objects = caches(...all.map((object): [Resource, KubernetesObject] => [rollouts, object]));
    const problem = claimProblem(objects, rolloutFrom(all[0]!), deployment(label));
    if (owner === undefined) expect(problem).toBeUndefined();
    else
      expect(problem).toMatchObject({ problem: "WorkloadClaimed", message: expect.stringContaining(owner) as string });
  });
});
