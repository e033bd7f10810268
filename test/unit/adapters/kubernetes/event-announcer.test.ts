import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventAnnouncer, cutToBytes } from "../../../../src/adapters/kubernetes/event-announcer.ts";
import { toReconcileError } from "../../../../src/adapters/kubernetes/errors.ts";
import { createKubernetesObjects } from "../../../../src/adapters/kubernetes/objects.ts";
import { parseSpec, type Rollout } from "../../../../src/api/rollout.ts";
import { silentLogger } from "../../../../src/runtime/logger.ts";
import { createScriptedTransport } from "../../../support/scripted-transport.ts";

const signal = new AbortController().signal;
const parsed = parseSpec({ targetRef: { name: "product" }, traffic: { istio: {} } });
const rollout: Rollout = {
  key: { namespace: "shop", name: "product" },
  uid: "rollout-uid",
  generation: 1,
  resourceVersion: "1",
  deleting: false,
  claimed: true,
  spec: "spec" in parsed ? parsed.spec : undefined,
  problems: [],
  status: { observedGeneration: 1 },
  requests: {},
};
const pending = (name: string, note = "Weight is 10.") => ({
  name,
  reason: "WeightChanged" as const,
  action: "routeTraffic",
  note,
  at: "2026-01-02T03:04:05.678Z",
});

const refusal = (code: number, reason: string, details: object = {}) =>
  toReconcileError({
    kind: "answer",
    request: "POST /x",
    code,
    body: { kind: "Status", reason, message: reason, details },
    retryAfter: undefined,
    jsonPatch: false,
  });

function start(answers: readonly unknown[], deploymentUid?: string) {
  const left = [...answers];
  const transport = createScriptedTransport(() => left.shift());
  const cache = {
    resource: { group: "apps", version: "v1", plural: "deployments" },
    knowledge: "objects" as const,
    find: () => ({ metadata: { name: "product", uid: deploymentUid ?? "" } }),
    all: () => [],
  };
  const objects = createKubernetesObjects(transport, { find: () => (deploymentUid === undefined ? undefined : cache) });
  return { transport, announcer: createEventAnnouncer({ objects, instance: "serin-0", log: silentLogger }) };
}

describe("createEventAnnouncer()", () => {
  // Recorded from a 1.36 API server: nobody can be told in a namespace that is being deleted, now or later.
  it("is done with what a namespace that is being deleted takes no more", async () => {
    const causes = [
      { reason: "NamespaceTerminating", message: "namespace shop is being terminated", field: "metadata.namespace" },
    ];
    const { announcer } = start([refusal(403, "Forbidden", { causes }), refusal(403, "Forbidden")]);
    expect(await announcer.announce(rollout, [pending("product.1"), pending("product.2")], signal)).toEqual([
      "product.1",
    ]);
  });

  it("creates an event about the Rollout, related to its Deployment", async () => {
    const { transport, announcer } = start([{}], "deployment-uid");
    expect(await announcer.announce(rollout, [pending("product.1")], signal)).toEqual(["product.1"]);
    expect(transport.requests[0]).toMatchObject({
      method: "POST",
      path: "/apis/events.k8s.io/v1/namespaces/shop/events",
    });
    expect(transport.requests[0]?.body).toEqual({
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: "product.1", namespace: "shop" },
      eventTime: "2026-01-02T03:04:05.678000Z",
      type: "Normal",
      reason: "WeightChanged",
      action: "routeTraffic",
      note: "Weight is 10.",
      regarding: {
        apiVersion: "serin.dev/v1alpha1",
        kind: "Rollout",
        namespace: "shop",
        name: "product",
        uid: "rollout-uid",
      },
      related: { apiVersion: "apps/v1", kind: "Deployment", namespace: "shop", name: "product", uid: "deployment-uid" },
      reportingController: "serin.dev/operator",
      reportingInstance: "serin-0",
    });
  });

  it("does without the Deployment where it is not known", async () => {
    const { transport, announcer } = start([{}]);
    await announcer.announce({ ...rollout, spec: undefined }, [pending("product.1")], signal);
    expect(transport.requests[0]?.body).not.toHaveProperty("related");
  });

  it("counts an event that is there already", async () => {
    const { announcer } = start([refusal(409, "AlreadyExists"), {}]);
    expect(await announcer.announce(rollout, [pending("a"), pending("b")], signal)).toEqual(["a", "b"]);
  });

  it("does not count a conflict of another kind, nor what was refused, and goes on after a refusal", async () => {
    const { announcer } = start([refusal(403, "Forbidden"), {}, refusal(409, "Conflict")]);
    expect(await announcer.announce(rollout, [pending("a"), pending("b"), pending("c")], signal)).toEqual(["b"]);
  });

  it("stops when the API server does not answer, without rejecting", async () => {
    const { transport, announcer } = start([{}, refusal(503, "ServiceUnavailable"), {}]);
    expect(await announcer.announce(rollout, [pending("a"), pending("b"), pending("c")], signal)).toEqual(["a"]);
    expect(transport.requests.length).toBe(2);
    expect(await announcer.announce(rollout, [pending("d")], AbortSignal.abort())).toEqual([]);
  });
});

describe("cutToBytes()", () => {
  it("keeps short text, and cuts long text between characters", () => {
    expect(cutToBytes("short", 1_024)).toBe("short");
    expect(cutToBytes("ää€€", 9)).toBe("ää…");
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", "ä", "€", "😀"), maxLength: 60 }),
        fc.integer({ min: 3, max: 40 }),
        (text, limit) => {
          const cut = cutToBytes(text, limit);
          expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(limit);
          if (Buffer.byteLength(text) <= limit) expect(cut).toBe(text);
          else expect(text.startsWith(cut.slice(0, -1))).toBe(true);
        },
      ),
    );
  });
});
