import { describe, expect, it } from "vitest";
import { toReconcileError } from "../../../../src/adapters/kubernetes/errors.ts";
import { createKubernetesObjects } from "../../../../src/adapters/kubernetes/objects.ts";
import { ConflictError } from "../../../../src/runtime/errors.ts";
import { createScriptedTransport, type Script } from "../../../support/scripted-transport.ts";

const deployments = { group: "apps", version: "v1", plural: "deployments" };
const path = "/apis/apps/v1/namespaces/shop/deployments";
const object = { metadata: { namespace: "shop", name: "a", uid: "u1" }, unknown: { to: "us" } };
const signal = new AbortController().signal;

function start(script: Script = () => object) {
  const transport = createScriptedTransport(script);
  return { transport, objects: createKubernetesObjects(transport, { find: () => undefined }) };
}

const refusal = (code: number) =>
  toReconcileError({ kind: "answer", request: "x", code, body: undefined, retryAfter: undefined, jsonPatch: false });

describe("createKubernetesObjects()", () => {
  it("writes as manager serin, dry runs where told, subresources where told", async () => {
    const { transport, objects } = start();
    await objects.create(deployments, object, { signal });
    await objects.mergePatch(deployments, "shop", "a", { spec: {} }, { signal, dryRun: true });
    await objects.jsonPatch(deployments, "shop", "a", [{ op: "remove", path: "/x" }], { signal, subresource: "scale" });
    await objects.apply(deployments, object, { signal });
    const fieldManager = "serin";
    expect(transport.requests).toEqual([
      { method: "POST", path, query: { fieldManager }, body: object },
      {
        method: "PATCH",
        path: `${path}/a`,
        contentType: "application/merge-patch+json",
        query: { fieldManager, dryRun: "All" },
        body: { spec: {} },
      },
      {
        method: "PATCH",
        path: `${path}/a/scale`,
        contentType: "application/json-patch+json",
        query: { fieldManager },
        body: [{ op: "remove", path: "/x" }],
      },
      {
        method: "PATCH",
        path: `${path}/a`,
        contentType: "application/apply-patch+yaml",
        query: { fieldManager, force: "true" },
        body: object,
      },
    ]);
  });

  it("reads what is there, unknown fields included, and undefined for what is not", async () => {
    expect(await start().objects.read(deployments, "shop", "a", signal)).toEqual(object);
    expect(await start(() => refusal(404)).objects.read(deployments, "shop", "a", signal)).toBeUndefined();
    await expect(start(() => refusal(503)).objects.read(deployments, "shop", "a", signal)).rejects.toThrow("HTTP 503");
  });

  it("removes only the object that is meant", async () => {
    const { transport, objects } = start();
    await objects.remove(deployments, object, { signal });
    expect(transport.requests[0]).toMatchObject({
      method: "DELETE",
      body: { preconditions: { uid: "u1" }, propagationPolicy: "Background" },
    });
    await start(() => refusal(404)).objects.remove(deployments, object, { signal });
    const another = { metadata: { ...object.metadata, uid: "u2" } };
    const recreated = start(({ method }) => (method === "DELETE" ? refusal(409) : another));
    await recreated.objects.remove(deployments, object, { signal });
    const same = start(({ method }) => (method === "DELETE" ? refusal(409) : object));
    await expect(same.objects.remove(deployments, object, { signal })).rejects.toBeInstanceOf(ConflictError);
  });

  it("reads caches without a request, and only of what is watched", () => {
    const cache = { resource: deployments, find: () => object, all: () => [object] };
    const transport = createScriptedTransport(() => undefined);
    const knowing = (knowledge: "none" | "objects" | "unserved") =>
      createKubernetesObjects(transport, { find: () => ({ ...cache, knowledge }) });
    expect(knowing("objects").cached(deployments, "shop", "a")).toBe(object);
    expect(knowing("objects").cachedAll(deployments)).toEqual([object]);
    expect((["none", "objects", "unserved"] as const).map((one) => knowing(one).watches(deployments))).toEqual([
      false,
      true,
      false,
    ]);
    expect(start().objects.watches(deployments)).toBe(false);
    expect(() => start().objects.cached(deployments, "shop", "a")).toThrow("deployments.apps is not watched");
    expect(() => start().objects.cachedAll(deployments)).toThrow("deployments.apps is not watched");
    expect(transport.requests).toEqual([]);
  });

  it("refuses to write what has no name", () => {
    expect(() => start().objects.apply(deployments, {}, { signal })).toThrow("without a name");
  });
});
