import type { Timers } from "../../src/runtime/timers.ts";

/** Time that passes when told to. */
export interface VirtualTimers extends Timers {
  /** Lets everything happen that is due within `milliseconds`, in its order, with all that follows from it. */
  advance(milliseconds: number): Promise<void>;
  /** Lets time pass in which nothing happens: what is due is late, as after a process was stopped. */
  skip(milliseconds: number): void;
  /** How many timers are set. */
  readonly pending: number;
}

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Begins at 0 and stands still. */
export function createVirtualTimers(): VirtualTimers {
  const timers = new Set<Timer>();
  let now = 0;
  let order = 0;
  const nextUntil = (end: number) =>
    [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0];
  return {
    now: () => now,
    after(delay, callback) {
      const timer = { at: now + Math.max(0, delay), order: order++, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(milliseconds) {
      const end = now + milliseconds;
      await settled();
      for (let timer = nextUntil(end); timer !== undefined; timer = nextUntil(end)) {
        timers.delete(timer);
        now = Math.max(now, timer.at);
        timer.callback();
        await settled();
      }
      now = end;
    },
    skip(milliseconds) {
      now += milliseconds;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Everything that waits for nothing but promises has happened. */
export async function settled(): Promise<void> {
  for (let round = 0; round < 5; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
