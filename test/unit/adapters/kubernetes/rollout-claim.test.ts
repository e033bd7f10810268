import { describe, expect, test } from "vitest";
import { claim, letGo, mendSpec } from "../../../../src/adapters/kubernetes/rollout-claim.ts";
import type { WorkloadWrite } from "../../../../src/adapters/kubernetes/workload-write.ts";
import { finalizer } from "../../../../src/api/names.ts";
import type { Rollout } from "../../../../src/api/rollout.ts";
import type { JsonPatch, KubernetesObject, KubernetesObjects } from "../../../../src/ports/kubernetes-objects.ts";
import { aRollout } from "../../../support/observation.ts";

/** Carries an action out on a Rollout as it is stored, and answers with the patches that were sent. */
async function patchesOf(
  act: (write: WorkloadWrite) => Promise<unknown>,
  rollout: Rollout,
  stored: KubernetesObject["metadata"] | undefined,
  target: string | undefined = "product",
): Promise<readonly JsonPatch[]> {
  const patches: JsonPatch[] = [];
  const objects: Partial<KubernetesObjects> = {
    read: () => Promise.resolve(stored === undefined ? undefined : { metadata: stored }),
    jsonPatch: (_resource, _namespace, _name, patch) => {
      patches.push(patch);
      return Promise.resolve({ metadata: { name: "product" } });
    },
  };
  const { signal } = new AbortController();
  await act({ objects: objects as KubernetesObjects, rollout, target, signal });
  return patches;
}

const changes = (patches: readonly JsonPatch[]) => patches.flat().filter(({ op }) => op !== "test");

describe("the finalizer", () => {
  const rollout = aRollout();
  const stored = { name: "product", uid: rollout.uid, resourceVersion: "7" };

  test("is added beside those of others, once", async () => {
    expect(changes(await patchesOf(claim, rollout, stored))).toEqual([
      { op: "add", path: "/metadata/finalizers", value: [finalizer] },
    ]);
    expect(changes(await patchesOf(claim, rollout, { ...stored, finalizers: ["theirs"] }))).toEqual([
      { op: "add", path: "/metadata/finalizers/-", value: finalizer },
    ]);
    expect(await patchesOf(claim, rollout, { ...stored, finalizers: [finalizer] })).toEqual([]);
  });

  test("is taken off alone, and not off another Rollout of the name", async () => {
    const finalizers = ["theirs", finalizer];
    expect(changes(await patchesOf(letGo, rollout, { ...stored, finalizers }))).toEqual([
      { op: "remove", path: "/metadata/finalizers/1" },
    ]);
    expect(await patchesOf(letGo, rollout, { ...stored, uid: "another", finalizers })).toEqual([]);
    expect(await patchesOf(letGo, rollout, undefined)).toEqual([]);
  });
});

test("a Rollout that has something to tell since it was looked at is not let go by a write that arrives late", async () => {
  const rollout = aRollout();
  const [patch] = await patchesOf(letGo, rollout, {
    name: "product",
    uid: rollout.uid,
    resourceVersion: "7",
    finalizers: [finalizer],
  });
  expect(patch).toContainEqual({ op: "test", path: "/metadata/resourceVersion", value: "7" });
});

describe("a stored spec that the API server does not take any more", () => {
  const unparsed = aRollout({ deleting: true, spec: { bake: "soon" } });
  const stored = { name: "product", uid: unparsed.uid, resourceVersion: "7", finalizers: [finalizer] };

  test("makes way for the least that it takes, so that the Rollout can be let go", async () => {
    expect(changes(await patchesOf(mendSpec, unparsed, stored))).toEqual([
      { op: "add", path: "/spec", value: { targetRef: { name: "product" } } },
    ]);
  });

  test("stays as it is where that would lose what somebody still wants", async () => {
    expect(await patchesOf(mendSpec, aRollout({ spec: { bake: "soon" } }), stored)).toEqual([]);
    expect(await patchesOf(mendSpec, aRollout({ deleting: true }), stored)).toEqual([]);
    expect(await patchesOf(mendSpec, unparsed, { ...stored, uid: "another" })).toEqual([]);
  });
});
