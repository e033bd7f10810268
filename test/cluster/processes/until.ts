import { setTimeout as delay } from "node:timers/promises";

export interface UntilOptions {
  readonly timeout: number;
  /** What is awaited, for the message when it does not come. */
  readonly what: string;
  /** Milliseconds between two questions; without it they come quickly at first and then less often. */
  readonly every?: number;
  readonly signal?: AbortSignal;
}

/** What has not come in a moment will take a while: a hundred cases that all ask keep the API server from answering. */
const patience = { first: 50, last: 250, share: 0.05 } as const;

/**
 * Asks again and again until the answer is neither undefined nor false, and returns it.
 * A condition that throws is asked again; its last error is in the message when time is up.
 */
export async function until<T>(
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  { timeout, what, every, signal }: UntilOptions,
): Promise<T> {
  const begun = performance.now();
  const end = begun + timeout;
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
    const waited = performance.now() - begun;
    const pause = every ?? Math.min(patience.last, Math.max(patience.first, patience.share * waited));
    await delay(pause, undefined, signal === undefined ? {} : { signal });
  }
  const why = last instanceof Error ? `: ${last.message}` : "";
  throw new Error(`${what} did not happen within ${timeout / 1000} s${why}`, { cause: last });
}
