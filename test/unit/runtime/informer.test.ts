import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Informer, type Change, type WatchSource } from "../../../src/runtime/informer.ts";
import type { WatchFailure, WatchMessage } from "../../../src/runtime/watch.ts";
import { createVirtualTimers, settled } from "../../support/virtual-timers.ts";

interface Thing {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
}

type Message = WatchMessage<Thing> | { readonly kind: "failed"; readonly failure: WatchFailure };

/** A server with a history: watches from an old version replay it, cut ones resume. */
class FakeServer implements WatchSource<Thing> {
  #version = 1;
  readonly things = new Map<string, Thing>();
  readonly #history: { readonly version: number; readonly message: Message }[] = [];
  #oldest = 0;
  readonly #open = new Set<(message: Message | "close" | "cut") => void>();
  lists = 0;
  watches = 0;
  down: WatchFailure | undefined;
  mute = false;

  write(name: string): void {
    const uid = this.things.get(name)?.metadata.uid ?? `uid-${this.#version}`;
    this.#version += 1;
    const object = { metadata: { name, namespace: "n", uid, resourceVersion: String(this.#version) } };
    this.things.set(name, object);
    this.#say({ kind: "changed", object });
  }

  remove(name: string): void {
    const object = this.things.get(name);
    if (object === undefined) return;
    this.#version += 1;
    this.things.delete(name);
    this.#say({
      kind: "deleted",
      object: { metadata: { ...object.metadata, resourceVersion: String(this.#version) } },
    });
  }

  bookmark(): void {
    for (const tell of this.#open) tell({ kind: "bookmark", version: String(this.#version) });
  }

  compact(): void {
    this.#history.length = 0;
    this.#oldest = this.#version;
  }

  end(how: "close" | "cut"): void {
    for (const tell of [...this.#open]) tell(how);
  }

  list(): ReturnType<WatchSource<Thing>["list"]> {
    this.lists += 1;
    if (this.down !== undefined) return Promise.resolve({ kind: "failed", failure: this.down });
    return Promise.resolve({ kind: "listed", objects: [...this.things.values()], version: String(this.#version) });
  }

  async *watch(version: string, signal: AbortSignal): AsyncIterable<Message> {
    this.watches += 1;
    if (this.down !== undefined) {
      yield { kind: "failed", failure: this.down };
      return;
    }
    const from = Number(version);
    if (from < this.#oldest) {
      yield { kind: "failed", failure: { kind: "expired", message: "too old" } };
      return;
    }
    const queue: (Message | "close" | "cut")[] = this.#history
      .filter((entry) => entry.version > from)
      .map(({ message }) => message);
    let wake: () => void = () => undefined;
    const tell = (message: Message | "close" | "cut") => {
      queue.push(message);
      wake();
    };
    this.#open.add(tell);
    signal.addEventListener("abort", () => wake());
    try {
      while (!signal.aborted) {
        const message = queue.shift();
        if (message === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if (message === "close") return;
        else if (message === "cut") throw new Error("the connection was cut");
        else yield message;
      }
    } finally {
      this.#open.delete(tell);
    }
  }

  #say(message: Message): void {
    this.#history.push({ version: this.#version, message });
    if (!this.mute) for (const tell of this.#open) tell(message);
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

function start(server = new FakeServer()) {
  const timers = createVirtualTimers();
  const stop = new AbortController();
  const changes: Change<Thing>[] = [];
  const problems: string[] = [];
  let broken = false;
  const informer = new Informer<Thing>({
    source: server,
    timers,
    random: () => 0.5,
    onChange: (change) => {
      changes.push(change);
      if (broken) throw new Error("handler");
    },
    onProblem: ({ kind, message }) => problems.push(`${kind}: ${message}`),
  });
  informer.start(stop.signal);
  const seen = () => changes.splice(0).map(({ kind, object }) => `${kind} ${object.metadata.name}`);
  return { server, timers, informer, problems, seen, stop, breakHandler: () => (broken = true) };
}

describe("Informer", () => {
  it("knows nothing, then the objects", async () => {
    const server = new FakeServer();
    server.write("a");
    const { informer, seen } = start(server);
    expect([informer.knowledge, informer.age]).toEqual(["none", undefined]);
    await settled();
    expect(seen()).toEqual(["changed a"]);
    expect([informer.knowledge, informer.age]).toEqual(["objects", 0]);
    expect(informer.find("n", "a")?.metadata.name).toBe("a");
    expect([informer.all().length, informer.all("n").length, informer.all("other").length]).toEqual([1, 1, 0]);
  });

  it("sees changes and deletions, and resumes in order after the server ended the watch", async () => {
    const { server, seen, timers } = start();
    await settled();
    server.write("a");
    server.remove("a");
    server.write("b");
    await timers.advance(5_000);
    server.end("close");
    server.write("c");
    await settled();
    expect(seen()).toEqual(["changed a", "deleted a", "changed b", "changed c"]);
    expect(server.lists).toBe(1);
  });

  it("finds out what it missed by comparison when its version is gone, a recreated object as both", async () => {
    const { server, seen, timers, informer } = start();
    await settled();
    for (const name of ["a", "b", "c"]) server.write(name);
    await settled();
    seen();
    server.end("cut");
    server.remove("a");
    server.remove("b");
    server.write("b");
    server.write("d");
    server.compact();
    await timers.advance(1_000);
    expect(seen().sort()).toEqual(["changed b", "changed d", "deleted a", "deleted b"]);
    expect(
      informer
        .all()
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(["b", "c", "d"]);
  });

  it("gives up a watch that says nothing and sees what it missed", async () => {
    const { server, seen, timers, problems } = start();
    await settled();
    server.mute = true;
    server.write("a");
    await timers.advance(99_000);
    expect(seen()).toEqual([]);
    await timers.advance(1_000);
    expect(seen()).toEqual(["changed a"]);
    expect(problems).toEqual(["request: nothing was heard for too long"]);
  });

  it("keeps a quiet watch as long as bookmarks come", async () => {
    const { server, timers, informer } = start();
    for (let minute = 0; minute < 60; minute += 1) {
      await timers.advance(60_000);
      server.bookmark();
      await settled();
    }
    expect([server.lists, server.watches, informer.age]).toEqual([1, 1, 0]);
  });

  it("comes back after an outage, within the longest wait", async () => {
    const { server, timers, seen } = start();
    await settled();
    server.down = { kind: "other", message: "refused" };
    server.end("cut");
    await timers.advance(600_000);
    server.down = undefined;
    server.write("a");
    await timers.advance(8_000);
    expect(seen()).toEqual(["changed a"]);
  });

  it("begins to watch when a resource comes to be served, and says once that it is not", async () => {
    const server = new FakeServer();
    server.down = { kind: "unserved", message: "HTTP 404" };
    const { timers, informer, seen, problems } = start(server);
    await timers.advance(200_000);
    expect(informer.knowledge).toBe("unserved");
    server.down = undefined;
    server.write("a");
    await timers.advance(25_000);
    expect([informer.knowledge, ...seen()]).toEqual(["objects", "changed a"]);
    expect(problems).toEqual(["unserved: the API server does not serve it"]);
  });

  it("goes on when a handler throws", async () => {
    const { server, seen, problems, breakHandler } = start();
    breakHandler();
    await settled();
    server.write("a");
    server.write("b");
    await settled();
    expect(seen()).toEqual(["changed a", "changed b"]);
    expect(problems).toEqual(["handler: a change could not be handed on", "handler: a change could not be handed on"]);
  });

  it("ends when its signal is aborted, in every state", async () => {
    for (const down of [undefined, { kind: "other", message: "refused" } as const]) {
      const server = new FakeServer();
      server.down = down;
      const { stop, timers, seen } = start(server);
      await timers.advance(100);
      stop.abort();
      server.down = undefined;
      server.write("a");
      await timers.advance(600_000);
      expect([seen(), timers.pending]).toEqual([[], 0]);
    }
  });

  it("ends with the server's objects, each told, after any sequence of writes and faults", async () => {
    const name = fc.constantFrom("a", "b", "c");
    const move = fc.oneof(
      fc.record({ kind: fc.constant("write" as const), name }),
      fc.record({ kind: fc.constant("remove" as const), name }),
      fc.record({ kind: fc.constantFrom("close", "cut", "compact", "mute", "down", "up" as const) }),
      fc.record({ kind: fc.constant("pass" as const), by: fc.integer({ min: 1, max: 3_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 40 }), async (moves) => {
        const server = new FakeServer();
        const { timers, informer, stop } = start(server);
        for (const one of moves) {
          if (one.kind === "write") server.write(one.name);
          else if (one.kind === "remove") server.remove(one.name);
          else if (one.kind === "pass") await timers.advance(one.by);
          else if (one.kind === "compact") server.compact();
          else if (one.kind === "mute") server.mute = true;
          else if (one.kind === "down") server.down = { kind: "other", message: "refused" };
          else if (one.kind === "up") server.down = undefined;
          else server.end(one.kind);
        }
        server.down = undefined;
        server.mute = false;
        await timers.advance(120_000);
        const byName = (things: readonly Thing[]) =>
          [...things].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name));
        expect(byName(informer.all())).toEqual(byName([...server.things.values()]));
        stop.abort();
      }),
      { numRuns: 60 },
    );
  });

  it("finds objects of no namespace, and takes one that has another uid for another", async () => {
    interface Node {
      readonly metadata: { readonly name: string; readonly uid?: string; readonly resourceVersion: string };
    }
    const node = (resourceVersion: string, uid?: string): Node => ({
      metadata: { name: "a", resourceVersion, ...(uid === undefined ? {} : { uid }) },
    });
    const changes: string[] = [];
    const timers = createVirtualTimers();
    const stop = new AbortController();
    const informer = new Informer<Node>({
      source: {
        list: () => Promise.resolve({ kind: "listed", objects: [node("1")], version: "1" }),
        async *watch(_version, signal) {
          yield await Promise.resolve({ kind: "changed", object: node("2", "again") } as const);
          await aborted(signal);
        },
      },
      timers,
      random: () => 0.5,
      onChange: ({ kind, object }) => changes.push(`${kind} ${object.metadata.resourceVersion}`),
      onProblem: () => undefined,
    });
    informer.start(stop.signal);
    await settled();
    expect(changes).toEqual(["changed 1", "deleted 1", "changed 2"]);
    expect([informer.find(undefined, "a"), informer.all()]).toEqual([node("2", "again"), [node("2", "again")]]);
    stop.abort();
  });

  it("takes nothing from a watch that it has given up", async () => {
    const old = Promise.withResolvers<undefined>();
    const object = { metadata: { name: "a", namespace: "n", uid: "u", resourceVersion: "2" } };
    let watches = 0;
    const seen: string[] = [];
    const timers = createVirtualTimers();
    const stop = new AbortController();
    const informer = new Informer<Thing>({
      source: {
        list: () => Promise.resolve({ kind: "listed", objects: [], version: "1" }),
        async *watch(_version, signal) {
          watches += 1;
          await (watches === 1 ? old.promise : aborted(signal));
          yield { kind: "changed", object };
        },
      },
      timers,
      random: () => 0.5,
      onChange: ({ kind }) => seen.push(kind),
      onProblem: () => undefined,
    });
    informer.start(stop.signal);
    await timers.advance(100_000);
    old.resolve(undefined);
    await settled();
    expect([watches, seen]).toEqual([2, []]);
    stop.abort();
  });
});
