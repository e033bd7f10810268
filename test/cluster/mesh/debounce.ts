/** istiod's debounce: quiet for `quietMs` after the last event, but never later than `maxMs` after the first. */
export interface Debounce {
  event(): void;
  /** No event waits. */
  readonly quiet: boolean;
  setQuiet(ms: number): void;
  stop(): void;
}

/** Milliseconds. */
export interface DebounceTimes {
  readonly quietMs: number;
  readonly maxMs: number;
}

export const istiodTimes: DebounceTimes = { quietMs: 100, maxMs: 10_000 };

export function createDebounce(act: () => void, { quietMs, maxMs }: DebounceTimes): Debounce {
  let quiet = quietMs;
  let first: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    event() {
      const now = performance.now();
      first ??= now;
      clearTimeout(timer);
      timer = setTimeout(
        () => {
          first = undefined;
          act();
        },
        Math.max(0, Math.min(quiet, first + maxMs - now)),
      );
    },
    get quiet() {
      return first === undefined;
    },
    setQuiet: (ms) => void (quiet = ms),
    stop: () => clearTimeout(timer),
  };
}
