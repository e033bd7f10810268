import { describe, expect, it, vi } from "vitest";
import { ConflictError, NotFoundError, TransientError } from "../../../src/runtime/errors.ts";
import { runWhileLeading, type LeaseRecord, type LeaseStore } from "../../../src/runtime/leader-election.ts";
import { createLogger, silentLogger } from "../../../src/runtime/logger.ts";
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
          read: () => answer(() => (stored === undefined ? undefined : view())),
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
  const member = { client, stop, leading: false, result: undefined as string | undefined, sinceWhen: 0 };
  const lead = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      member.leading = true;
      member.sinceWhen = timers.now();
      signal.addEventListener("abort", () => {
        member.leading = false;
        resolve();
      });
    });
  const options = { store: client.store, identity, timers, random: () => 1, wallClock: () => 0, log: silentLogger };
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
    const lead = vi.fn((signal: AbortSignal) => until(signal));
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
});
