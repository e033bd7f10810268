import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toReconcileError } from "../../../../src/adapters/kubernetes/errors.ts";
import { createInformers } from "../../../../src/adapters/kubernetes/informers.ts";
import { createRolloutSource } from "../../../../src/adapters/kubernetes/rollout-source.ts";
import type { ApiStream } from "../../../../src/adapters/kubernetes/transport.ts";
import { createLogger } from "../../../../src/runtime/logger.ts";
import { WorkQueue } from "../../../../src/runtime/work-queue.ts";
import { createScriptedTransport, streamOf, type Script } from "../../../support/scripted-transport.ts";
import { createVirtualTimers, settled } from "../../../support/virtual-timers.ts";

const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);

beforeEach(() => exit.mockClear());
afterEach(() => expect(exit).not.toHaveBeenCalled());

const stored = (name: string, resourceVersion = "1") => ({
  metadata: { name, namespace: "shop", uid: `uid-${name}`, resourceVersion },
});
const list = (...names: string[]) => ({
  kind: "RolloutList",
  apiVersion: "serin.dev/v1alpha1",
  metadata: { resourceVersion: "1" },
  items: names.map((name) => stored(name)),
});
const event = (type: string, name: string, version: string) => JSON.stringify({ type, object: stored(name, version) });
const refusal = (code: number) =>
  toReconcileError({
    kind: "answer",
    request: "GET /x",
    code,
    body: undefined,
    retryAfter: undefined,
    jsonPatch: false,
  });

function createWorld(script: Script, stream?: (signal: AbortSignal) => ApiStream) {
  const timers = createVirtualTimers();
  const transport = createScriptedTransport(
    script,
    stream === undefined ? undefined : (_request, signal) => stream(signal),
  );
  const informers = createInformers({ transport, timers, random: () => 0 });
  const queue = new WorkQueue({ timers, random: () => 0 });
  const lines: string[] = [];
  const log = createLogger({ level: "debug", destination: { write: (line) => lines.push(line) } });
  const keys: string[] = [];
  const onKey = vi.fn((key: string) => {
    keys.push(key);
    queue.add(key);
  });
  const source = createRolloutSource({ informers, namespaces: [], onKey, log });
  return { timers, transport, informers, queue, source, keys, lines, onKey };
}

