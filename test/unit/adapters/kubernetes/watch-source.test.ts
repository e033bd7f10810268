import { describe, expect, it } from "vitest";
import { toReconcileError } from "../../../../src/adapters/kubernetes/errors.ts";
import { createWatchSource } from "../../../../src/adapters/kubernetes/watch-source.ts";
import { createScriptedTransport, streamOf } from "../../../support/scripted-transport.ts";

const where = { resource: { group: "apps", version: "v1", plural: "deployments" }, namespace: "shop" };
const never = new AbortController().signal;
const fieldsV1 = { "f:spec": {} };
const applied = { manager: "serin", operation: "Apply", time: "t", fieldsV1 };
const managedFields = [
  { manager: "m", operation: "Update", time: "t", apiVersion: "v1", fieldsV1 },
  { manager: "m", operation: "Apply", time: "t", fieldsV1 },
  { manager: "serin", operation: "Update", time: "t", fieldsV1 },
  applied,
];
const stored = { metadata: { name: "a", resourceVersion: "5", managedFields }, spec: { unknown: [1] } };
const kept = {
  ...stored,
  metadata: {
    ...stored.metadata,
    managedFields: [
      { manager: "m", operation: "Update", time: "t" },
      { manager: "m", operation: "Apply", time: "t" },
      { manager: "serin", operation: "Update", time: "t" },
      applied,
    ],
  },
};

async function watch(lines: readonly string[], code?: number, retryAfter?: number) {
  const transport = createScriptedTransport(
    () => undefined,
    () => streamOf(lines, code, retryAfter),
  );
  const messages: unknown[] = [];
  for await (const message of createWatchSource(transport, where, () => 0.5).watch("7", never)) messages.push(message);
  return { messages, requests: transport.requests };
}

describe("createWatchSource()", () => {
  it("asks for bookmarks, and for an end after about five minutes", async () => {
    expect((await watch([])).requests[0]?.query).toEqual({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: "7",
      timeoutSeconds: "300",
    });
  });

  it("reads events; keeps all fields, but of managedFields only who, how and when, and what the operator has applied", async () => {
    const bookmark = { type: "BOOKMARK", object: { metadata: { resourceVersion: "9" } } };
    const { messages } = await watch([
      ...["ADDED", "MODIFIED", "DELETED"].map((type) => JSON.stringify({ type, object: stored })),
      JSON.stringify(bookmark),
    ]);
    expect(messages).toEqual([
      { kind: "changed", object: kept },
      { kind: "changed", object: kept },
      { kind: "deleted", object: kept },
      { kind: "bookmark", version: "9" },
    ]);
  });

  it.each([
    [
      "an expired version in the stream",
      [{ type: "ERROR", object: { kind: "Status", code: 410, message: "old" } }],
      200,
      { kind: "expired", message: "old" },
    ],
    [
      "an expired version as the answer",
      [{ kind: "Status", code: 410, message: "old" }],
      410,
      { kind: "expired", message: "old" },
    ],
    ["a resource that is not served", ["404 page not found"], 404, { kind: "unserved", message: "HTTP 404" }],
    [
      "any other error in the stream",
      [{ type: "ERROR", object: { kind: "Status", code: 500, message: "x" } }],
      200,
      { kind: "other", message: "x" },
    ],
    [
      "an event of an unknown type",
      [{ type: "NEW", object: {} }],
      200,
      { kind: "other", message: "a watch event of type NEW" },
    ],
    [
      "an event without an object",
      [{ type: "ADDED" }],
      200,
      { kind: "other", message: "a watch event without an object" },
    ],
  ])("understands %s", async (_name, lines, code, failure) => {
    const { messages } = await watch(
      lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))),
      code,
    );
    expect(messages).toEqual([{ kind: "failed", failure: expect.objectContaining(failure) as unknown }]);
  });

  it("keeps how long the server asks to wait", async () => {
    const { messages } = await watch([], 429, 1_000);
    expect(messages).toEqual([{ kind: "failed", failure: { kind: "other", message: "HTTP 429", retryAfter: 1_000 } }]);
  });

  it("rejects on half a line", async () => {
    await expect(watch([JSON.stringify({ type: "ADDED", object: stored }).slice(0, 20)])).rejects.toBeInstanceOf(
      SyntaxError,
    );
  });

  it("lists, or says why not", async () => {
    const list = { kind: "DeploymentList", apiVersion: "apps/v1", metadata: { resourceVersion: "7" }, items: [stored] };
    const source = (answer: unknown) =>
      createWatchSource(
        createScriptedTransport(() => answer),
        where,
        () => 0,
      );
    expect(await source(list).list(never)).toEqual({
      kind: "listed",
      objects: [{ apiVersion: "apps/v1", kind: "Deployment", ...kept }],
      version: "7",
    });
    const refusal = (code: number, retryAfter?: number) =>
      toReconcileError({ kind: "answer", request: "GET /x", code, body: undefined, retryAfter, jsonPatch: false });
    expect(await source(refusal(410)).list(never)).toMatchObject({ failure: { kind: "expired" } });
    expect(await source(refusal(404)).list(never)).toMatchObject({ failure: { kind: "unserved" } });
    expect(await source(refusal(403)).list(never)).toMatchObject({ failure: { kind: "other" } });
    expect(await source(refusal(429, 2_000)).list(never)).toMatchObject({
      failure: { kind: "other", retryAfter: 2_000 },
    });
  });
});
