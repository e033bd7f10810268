import { setTimeout as delay } from "node:timers/promises";

export interface UntilOptions {
  readonly timeout: number;
  /** What is awaited, for the message when it does not come. */
  readonly what: string;
  readonly every?: number;
  readonly signal?: AbortSignal;
}

/**
 * Asks again and again until the answer is neither undefined nor false, and returns it.
 * A condition that throws is asked again; its last error is in the message when time is up.
 */
export async function until<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { timeout, what, every = 50, signal }: UntilOptions,
): Promise<T> {
  const end = performance.now() + timeout;
  let last: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const answer = await condition();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= end) break;
    await delay(every, undefined, signal === undefined ? {} : { signal });
  }
  const why = last instanceof Error ? `: ${last.message}` : "";
  throw new Error(`${what} did not happen within ${timeout / 1000} s${why}`, { cause: last });
}
