import { describe, expect, it, vi } from "vitest";
import { ConflictError, NotFoundError, TransientError } from "../../../src/runtime/errors.ts";
import { runWhileLeading, type LeaseRecord, type LeaseStore, type Term } from "../../../src/runtime/leader-election.ts";
import { createLogger } from "../../../src/runtime/logger.ts";
import { createVirtualTimers, settled, type VirtualTimers } from "../../support/virtual-timers.ts";

/** One lease, with the API server's rule: a write must name the version that is stored. */
function createStore() {
  let stored: { version: number; record: LeaseRecord } | undefined;
  const view = () => ({ version: String(stored!.version), record: stored!.record });
  const put = (version: number, record: LeaseRecord) => {
    stored = { version, record };
    return view();
  };
  return {
    holder: () => stored?.record.holder,
    transitions: () => stored?.record.transitions,
    /** The store as one process sees it; `cut` keeps it from being reached, `deaf` loses the answers of writes. */
    client() {
      const client = {
        cut: false,
        deaf: false,
        store: {
          read: (_signal?: AbortSignal) => answer(() => (stored === undefined ? undefined : view())),
          create: (record) =>
            write(() => {
              if (stored !== undefined) throw new ConflictError("exists");
              return put(1, record);
            }),
          update: (version, record) =>
            write(() => {
              if (String(stored?.version) !== version) throw new ConflictError("old version");
              return put(stored!.version + 1, record);
            }),
        } satisfies LeaseStore,
      };
      const answer = async <T>(get: () => T): Promise<T> => {
        await Promise.resolve();
        if (client.cut) throw new TransientError("no answer");
        return get();
      };
      const write = async <T>(change: () => T): Promise<T> => {
        const result = await answer(change);
        if (client.deaf) throw new TransientError("the answer was lost");
        return result;
      };
      return client;
    },
  };
}

const until = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

function join(lease: ReturnType<typeof createStore>, timers: VirtualTimers, identity: string) {
  const client = lease.client();
  const stop = new AbortController();
  const wall = { now: 0 };
  const lines: string[] = [];
  const destination = {
    write: (line: string) => lines.push((JSON.parse(line) as { message: string }).message),
  };
  const member = {
    client,
    stop,
    wall,
    lines,
    leading: false,
    isSure: () => false,
    result: undefined as string | undefined,
    sinceWhen: 0,
  };
  const lead = ({ signal, isSure }: Term) =>
    new Promise<void>((resolve) => {
      Object.assign(member, { leading: true, isSure });
      member.sinceWhen = timers.now();
      signal.addEventListener("abort", () => {
        member.leading = false;
        resolve();
      });
    });
  const options = {
    store: client.store,
    identity,
    timers,
    random: () => 1,
    wallClock: () => wall.now,
    log: createLogger({ level: "warn", destination }),
  };
  void runWhileLeading(options, lead, stop.signal).then((result) => (member.result = result));
  return member;
}

