import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WorkQueue } from "../../../src/runtime/work-queue.ts";
import { createVirtualTimers, settled } from "../../support/virtual-timers.ts";

function createQueue(onDepth?: (depth: number) => void) {
  const timers = createVirtualTimers();
  const queue = new WorkQueue({ timers, random: () => 0, ...(onDepth === undefined ? {} : { onDepth }) });
  return { timers, queue };
}

/** What can be taken now, all of it. */
async function takeAll(queue: WorkQueue): Promise<string[]> {
  const taken: string[] = [];
  while (queue.depth > 0) taken.push((await queue.take())!);
  return taken;
}

describe("WorkQueue", () => {
  it("hands out keys in the order in which they came, urgent ones first, each once", async () => {
    const { queue } = createQueue();
    queue.add("a");
    queue.add("b");
    queue.add("a");
    queue.add("c", { urgent: true });
    queue.add("b", { urgent: true });
    expect(await takeAll(queue)).toEqual(["c", "b", "a"]);
  });

  it("lets a key that matters pass all that wait, even when it was added as any other", async () => {
    const queue = new WorkQueue({ timers: createVirtualTimers(), random: () => 0, isUrgent: (key) => key === "risky" });
    for (let index = 0; index < 1_000; index += 1) queue.add(`idle-${index}`);
    queue.add("risky");
    expect(await queue.take()).toBe("risky");
  });

  it("tells how long keys waited for a worker, from their time on", async () => {
    const waits: number[] = [];
    const timers = createVirtualTimers();
    const queue = new WorkQueue({ timers, random: () => 0, onWait: (waited) => waits.push(waited) });
    queue.add("now");
    queue.add("later", { after: 1_000 });
    await timers.advance(1_500);
    queue.add("now", { urgent: true });
    expect([await queue.take(), await queue.take()]).toEqual(["now", "later"]);
    const idle = queue.take();
    queue.add("taken at once");
    await idle;
    expect(waits).toEqual([1_500, 500, 0]);
  });

  it("keeps a key from a second worker and hands it out again afterwards", async () => {
    const { queue } = createQueue();
    queue.add("a");
    await queue.take();
    queue.add("a");
    queue.add("a");
    expect(queue.depth).toBe(0);
    queue.done("a");
    expect(await takeAll(queue)).toEqual(["a"]);
    queue.done("a");
    expect(queue.depth).toBe(0);
  });

  it("remembers that a key was urgent while a worker had it", async () => {
    const { queue } = createQueue();
    queue.add("a");
    await queue.take();
    queue.add("b");
    queue.add("a", { urgent: true });
    queue.add("a");
    queue.done("a");
    expect(await takeAll(queue)).toEqual(["a", "b"]);
  });

  it("wakes a worker that waits", async () => {
    const { queue } = createQueue();
    const taken = queue.take();
    queue.add("a");
    expect(await taken).toBe("a");
  });

  it("adds after a delay; of two the one that ends first counts", async () => {
    const { queue, timers } = createQueue();
    queue.add("a", { after: 1_000 });
    queue.add("a", { after: 300 });
    queue.add("a", { after: 2_000 });
    await timers.advance(299);
    expect(queue.depth).toBe(0);
    await timers.advance(1);
    expect(queue.depth).toBe(1);
    expect(timers.pending).toBe(0);
  });

  it("lets an add at once take the place of a delayed one", async () => {
    const { queue, timers } = createQueue();
    queue.add("a", { after: 1_000 });
    queue.add("a");
    expect(await takeAll(queue)).toEqual(["a"]);
    queue.done("a");
    await timers.advance(5_000);
    expect(queue.depth).toBe(0);
  });

  it("keeps a delay that a worker asks for while it has the key", async () => {
    const { queue, timers } = createQueue();
    queue.add("a");
    await queue.take();
    queue.add("a", { after: 100 });
    queue.done("a");
    await timers.advance(100);
    expect(queue.depth).toBe(1);
  });

  it("doubles the wait with every retry, honours what the server asked, and begins anew after forget", () => {
    const { queue } = createQueue();
    const backOff = { base: 500, cap: 300_000 };
    expect([1, 2, 3].map(() => queue.retry("a", backOff))).toEqual([500, 1_000, 2_000]);
    expect(queue.retry("a", backOff, 60_000)).toBe(60_000);
    expect(queue.retry("b", backOff)).toBe(500);
    queue.forget("a");
    expect(queue.retry("a", backOff)).toBe(500);
  });

  it("reports its depth whenever it changes", async () => {
    const depths: number[] = [];
    const { queue } = createQueue((depth) => depths.push(depth));
    queue.add("a");
    queue.add("b");
    await takeAll(queue);
    expect(depths).toEqual([1, 2, 1, 0]);
  });

  it("drains: hands out nothing more and waits for the workers that are busy", async () => {
    const { queue, timers } = createQueue();
    queue.add("a");
    await queue.take();
    queue.add("b", { after: 10 });
    const waiting = queue.take();
    let drained = false;
    const draining = queue.drain().then(() => (drained = true));
    expect(await waiting).toBeUndefined();
    queue.add("c");
    await settled();
    expect([drained, queue.depth, timers.pending]).toEqual([false, 0, 0]);
    queue.done("a");
    await draining;
    expect(await queue.take()).toBeUndefined();
  });

  it("drains at once when no worker has a key", async () => {
    const { queue } = createQueue();
    queue.add("a");
    await queue.drain();
    expect([queue.depth, await queue.take()]).toEqual([0, undefined]);
  });

  it("loses no key and gives none to two workers, whatever happens in whatever order", async () => {
    const key = fc.constantFrom("a", "b", "c", "d");
    const move = fc.oneof(
      fc.record({ kind: fc.constant("add" as const), key, urgent: fc.boolean(), after: fc.constantFrom(0, 0, 5, 20) }),
      fc.record({ kind: fc.constant("take" as const) }),
      fc.record({ kind: fc.constant("done" as const), key }),
      fc.record({ kind: fc.constant("pass" as const), by: fc.integer({ min: 1, max: 30 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 60 }), async (moves) => {
        const { queue, timers } = createQueue();
        const running = new Set<string>();
        /** Added since they were last taken, at the latest from that time on. */
        const owed = new Set<string>();
        const receive = (taken: string) => {
          expect(running.has(taken)).toBe(false);
          running.add(taken);
          owed.delete(taken);
        };
        for (const one of moves) {
          if (one.kind === "add") {
            owed.add(one.key);
            queue.add(one.key, { urgent: one.urgent, after: one.after });
          } else if (one.kind === "take") {
            if (queue.depth > 0) receive((await queue.take())!);
          } else if (one.kind === "done") {
            if (running.delete(one.key)) queue.done(one.key);
          } else {
            await timers.advance(one.by);
          }
        }
        await timers.advance(100);
        for (const one of [...running]) {
          running.delete(one);
          queue.done(one);
        }
        while (queue.depth > 0) receive((await queue.take())!);
        expect([...owed]).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});
