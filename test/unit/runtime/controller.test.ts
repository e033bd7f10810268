import { describe, expect, it } from "vitest";
import { runController, type ControllerOptions } from "../../../src/runtime/controller.ts";
import { ConflictError, NotFoundError, RejectedError, TransientError } from "../../../src/runtime/errors.ts";
import { createLogger } from "../../../src/runtime/logger.ts";
import { WorkQueue } from "../../../src/runtime/work-queue.ts";
import { createVirtualTimers, settled } from "../../support/virtual-timers.ts";

function start(reconcile: ControllerOptions["reconcile"], more: Partial<ControllerOptions> = {}) {
  const timers = createVirtualTimers();
  const queue = new WorkQueue({ timers, random: () => 0 });
  const stop = new AbortController();
  const outcomes: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = createLogger({
    level: "debug",
    destination: { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const ended = runController(
    { queue, workers: 2, reconcile, timers, log, onResult: ({ outcome }) => outcomes.push(outcome), ...more },
    stop.signal,
  );
  return { timers, queue, stop, outcomes, lines, ended };
}

/** Times at which the key was reconciled when every reconcile fails with this. */
async function timesOf(error: Error, until: number): Promise<number[]> {
  const times: number[] = [];
  const { timers, queue } = start(() => {
    times.push(timers.now());
    return Promise.reject(error);
  });
  queue.add("n/a");
  await timers.advance(until);
  return times;
}

describe("runController()", () => {
  it("looks again when the reconcile asks for it, and only then", async () => {
    const times: number[] = [];
    const { timers, queue, outcomes } = start(() => {
      times.push(timers.now());
      return Promise.resolve({ requeueAfter: times.length < 3 ? 5_000 : undefined });
    });
    queue.add("n/a");
    await timers.advance(3_600_000);
    expect(times).toEqual([0, 5_000, 10_000]);
    expect(outcomes).toEqual(["done", "done", "done"]);
  });

  it("tries again soon after a conflict", async () => {
    expect(await timesOf(new ConflictError("old"), 400)).toEqual([0, 50, 150, 350]);
  });

  it("backs off from half a second to five minutes after a transient failure", async () => {
    const times = await timesOf(new TransientError("no answer"), 3_600_000);
    expect(times.slice(0, 4)).toEqual([0, 500, 1_500, 3_500]);
    expect(times.at(-1)! - times.at(-2)!).toBe(300_000);
  });

  it("waits as long as the server asks", async () => {
    expect(await timesOf(new TransientError("busy", { retryAfter: 30_000 }), 45_000)).toEqual([0, 30_000]);
  });

  it.each([new RejectedError("refused"), new NotFoundError("gone")])("rechecks slowly after %s", async (error) => {
    expect(await timesOf(error, 1_200_000)).toEqual([0, 600_000, 1_200_000]);
  });

  it("waits longest after a mistake of its own, and logs the stack", async () => {
    const { timers, queue, outcomes, lines } = start(() => Promise.reject(new TypeError("oops")));
    queue.add("n/a");
    await timers.advance(299_999);
    expect(outcomes).toEqual(["unexpected"]);
    expect(lines[0]).toMatchObject({
      level: "error",
      message: "failed unexpectedly",
      key: "n/a",
      reconcileId: expect.any(String) as string,
      error: { message: "oops", stack: expect.stringContaining("TypeError") as string },
    });
  });

  it("treats a reconcile that throws before it returns a promise like any other", async () => {
    const { timers, queue, outcomes } = start(() => {
      throw new TypeError("oops");
    });
    queue.add("n/a");
    queue.add("n/b");
    queue.add("n/c");
    await timers.advance(1);
    expect(outcomes).toEqual(["unexpected", "unexpected", "unexpected"]);
  });

  it("keeps its workers when a hook throws", async () => {
    let throws = true;
    const reconciled: string[] = [];
    const { timers, queue } = start(
      (key) => {
        reconciled.push(key);
        return Promise.resolve({});
      },
      {
        onResult: () => {
          if (throws) throw new Error("hook");
        },
      },
    );
    for (const key of ["a", "b", "c"]) queue.add(key);
    await timers.advance(1);
    throws = false;
    await timers.advance(300_000);
    expect(reconciled).toEqual(["a", "b", "c", "a", "b", "c"]);
  });

  it("forgets failures after a success", async () => {
    const times: number[] = [];
    const { timers, queue } = start(() => {
      times.push(timers.now());
      return times.length % 2 === 1 ? Promise.reject(new TransientError("x")) : Promise.resolve({ requeueAfter: 100 });
    });
    queue.add("n/a");
    await timers.advance(1_700);
    expect(times).toEqual([0, 500, 600, 1_100, 1_200, 1_700]);
  });

  it("aborts a reconcile at its deadline and tries again", async () => {
    const { timers, queue, outcomes } = start(
      (_key, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    );
    queue.add("n/a");
    await timers.advance(60_000);
    expect(outcomes).toEqual(["transient"]);
    await timers.advance(60_500);
    expect(outcomes).toEqual(["transient", "transient"]);
  });

  it("tells about failures before it tries again, conflicts excepted, and survives that this fails", async () => {
    const told: string[] = [];
    const errors = [new ConflictError("a"), new TransientError("b"), new RejectedError("c")];
    const { timers, queue, lines } = start(
      () => (errors.length > 0 ? Promise.reject(errors.shift()!) : Promise.resolve({})),
      {
        onFailure: (key, { kind }) => {
          told.push(`${key} ${kind}`);
          return Promise.reject(new Error("cannot tell"));
        },
      },
    );
    queue.add("n/a");
    await timers.advance(1_200_000);
    expect(told).toEqual(["n/a transient", "n/a rejected"]);
    expect(lines.filter(({ message }) => message === "could not tell about a failure").length).toBe(2);
  });

  it("works on as many keys at once as it has workers, never on one key twice", async () => {
    const running: string[] = [];
    let most = 0;
    const releases: (() => void)[] = [];
    const { timers, queue } = start(async (key) => {
      expect(running).not.toContain(key);
      running.push(key);
      most = Math.max(most, running.length);
      await new Promise<void>((resolve) => releases.push(resolve));
      running.splice(running.indexOf(key), 1);
      return {};
    });
    for (const key of ["a", "b", "c", "a"]) queue.add(key);
    await timers.advance(1);
    queue.add("a");
    while (releases.length > 0) {
      releases.shift()!();
      await timers.advance(1);
    }
    expect([most, running]).toEqual([2, []]);
  });

  it("stops: aborts what runs, waits for it, takes nothing more, and tells nobody that it failed", async () => {
    const told: string[] = [];
    let finish: () => void = () => undefined;
    const { timers, queue, stop, outcomes, ended } = start(
      async (_key, signal) => {
        await new Promise<void>((resolve) => (finish = resolve));
        signal.throwIfAborted();
        return {};
      },
      {
        workers: 1,
        onFailure: (key) => {
          told.push(key);
          return Promise.resolve();
        },
      },
    );
    queue.add("n/a");
    queue.add("n/b");
    await timers.advance(1);
    let over = false;
    void ended.then(() => (over = true));
    stop.abort();
    await settled();
    expect(over).toBe(false);
    finish();
    await ended;
    expect([outcomes, told, timers.pending]).toEqual([["cancelled"], [], 0]);
  });

  it("reconciles nothing when it was stopped before it began", async () => {
    const stop = new AbortController();
    stop.abort();
    const timers = createVirtualTimers();
    const queue = new WorkQueue({ timers, random: () => 0 });
    queue.add("n/a");
    const reconciled: string[] = [];
    const reconcile = (key: string) => {
      reconciled.push(key);
      return Promise.resolve({});
    };
    const log = createLogger({ level: "silent" });
    await runController({ queue, workers: 2, reconcile, timers, log }, stop.signal);
    expect([reconciled, queue.depth]).toEqual([[], 0]);
  });

  it("does not complain that nobody could be told about a failure when it stops meanwhile", async () => {
    const { timers, queue, stop, lines, ended } = start(() => Promise.reject(new RejectedError("refused")), {
      onFailure: (_key, _failure, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    });
    queue.add("n/a");
    await timers.advance(1);
    stop.abort();
    await ended;
    expect(lines.map(({ message }) => message)).toEqual(["was refused"]);
  });
});
