import { describe, expect, test } from "vitest";
import { rolloutFrom } from "../../../../src/adapters/kubernetes/rollout-reading.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";

const object = (change: { metadata?: object; spec?: Record<string, unknown>; status?: unknown } = {}) =>
  ({
    spec: { targetRef: { name: "product" } },
    ...change,
    metadata: { name: "product", namespace: "shop", uid: "u", generation: 2, resourceVersion: "7", ...change.metadata },
  }) as KubernetesObject;

describe("rolloutFrom", () => {
  test("reads a new one", () => {
    expect(rolloutFrom(object())).toMatchObject({
      key: { namespace: "shop", name: "product" },
      uid: "u",
      generation: 2,
      resourceVersion: "7",
      deleting: false,
      claimed: false,
      spec: { targetRef: { name: "product" } },
      problems: [],
      status: { observedGeneration: -1 },
      requests: {},
    });
  });

  test("reads one that is claimed, asked for something, and being deleted", () => {
    const metadata = {
      finalizers: ["example.org/other", "serin.dev/let-go"],
      deletionTimestamp: "2026-01-01T00:00:00Z",
      annotations: { "serin.dev/promote-requested": "t1", "serin.dev/pause-requested": "t2", other: "x" },
    };
    const requests = { promote: "t1", pause: "t2" };
    expect(rolloutFrom(object({ metadata }))).toMatchObject({ claimed: true, deleting: true, requests });
  });

  test("keeps a bad spec apart from the rest", () => {
    const rollout = rolloutFrom(object({ spec: { targetRef: {} }, status: { observedGeneration: 2, phase: "Ready" } }));
    expect(rollout.spec).toBeUndefined();
    expect(rollout.problems.join()).toContain("spec.targetRef.name");
    expect(rollout.status).toEqual({ observedGeneration: 2, phase: "Ready" });
  });

  test.each([undefined, null, "text", [], {}])("takes the status %o for none", (status) => {
    expect(rolloutFrom(object({ status })).status).toEqual({ observedGeneration: -1 });
  });

  test.each([
    ["fields", { observedGeneration: 1, fieldOfTheFuture: { a: 1 } }],
    ["a word", { observedGeneration: 1, hold: "Webhook", release: { number: 3, decision: "StepBack" } }],
    ["a reason", { observedGeneration: 1, rejected: [{ revision: "r", reason: "NewReason" }] }],
  ])("keeps %s of the status that it does not know, so that a release does not start over", (_, status) => {
    expect(rolloutFrom(object({ status })).status).toEqual(status);
  });
});
