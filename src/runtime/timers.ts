/** Time as the runtime needs it, so that tests can make it pass. */
export interface Timers {
  /** Milliseconds since some fixed moment; never goes back, whatever happens to the wall clock. */
  now(): number;
  /** Calls `callback` once after `delay` milliseconds; the answer cancels that. */
  after(delay: number, callback: () => void): () => void;
}

/** The longest delay that Node's timers know; longer ones would fire at once. */
const longestDelay = 2 ** 31 - 1;

/** The process's own clock and timers. */
export const systemTimers: Timers = {
  now: () => performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delay, 0), longestDelay));
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Resolves after `delay` milliseconds, or at once when the signal is aborted; never rejects. */
export function pause(timers: Timers, delay: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = () => {
      cancel();
      resolve();
    };
    const cancel = timers.after(delay, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    signal.addEventListener("abort", stop, { once: true });
  });
}

/** Calls `run` each time that `period` milliseconds have passed, until the signal is aborted. */
export function repeat(timers: Timers, period: number, run: () => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  let cancel: () => void;
  const again = () => {
    cancel = timers.after(period, () => {
      again();
      run();
    });
  };
  again();
  signal.addEventListener("abort", () => {
    cancel();
  });
}
