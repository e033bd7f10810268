import { describe, expect, test } from "vitest";
import { revisionOf } from "../../../../src/domain/revision.ts";
import {
  istioWorkload,
  workloadFrom,
  type WorkloadSources,
} from "../../../../src/adapters/kubernetes/workload-reading.ts";
import { rolloutFrom } from "../../../../src/adapters/kubernetes/rollout-reading.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";

const template = (image: string) => ({
  metadata: { labels: { app: "product" } },
  spec: {
    containers: [
      { name: "app", image },
      { name: "log", image: "shop/log:v1" },
    ],
  },
});

const canary = {
  revision: "r",
  replicaSet: "product-a-h2",
  podTemplateHash: "h2",
  workload: "product-a",
  image: "shop/product:v2",
};

const rollout = rolloutFrom({
  metadata: { name: "product", namespace: "shop", uid: "rollout-uid" },
  spec: { targetRef: { name: "product" } },
  status: { observedGeneration: 1, canary },
});

const deployment: KubernetesObject = {
  metadata: { name: "product", uid: "deployment-uid", generation: 3, labels: { "serin.dev/rollout": "product" } },
  spec: {
    replicas: 4,
    paused: true,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%" } },
    template: template("shop/product:v2"),
  },
  status: { observedGeneration: 2 },
};

const replicaSet = (
  name: string,
  hash: string,
  controller: string | undefined,
  status: Record<string, unknown> = {},
): KubernetesObject => {
  const raw = template("shop/product:v2");
  const owner = { apiVersion: "v1", kind: "K", name: "n", uid: controller ?? "", controller: true };
  return {
    metadata: { name, uid: `${name}-uid`, ownerReferences: controller === undefined ? [] : [owner] },
    spec: {
      replicas: 2,
      template: { ...raw, metadata: { labels: { ...raw.metadata.labels, "pod-template-hash": hash } } },
    },
    status,
  };
};

const read = (change: Partial<WorkloadSources> = {}) =>
  workloadFrom({
    rollout,
    deployment,
    replicaSets: [],
    notSupported: undefined,
    troublesOf: () => undefined,
    ...change,
  });

describe("workloadFrom", () => {
  test("reads the Deployment", () => {
    expect(read()).toEqual({
      form: "Deployment",
      name: "product",
      uid: "deployment-uid",
      generation: 3,
      observedGeneration: 2,
      paused: true,
      deleting: false,
      labelled: true,
      replicas: 4,
      revision: revisionOf(template("shop/product:v2")),
      image: "shop/product:v2, shop/log:v1",
      strategy: "RollingUpdate",
      maxSurge: '"25%"',
      notSupported: undefined,
      promotedRevision: undefined,
      holdOff: false,
      rejectedRevisions: [],
      replicaSets: [],
    });
  });

  test("reads the commit from the Deployment's annotation, and where it has none from its pods'", () => {
    const named = (own: object, pods: object) => {
      const { metadata, spec } = deployment;
      const annotations = own as Record<string, string>;
      const held = { ...template("shop/product:v2"), metadata: { annotations: pods } };
      return read({ deployment: { metadata: { ...metadata, annotations }, spec: { ...spec, template: held } } }).commit;
    };
    const revision = "org.opencontainers.image.revision";
    expect(named({ [revision]: " 4f5e\n" }, { [revision]: "0000" })).toBe("4f5e");
    expect(named({}, { [revision]: "0000" })).toBe("0000");
    expect(named({}, {})).toBeUndefined();
    expect(named({ [revision]: "" }, {})).toBeUndefined();
    expect(named({ [revision]: "x".repeat(1_000) }, {})).toHaveLength(128);
  });

  test("reads what is absent as zero or nothing", () => {
    expect(read({ deployment: { metadata: { name: "product", uid: "u" } } })).toMatchObject({
      generation: 0,
      observedGeneration: 0,
      paused: false,
      labelled: false,
      replicas: 0,
      image: "",
      maxSurge: undefined,
    });
  });

  test.each([
    ["the Deployment", "product-h1", "deployment-uid", "Deployment"],
    ["the Rollout", "product-a-h2", "rollout-uid", "Rollout"],
    ["nobody, being no canary", "product-b-h3", undefined, undefined],
    ["somebody else", "other-h9", "other-uid", undefined],
    ["somebody else, being called like the canary", "product-a-h2", "other-uid", undefined],
  ])("sees a ReplicaSet of %s", (_, name, controller, controlledBy) => {
    const found = read({ replicaSets: [replicaSet(name, "h", controller)] }).replicaSets;
    expect(found.map((one) => one.controlledBy)).toEqual(controlledBy === undefined ? [] : [controlledBy]);
  });

  test("sees the canary that nobody owns by our mark, or while it is handed over", () => {
    const bare = replicaSet("product-a-h2", "h2", undefined);
    const marked = { ...bare, metadata: { ...bare.metadata, labels: { "serin.dev/rollout": "product" } } };
    const controls = (object: KubernetesObject, adoption?: { startedAt: string }) => {
      const release = adoption && {
        number: 1,
        startedAt: adoption.startedAt,
        stepIndex: 0,
        highestWeight: 100,
        adoption,
      };
      const status = { ...rollout.status, ...(release && { release }) };
      return read({ rollout: { ...rollout, status }, replicaSets: [object] }).replicaSets.map(
        (one) => one.controlledBy,
      );
    };
    expect(controls(marked)).toEqual(["Nobody"]);
    expect(controls(bare)).toEqual([]);
    expect(controls(bare, { startedAt: "2026-01-01T00:00:00Z" })).toEqual(["Nobody"]);
  });

  test("counts terminating pods where they are told, and takes the pods that were looked at", () => {
    const status = { replicas: 2, terminatingReplicas: 1, readyReplicas: 2, availableReplicas: 1 };
    const all = [
      replicaSet("product-h1", "h1", "deployment-uid", status),
      replicaSet("product-a-h2", "h2", "rollout-uid", status),
    ];
    const troubles = { pods: 5, crashes: ["crash"], cannotStart: "quota" };
    const [stable, tried] = read({
      replicaSets: all,
      troublesOf: (one) => (one === all[1] ? troubles : undefined),
    }).replicaSets;
    expect(stable).toEqual({
      name: "product-h1",
      uid: "product-h1-uid",
      controlledBy: "Deployment",
      deleting: false,
      revision: revisionOf(template("shop/product:v2")),
      podTemplateHash: "h1",
      workload: "product",
      image: "shop/product:v2, shop/log:v1",
      replicas: 2,
      pods: 3,
      ready: 2,
      available: 1,
      crashes: [],
      cannotStart: undefined,
    });
    expect(tried).toMatchObject({ workload: "product-a", ...troubles });
  });
});

test.each([
  ["product-abc", "abc", "product"],
  ["product-a-abc", "abc", "product-a"],
  ["product-abc-abc", "abc", "product-abc"],
  ["product", "abc", "product"],
  ["product-", "", "product-"],
])("Istio calls the workload of ReplicaSet %s with hash %s %s", (name, hash, workload) => {
  expect(istioWorkload(name, hash)).toBe(workload);
});
