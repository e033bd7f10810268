/** Knows which work is under way, and for how long. */
export class WorkWatch {
  readonly #began = new Map<string, number>();
  readonly #now: () => number;
  readonly #longest: number;

  /** `now`: milliseconds of a clock that only goes forward. `longest`: milliseconds after which work is stuck. */
  constructor(now: () => number, longest: number) {
    this.#now = now;
    this.#longest = longest;
  }

  begin(key: string): void {
    this.#began.set(key, this.#now());
  }

  end(key: string): void {
    this.#began.delete(key);
  }

  /** A sentence for each that has been under way for too long: whatever it waits for, it was told to give up long ago. */
  stuck(): readonly string[] {
    const now = this.#now();
    return [...this.#began]
      .filter(([, began]) => now - began >= this.#longest)
      .map(([key, began]) => `the work on ${key} has not ended for ${Math.round((now - began) / 1_000)} s`);
  }
}
