/** How many superseded versions of an object are remembered: more than one reconcile writes. */
const capacity = 8;

/**
 * Remembers which versions of an object our own writes have superseded, so that a cache that lags behind them is
 * noticed before anything is decided on it.
 */
export class OwnWrites {
  readonly #superseded = new Map<string, readonly string[]>();

  /** The object named `id` had `version` until we wrote it. */
  record(id: string, version: string): void {
    const earlier = this.#superseded.get(id) ?? [];
    this.#superseded.set(id, [...earlier, version].slice(-capacity));
  }

  /** Whether `version`, seen in a cache, is one that we have superseded; once it is not, the memory is cleared. */
  hasSuperseded(id: string, version: string): boolean {
    const versions = this.#superseded.get(id);
    if (versions === undefined) return false;
    if (versions.includes(version)) return true;
    this.#superseded.delete(id);
    return false;
  }
}