describe("createRolloutSource()", () => {
  it("brings every Rollout that is there, changes or goes to the queue", async () => {
    const lines = [event("ADDED", "b", "2"), event("MODIFIED", "a", "3"), event("DELETED", "b", "4")];
    const streams = [streamOf(lines)];
    const { source, keys, queue } = createWorld(
      () => list("a"),
      () => streams.shift() ?? streamOf([]),
    );
    await source.start();
    await settled();
    expect(keys).toEqual(["shop/a", "shop/b", "shop/a", "shop/b"]);
    expect([await queue.take(), await queue.take()]).toEqual(["shop/a", "shop/b"]);
    source.stop();
  });

  it("is the only way to the queue: without it nothing is asked and nothing comes", async () => {
    const { transport, timers, informers, queue } = createWorld(() => list("a"));
    await timers.advance(600_000);
    expect([
      transport.requests.length,
      queue.depth,
      informers.find({ group: "serin.dev", version: "v1alpha1", plural: "rollouts" }),
    ]).toEqual([0, 0, undefined]);
  });

  it("brings nothing more after stop, and ends its requests", async () => {
    let signal: AbortSignal | undefined;
    const { source, timers, keys, transport } = createWorld(
      () => list("a"),
      (given) => {
        signal = given;
        return {
          code: 200,
          retryAfter: undefined,
          async *lines() {
            await new Promise((resolve) => given.addEventListener("abort", resolve, { once: true }));
            yield event("ADDED", "late", "9");
          },
          end: () => undefined,
        };
      },
    );
    await source.start();
    await settled();
    source.stop();
    source.stop();
    await timers.advance(600_000);
    expect([keys, signal?.aborted, transport.requests.length]).toEqual([["shop/a"], true, 2]);
  });

  it("survives an hour without a word", async () => {
    const { source, timers, keys } = createWorld(() => list("a"));
    await source.start();
    await timers.advance(3_600_000);
    expect(keys).toEqual(["shop/a"]);
    source.stop();
  });

  it.each([401, 403, 404, 410, 429, 500, 503])("survives HTTP %i, and goes on afterwards", async (code) => {
    let broken = true;
    const { source, timers, keys } = createWorld(
      () => (broken ? refusal(code) : list("a")),
      () => streamOf([], broken ? code : 200),
    );
    await source.start();
    await timers.advance(120_000);
    broken = false;
    await timers.advance(30_000);
    broken = true;
    await timers.advance(120_000);
    expect(keys[0]).toBe("shop/a");
    source.stop();
  });

  it("survives errors in the stream, lines that are no JSON, and a lost connection", async () => {
    const streams = [
      streamOf([JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 410 } })]),
      streamOf([JSON.stringify({ type: "ERROR", object: { kind: "Status", code: 500 } })]),
      streamOf(["no json"]),
      streamOf([event("ADDED", "b", "2")]),
    ];
    const { source, timers, keys } = createWorld(
      () => list("a"),
      () => streams.shift() ?? streamOf([], 503),
    );
    await source.start();
    await timers.advance(60_000);
    expect(keys).toEqual(["shop/a", "shop/b"]);
    source.stop();
  });

  it("survives a handler that throws, logs it, and brings the next one", async () => {
    const { source, lines, onKey, keys } = createWorld(() => list("a", "b"));
    onKey.mockImplementationOnce(() => {
      throw new Error("handler");
    });
    await source.start();
    await settled();
    expect(keys).toEqual(["shop/b"]);
    expect(lines.join("")).toContain("an event of a watch could not be handled");
    source.stop();
  });

  it("does not read the default kubeconfig, whatever it is", () => {
    const before = process.env["KUBECONFIG"];
    process.env["KUBECONFIG"] = "/nowhere/at/all";
    try {
      expect(() => createWorld(() => list())).not.toThrow();
    } finally {
      if (before === undefined) delete process.env["KUBECONFIG"];
      else process.env["KUBECONFIG"] = before;
    }
  });

  it("refuses every other way in: writes go through the ports", async () => {
    const { source, transport } = createWorld(() => list("a"));
    const sealed = source as unknown as Record<string, (...given: unknown[]) => unknown>;
    const meta = { name: "a", namespace: "shop", id: "rollouts.serin.dev/v1alpha1", resourceVersion: "1" };
    const given = { object: stored("a"), type: "ADDED", meta };
    const calls: readonly (readonly [string, ...unknown[]])[] = [
      ["registerCustomResourceDefinition", "/nowhere.yaml"],
      ["setResourceStatus", meta, {}],
      ["patchResourceStatus", meta, {}],
      ["handleResourceFinalizer", given, "f", () => undefined],
      ["setResourceFinalizers", meta, []],
      ["applyAxiosKubeConfigAuth", {}],
      ["applyGaxiosKubeConfigAuth", {}],
    ];
    for (const [method, ...args] of calls) {
      await expect(sealed[method]!(...args), method).rejects.toThrow("not through the package");
    }
    expect(() => sealed["getCustomResourceApiUri"]!("g", "v", "p")).toThrow("resource-path.ts");
    expect(transport.requests).toEqual([]);
  });

  it("overrides every method of the package that reaches outside", () => {
    const { source } = createWorld(() => list());
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(source));
    const base = Object.getOwnPropertyNames(Object.getPrototypeOf(Object.getPrototypeOf(source)));
    // start calls init; the other two are private and reached through setResourceStatus and watchResource only.
    const inherited = base.filter((name) => !own.includes(name)).sort();
    expect(inherited).toEqual(["errorToJson", "resourceStatusRequest", "start"]);
  });
});
