import { backOffDelay, type BackOff } from "./back-off.ts";
import type { Timers } from "./timers.ts";

export interface AddOptions {
  /** Before all keys that are not urgent. */
  readonly urgent?: boolean;
  /** Milliseconds; at once unless told. */
  readonly after?: number;
}

export interface WorkQueueOptions {
  readonly timers: Timers;
  /** Between 0 and 1. */
  readonly random: () => number;
  /** Whether a key comes before others, asked when it begins to wait for a worker; none unless told. */
  readonly isUrgent?: (key: string) => boolean;
  /** Called with the number of keys that wait for a worker, whenever it changes. */
  readonly onDepth?: (depth: number) => void;
  /** Called with the milliseconds that a key waited for a worker, when one takes it. */
  readonly onWait?: (waited: number) => void;
}

interface Delayed {
  readonly at: number;
  readonly cancel: () => void;
}

/**
 * Keys that wait to be looked at.
 *
 * Guarantees: a key is with one worker at a time; a key that was added is taken afterwards, once however often it was
 * added before that, and again when it was added while a worker had it; of two delays of a key the one that ends
 * first counts. Keys are taken in the order in which they came, urgent ones first.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Keys in the order in which they came, and since when they wait; both are disjoint, and disjoint from #running. */
  readonly #urgent = new Map<string, number>();
  readonly #ready = new Map<string, number>();
  readonly #running = new Set<string>();
  /** Added while a worker has it, and whether that was urgent. */
  readonly #again = new Map<string, boolean>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  readonly #takers: ((key: string | undefined) => void)[] = [];
  readonly #drained: (() => void)[] = [];
  #draining = false;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait for a worker, delayed ones not counted. */
  get depth(): number {
    return this.#urgent.size + this.#ready.size;
  }

  add(key: string, { urgent = false, after = 0 }: AddOptions = {}): void {
    if (this.#draining) return;
    if (after > 0) this.#delay(key, after, urgent);
    else this.#addNow(key, urgent);
  }

  /** Adds the key after a wait that doubles with every call since `forget`; at least `atLeast`. Returns the wait. */
  retry(key: string, backOff: BackOff, atLeast = 0): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const delay = Math.max(atLeast, backOffDelay(backOff, failures, this.#options.random()));
    this.add(key, { after: delay });
    return delay;
  }

  /** The key did well: its next failure waits the shortest time again. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, as soon as there is one; undefined once the queue is drained. Call `done` with it in any case. */
  take(): Promise<string | undefined> {
    if (this.#draining) return Promise.resolve(undefined);
    const key = this.#next();
    if (key === undefined) return new Promise((resolve) => this.#takers.push(resolve));
    this.#run(key);
    return Promise.resolve(key);
  }

  /** The worker that took the key is finished with it. */
  done(key: string): void {
    this.#running.delete(key);
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again !== undefined && !this.#draining) this.#addNow(key, again);
    if (this.#running.size === 0) for (const tell of this.#drained.splice(0)) tell();
  }

  /** Hands out no more keys and forgets those that wait; resolves when every worker is done. */
  drain(): Promise<void> {
    this.#draining = true;
    for (const { cancel } of this.#delayed.values()) cancel();
    for (const keys of [this.#delayed, this.#urgent, this.#ready, this.#again]) keys.clear();
    for (const tell of this.#takers.splice(0)) tell(undefined);
    this.#tellDepth();
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drained.push(resolve));
  }

  #addNow(key: string, urgent: boolean): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
    if (this.#running.has(key)) {
      this.#again.set(key, urgent || this.#again.get(key) === true);
      return;
    }
    const taker = this.#takers.shift();
    if (taker !== undefined) {
      this.#run(key);
      this.#options.onWait?.(0);
      taker(key);
      return;
    }
    if (this.#urgent.has(key)) return;
    const comesFirst = urgent || this.#options.isUrgent?.(key) === true;
    const since = this.#ready.get(key) ?? this.#options.timers.now();
    if (comesFirst) this.#ready.delete(key);
    (comesFirst ? this.#urgent : this.#ready).set(key, since);
    this.#tellDepth();
  }

  #delay(key: string, after: number, urgent: boolean): void {
    // Before any delay is over the key is taken; whoever takes it says when to look again.
    if (this.#ready.has(key) || this.#urgent.has(key) || this.#again.has(key)) return;
    const at = this.#options.timers.now() + after;
    const before = this.#delayed.get(key);
    if (before !== undefined && before.at <= at) return;
    before?.cancel();
    const cancel = this.#options.timers.after(after, () => {
      this.#delayed.delete(key);
      this.#addNow(key, urgent);
    });
    this.#delayed.set(key, { at, cancel });
  }

  #next(): string | undefined {
    const [first] = this.#urgent.size > 0 ? this.#urgent : this.#ready;
    if (first === undefined) return undefined;
    const [key, since] = first;
    this.#options.onWait?.(this.#options.timers.now() - since);
    return key;
  }

  #run(key: string): void {
    const waited = this.#urgent.delete(key) || this.#ready.delete(key);
    this.#running.add(key);
    if (waited) this.#tellDepth();
  }

  #tellDepth(): void {
    this.#options.onDepth?.(this.depth);
  }
}
