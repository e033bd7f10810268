import { describe, expect, test } from "vitest";
import { controls, podsOf, subsetFrom, workloadsIn } from "../../../../src/adapters/kubernetes/subset-reading.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import { deploymentOf, replicaSetOf } from "./subsets.ts";

const selector = { name: "v2", labels: { app: "product", version: "v2" } };

function read(deployments: readonly KubernetesObject[], replicaSets: readonly KubernetesObject[]) {
  return subsetFrom(podsOf(selector, deployments, replicaSets), undefined);
}

describe("podsOf()", () => {
  test("finds what the Service and the subset select, by the labels of pods", () => {
    const found = podsOf(
      selector,
      [deploymentOf("v1"), deploymentOf("v2")],
      [replicaSetOf("v1"), replicaSetOf("v2"), replicaSetOf("v2", { labels: { app: "cart" } })],
    );
    expect(found.deployments.map(({ metadata }) => metadata.name)).toEqual(["product-v2"]);
    expect(found.replicaSets.map(({ metadata }) => metadata.name)).toEqual(["product-v2-abc"]);
  });

  test("leaves out ReplicaSets without pods", () => {
    const old = replicaSetOf("v2", { hash: "old", replicas: 0 });
    expect(podsOf(selector, [], [old]).replicaSets).toEqual([]);
    expect(podsOf(selector, [], [{ ...old, status: { replicas: 1 } }]).replicaSets).toHaveLength(1);
  });

  test("knows whose pods are its own", () => {
    const found = podsOf(selector, [], [replicaSetOf("v2")]);
    const pod = (uid: string) => ({
      metadata: {
        name: "p",
        ownerReferences: [{ apiVersion: "v1", kind: "ReplicaSet", name: "n", uid, controller: true }],
      },
    });
    expect(controls(found, pod("uid-product-v2-abc"))).toBe(true);
    expect(controls(found, pod("uid-other"))).toBe(false);
  });
});

test("workloadsIn() names what metrics name", () => {
  const twice = podsOf(selector, [deploymentOf("v2")], [replicaSetOf("v2"), replicaSetOf("v2", {}, "product-extra")]);
  expect(workloadsIn(twice)).toEqual(["product-extra", "product-v2"]);
});

describe("subsetFrom()", () => {
  test("is like one ReplicaSet, with sizes summed", () => {
    const sets = [
      replicaSetOf("v2", { hash: "a", replicas: 1 }),
      replicaSetOf("v2", { hash: "b", replicas: 2, ready: 1 }),
    ];
    expect(read([deploymentOf("v2", { replicas: 3 })], sets)).toMatchObject({
      name: "v2",
      uid: "uid-product-v2",
      controlledBy: "User",
      podTemplateHash: "v2",
      workload: "product-v2",
      image: "product:v2",
      replicas: 3,
      pods: 3,
      ready: 2,
      available: 2,
      cannotStart: undefined,
    });
  });

  test("another template is another revision, a restart is not", () => {
    const revision = (change: object) => read([deploymentOf("v2", change)], [])?.revision;
    expect(revision({})).toMatch(/^v2-[a-z0-9]{10}$/);
    expect(revision({ image: "product:v2.1" })).not.toBe(revision({}));
    expect(revision({ annotations: { "kubectl.kubernetes.io/restartedAt": "now" } })).toBe(revision({}));
    expect(revision({ annotations: { team: "shop" } })).not.toBe(revision({}));
  });

  test("while pods of two templates run nothing of it is available", () => {
    const sets = [replicaSetOf("v2", { hash: "a" }), replicaSetOf("v2", { hash: "b", image: "product:v1.9" })];
    expect(read([deploymentOf("v2")], sets)).toMatchObject({
      ready: 4,
      available: 0,
      cannotStart: "product-v2 is rolling out and has pods of two templates",
    });
  });

  test("the newest ReplicaSet tells where there is no Deployment", () => {
    const sets = [replicaSetOf("v2", { hash: "a" }), replicaSetOf("v2", { hash: "b", image: "product:v2.1" })];
    expect(read([], sets)).toMatchObject({ image: "product:v2.1", replicas: 4, uid: "uid-product-v2-b" });
  });

  test("says why its controller cannot create pods", () => {
    const conditions = [{ type: "ReplicaFailure", status: "True", message: "exceeded quota" }];
    expect(read([deploymentOf("v2")], [replicaSetOf("v2", { status: { conditions } })])?.cannotStart).toBe(
      "ReplicaSet product-v2-abc: exceeded quota",
    );
  });

  test("is nothing where nothing is to run", () => {
    expect(read([deploymentOf("v1")], [replicaSetOf("v1")])).toBeUndefined();
  });
});
