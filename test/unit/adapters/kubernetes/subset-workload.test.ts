import { describe, expect, test } from "vitest";
import { askedSubset, readSubsets } from "../../../../src/adapters/kubernetes/subset-workload.ts";
import { isProblem } from "../../../../src/domain/observation.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import { aRelease, aRollout, canaryRevision, noon, stableRevision } from "../../../support/observation.ts";
import { cachesOf, deploymentOf, replicaSetOf, rolloutOf, ruleOf, serviceOf } from "./subsets.ts";

const v1 = { ...stableRevision, replicaSet: "v1", podTemplateHash: "v1" };
const v2 = { ...canaryRevision, replicaSet: "v2", podTemplateHash: "v2" };

const both = {
  services: [serviceOf()],
  destinationrules: [ruleOf("v1", "v2")],
  deployments: [deploymentOf("v1", { replicas: 5 }), deploymentOf("v2", { replicas: 2 })],
  replicasets: [replicaSetOf("v1", { replicas: 5 }), replicaSetOf("v2", { replicas: 2 })],
};

async function read(
  cached: Partial<typeof both> = {},
  rollout = rolloutOf({ stable: v1 }),
  pods: readonly KubernetesObject[] | Error = [],
) {
  const objects = cachesOf({ ...both, ...cached }, pods);
  const warnings: string[] = [];
  const log = { warn: (message: string) => void warnings.push(message) };
  const asked = askedSubset(objects, rollout);
  if (asked === undefined) throw new Error("not of this form");
  const workload = await readSubsets(
    { objects, clock: { now: () => Date.now() }, log },
    rollout,
    asked,
    new AbortController().signal,
  );
  return { workload, asked: objects.asked, warnings };
}

async function problem(...given: Parameters<typeof read>) {
  const { workload } = await read(...given);
  return isProblem(workload) ? `${workload.problem}: ${workload.message}` : "none";
}

describe("askedSubset()", () => {
  test("is what the spec says; nothing for a Deployment", () => {
    expect(askedSubset(cachesOf({}), rolloutOf())).toEqual({
      subset: "v2",
      service: "product",
      destinationRule: "product",
    });
    expect(askedSubset(cachesOf({}), aRollout())).toBeUndefined();
  });

  test("a spec that cannot be understood is taken at its word", () => {
    const unread = { ...rolloutOf(), spec: undefined };
    const stored = { metadata: { name: "product" }, spec: { subset: "v2", steps: "all" } };
    expect(askedSubset(cachesOf({ rollouts: [stored] }), unread)).toEqual({
      subset: "v2",
      service: "",
      destinationRule: "",
    });
    expect(askedSubset(cachesOf({}), unread)).toBeUndefined();
  });
});

describe("readSubsets()", () => {
  test("has an entry for each subset; the size is stable's, the revision that of the wanted one", async () => {
    const { workload, asked } = await read();
    expect(workload).toMatchObject({
      form: "Subsets",
      name: "product-v2",
      uid: "uid-product-v2",
      generation: 4,
      replicas: 5,
      image: "product:v2",
      replicaSets: [{ name: "v1" }, { name: "v2" }],
    });
    if (isProblem(workload)) throw new Error(workload.message);
    expect(workload.revision).toBe(workload.replicaSets[1]?.revision);
    expect(asked).toEqual([]);
  });

  test("a version that other subsets do not know does no harm; one without pods has no entry", async () => {
    const { workload } = await read({
      destinationrules: [ruleOf("v1", "v2", "v3")],
      deployments: [...both.deployments, deploymentOf("v9")],
    });
    expect(isProblem(workload) ? [] : workload.replicaSets.map(({ name }) => name)).toEqual(["v1", "v2"]);
  });

  test("the pods of a canary, and only those, are looked at", async () => {
    const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "n", uid: "uid-product-v2-abc", controller: true };
    const crashed = (finishedAt: string) => ({
      metadata: { name: "p", ownerReferences: [owner] },
      status: {
        containerStatuses: [
          {
            name: "app",
            restartCount: 3,
            lastState: { terminated: { reason: "OOMKilled", exitCode: 137, finishedAt } },
          },
        ],
      },
    });
    const rollout = rolloutOf({ stable: v1, canary: v2, release: aRelease() });
    const later = new Date(noon).toISOString();
    const { workload, asked } = await read({}, rollout, [crashed(later)]);
    expect(asked).toEqual(["app=product,version=v2"]);
    expect(workload).toMatchObject({
      replicaSets: [{ crashes: [] }, { pods: 1, crashes: ["p/app: OOMKilled (exit 137), 3 restarts"] }],
    });
    const earlier = await read({}, rollout, [crashed("2025-01-01T00:00:00Z")]);
    expect(earlier.workload).toMatchObject({ replicaSets: [{ crashes: [] }, { crashes: [] }] });
  });

  test("pods that cannot be listed do not stop a rollback", async () => {
    const rollout = rolloutOf({ stable: v1, canary: v2, release: aRelease() });
    const { workload, warnings } = await read({}, rollout, new Error("forbidden"));
    expect(workload).toMatchObject({ form: "Subsets" });
    expect(warnings).toHaveLength(1);
  });
});

describe("what has to be mended is said", () => {
  test.each([
    ["there is no Service", { services: [] }, "ServiceNotFound: spec.service.name: there is no Service shop/product"],
    [
      "the Service selects nothing",
      { services: [serviceOf({})] },
      "WorkloadNotSupported: Service shop/product, spec.selector: is empty",
    ],
    [
      "there is no DestinationRule",
      { destinationrules: [] },
      "RouteNotFound: spec.traffic.istio.destinationRule.name: there is no DestinationRule shop/product",
    ],
    [
      "the subset is not there",
      { destinationrules: [ruleOf("v1", "v3")] },
      "WorkloadNotFound: spec.subset: DestinationRule shop/product has no subset v2; it has v1, v3",
    ],
    [
      "nothing runs in it",
      { deployments: [deploymentOf("v1")], replicasets: [replicaSetOf("v1")] },
      "WorkloadNotFound: spec.subset: subset v2 selects no pods: no Deployment in namespace shop has the pod labels app=product, version=v2",
    ],
    [
      "several workloads run in it",
      { deployments: [...both.deployments, deploymentOf("v2", {}, "product-v2-spare")] },
      "WorkloadNotSupported: subset v2 of DestinationRule shop/product selects pods of product-v2 and product-v2-spare",
    ],
    [
      "two subsets select the same pods",
      {
        destinationrules: [
          {
            ...ruleOf(),
            spec: {
              subsets: [
                { name: "v1", labels: { version: "v2" } },
                { name: "v2", labels: { version: "v2" } },
              ],
            },
          },
        ],
      },
      "WorkloadNotSupported: subsets v1 and v2 of DestinationRule shop/product both select pods of product-v2",
    ],
  ])("%s", async (_, cached, says) => {
    expect(await problem(cached)).toContain(says);
  });

  test("a canary that is there is found all the same, so that it is not taken for gone", async () => {
    const rollout = rolloutOf({ stable: v1, canary: v2, release: aRelease() }, "v3");
    const { workload } = await read({}, rollout);
    expect(workload).toMatchObject({ problem: "WorkloadNotFound", canary: { name: "v2", ready: 2 } });
  });
});
