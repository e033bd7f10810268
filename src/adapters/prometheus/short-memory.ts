import type { Milliseconds } from "../../api/instant.ts";

interface Kept<Value> {
  readonly value: Value;
  readonly at: number;
}

/**
 * What was learned of late, by what it is about: good for some time, and forgotten some time after that. Moments are
 * those of whichever clock the caller reads, which may be set back: what was learned in the future is as old.
 */
export class ShortMemory<Value> {
  readonly #kept = new Map<string, Kept<Value>>();
  readonly #goodFor: Milliseconds;

  constructor(goodFor: Milliseconds) {
    this.#goodFor = goodFor;
  }

  /** What is still good; `goodFor` in its place for one question. */
  recall(key: string, now: number, goodFor = this.#goodFor): Value | undefined {
    const kept = this.#kept.get(key);
    return kept !== undefined && Math.abs(now - kept.at) < goodFor ? kept.value : undefined;
  }

  /** What was last learned, good or not, unless it is forgotten. */
  last(key: string): Value | undefined {
    return this.#kept.get(key)?.value;
  }

  remember(key: string, value: Value, now: number): void {
    this.forget(now);
    this.#kept.set(key, { value, at: now });
  }

  /** Forgets what has not been good for as long as it was. */
  forget(now: number): void {
    for (const [key, { at }] of this.#kept) if (Math.abs(now - at) >= 2 * this.#goodFor) this.#kept.delete(key);
  }

  /** Everything that is not forgotten. */
  entries(): Iterable<readonly [string, Value]> {
    return [...this.#kept].map(([key, { value }]) => [key, value] as const);
  }
}