describe("runWhileLeading()", () => {
  it("lets one lead, and the other wait", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const [a, b] = [join(lease, timers, "a"), join(lease, timers, "b")];
    await timers.advance(600_000);
    expect([a.leading, b.leading, lease.holder()]).toEqual([true, false, "a"]);
  });

  it("hands over within two seconds when the leader stops", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const [a, b] = [join(lease, timers, "a"), join(lease, timers, "b")];
    await timers.advance(60_500);
    a.stop.abort();
    await timers.advance(1_900);
    expect([a.result, b.leading, lease.holder(), lease.transitions()]).toEqual(["stopped", true, "b", 1]);
  });

  it("stops leading within ten seconds when it cannot renew, and before another leads", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const [a, b] = [join(lease, timers, "a"), join(lease, timers, "b")];
    await timers.advance(60_000);
    a.client.cut = true;
    let both = false;
    let aEnded: number | undefined;
    for (let tick = 0; tick < 300; tick += 1) {
      await timers.advance(100);
      both ||= a.leading && b.leading;
      if (!a.leading) aEnded ??= timers.now();
    }
    expect(both).toBe(false);
    expect([a.result, b.leading]).toEqual(["lost", true]);
    expect(aEnded! - 60_000).toBeLessThanOrEqual(10_100);
    expect(b.sinceWhen - 60_000).toBeLessThanOrEqual(18_000);
  });

  it("is not sure any more when it was stopped for longer than it may go without a renewal, before any timer has fired", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const a = join(lease, timers, "a");
    await timers.advance(2_500);
    expect(a.isSure()).toBe(true);
    // A process that is stopped, and a machine that sleeps: one clock stands still, or neither does.
    a.wall.now += 10_000;
    expect([a.leading, a.isSure()]).toEqual([true, false]);
    await timers.advance(2_000);
    expect(a.isSure()).toBe(true);
    timers.skip(10_000);
    expect([a.leading, a.isSure()]).toEqual([true, false]);
    a.stop.abort();
    await timers.advance(2_500);
    expect(a.isSure()).toBe(false);
  });

  it("does not trust the wall clock: a lease is free when it was not renewed for its duration by our own clock", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const client = lease.client();
    const old = new Date(0).toISOString();
    await client.store.create({ holder: "gone", duration: 15_000, acquiredAt: old, renewedAt: old, transitions: 4 });
    const b = join(lease, timers, "b");
    await timers.advance(14_900);
    expect(b.leading).toBe(false);
    await timers.advance(2_000);
    expect([b.leading, lease.transitions()]).toEqual([true, 5]);
  });

  it("survives lost answers of its own writes", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const a = join(lease, timers, "a");
    await timers.advance(10_000);
    a.client.deaf = true;
    await timers.advance(5_000);
    a.client.deaf = false;
    await timers.advance(60_000);
    expect([a.leading, a.result]).toEqual([true, undefined]);
  });

  it("stops at once when somebody else has the lease", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const a = join(lease, timers, "a");
    await timers.advance(10_000);
    const thief = lease.client();
    const stored = await thief.store.read();
    await thief.store.update(stored!.version, { ...stored!.record, holder: "thief" });
    await timers.advance(2_100);
    expect([a.leading, a.result, lease.holder()]).toEqual([false, "lost", "thief"]);
  });

  it("releases what a renewal under way wrote last", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const a = join(lease, timers, "a");
    await timers.advance(1_000);
    a.client.deaf = true;
    await timers.advance(1_050);
    a.client.deaf = false;
    a.stop.abort();
    await timers.advance(2_500);
    expect([a.result, lease.holder()]).toEqual(["stopped", undefined]);
  });

  it("warns of each thing that keeps it from leading once, not of a rival, and tries on", async () => {
    const timers = createVirtualTimers();
    const { store } = createStore().client();
    const lines: string[] = [];
    const destination = { write: (line: string) => lines.push(line) };
    const failures = [new ConflictError("exists"), new NotFoundError("no namespace"), new TransientError("no answer")];
    const create: LeaseStore["create"] = (record) => {
      const failure = failures[Math.floor(timers.now() / 10_000)];
      return failure === undefined ? store.create(record) : Promise.reject(failure);
    };
    const stop = new AbortController();
    const log = createLogger({ level: "warn", destination });
    const options = { store: { ...store, create }, identity: "a", timers, random: () => 1, wallClock: () => 0, log };
    const lead = vi.fn(({ signal }: Term) => until(signal));
    void runWhileLeading(options, lead, stop.signal);
    await timers.advance(29_000);
    expect(lead).not.toHaveBeenCalled();
    const told = lines.map((line) => (JSON.parse(line) as { error: { message: string } }).error.message);
    expect(told).toEqual(["no namespace", "no answer"]);
    await timers.advance(3_000);
    expect(lead).toHaveBeenCalledOnce();
    stop.abort();
  });

  it("stops while it waits, and leaves no timer", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const [a, b] = [join(lease, timers, "a"), join(lease, timers, "b")];
    await timers.advance(5_000);
    b.stop.abort();
    await settled();
    a.stop.abort();
    await timers.advance(2_500);
    expect([b.result, a.result, timers.pending]).toEqual(["stopped", "stopped", 0]);
  });

  it("stops without a complaint when the answer that it waits for is cut off by that", async () => {
    const timers = createVirtualTimers();
    const lease = createStore();
    const [leader, a] = [join(lease, timers, "leader"), join(lease, timers, "a")];
    await timers.advance(1_500);
    a.client.store.read = (signal?: AbortSignal) =>
      new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
    await timers.advance(1_500);
    a.stop.abort();
    await settled();
    expect([a.result, a.lines]).toEqual(["stopped", []]);
    leader.stop.abort();
    await settled();
    expect(timers.pending).toBe(0);
  });

  it("goes on leading when a renewal was refused that changed nothing, and says so", async () => {
    const timers = createVirtualTimers();
    const a = join(createStore(), timers, "a");
    await timers.advance(1_000);
    const { update } = a.client.store;
    a.client.store.update = () => Promise.reject(new TransientError("too many requests"));
    await timers.advance(1_500);
    a.client.store.update = update;
    await timers.advance(20_000);
    expect([a.leading, a.lines]).toEqual([true, ["could not renew the lease"]]);
  });

  it("says once that it lost the lease, though it learns later who has it", async () => {
    const timers = createVirtualTimers();
    const a = join(createStore(), timers, "a");
    await timers.advance(1_000);
    const stored = await a.client.store.read();
    const asked = Promise.withResolvers<typeof stored>();
    a.client.store.update = () => Promise.reject(new ConflictError("old version"));
    a.client.store.read = () => asked.promise;
    await timers.advance(10_000);
    expect([a.leading, a.lines]).toEqual([false, ["lost the lease"]]);
    asked.resolve({ ...stored!, record: { ...stored!.record, holder: "thief" } });
    await settled();
    expect([a.result, a.lines, timers.pending]).toEqual(["lost", ["lost the lease"], 0]);
  });

  it("says nothing of a renewal that the loss of the lease cut off", async () => {
    const timers = createVirtualTimers();
    const a = join(createStore(), timers, "a");
    await timers.advance(1_000);
    a.client.store.update = () => Promise.reject(new ConflictError("old version"));
    a.client.store.read = (signal?: AbortSignal) =>
      new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject(signal.reason as Error)));
    await timers.advance(10_000);
    expect([a.result, a.lines, timers.pending]).toEqual(["lost", ["lost the lease"], 0]);
  });

  it("ends its work in order when the lease runs out while it stops", async () => {
    const timers = createVirtualTimers();
    const lease = createStore();
    const client = lease.client();
    const stop = new AbortController();
    const work = Promise.withResolvers<undefined>();
    const lines: string[] = [];
    const log = createLogger({ level: "error", destination: { write: (line) => lines.push(line) } });
    const options = { store: client.store, identity: "a", timers, random: () => 1, wallClock: () => 0, log };
    const ended = runWhileLeading(options, () => work.promise, stop.signal);
    await timers.advance(1_000);
    stop.abort();
    client.cut = true;
    await timers.advance(12_000);
    work.resolve(undefined);
    expect([await ended, lines, lease.holder()]).toEqual(["stopped", [], "a"]);
  });

  it("leaves the lease to whoever has taken it when it stops, and says so", async () => {
    const lease = createStore();
    const timers = createVirtualTimers();
    const a = join(lease, timers, "a");
    await timers.advance(10_500);
    const thief = lease.client();
    const stored = await thief.store.read();
    await thief.store.update(stored!.version, { ...stored!.record, holder: "thief" });
    a.stop.abort();
    await timers.advance(100);
    expect([a.result, lease.holder(), a.lines]).toEqual([
      "stopped",
      "thief",
      ["could not release the lease; the next leader waits until it expires"],
    ]);
  });
});
