import type { Standing } from "../domain/standing.ts";

/**
 * What keeps plans from being carried out, per Rollout. While something is in the way, the conditions go on saying so
 * although each reconcile decides the same again: a status that changed to and fro would wake the operator each time.
 */
export class Obstacles {
  readonly #standings = new Map<string, Standing>();
  readonly #conflicts = new Map<string, number>();
  readonly #told = new Map<string, Set<string>>();

  note(id: string, standing: Standing): void {
    this.#standings.set(id, standing);
  }

  /** Undefined while nothing is in the way. */
  find(id: string): Standing | undefined {
    return this.#standings.get(id);
  }

  clear(id: string): void {
    this.#standings.delete(id);
    this.#conflicts.delete(id);
    this.#told.delete(id);
  }

  /** Remembers events that were delivered before a plan was carried out: as long as it is not, they are decided again. */
  noteTold(id: string, events: readonly string[]): void {
    this.#told.set(id, new Set([...(this.#told.get(id) ?? []), ...events]));
  }

  wasTold(id: string, event: string): boolean {
    return this.#told.get(id)?.has(event) === true;
  }

  /** Counts conflicts without a success in between: one is normal, many are an obstacle. */
  countConflict(id: string): number {
    const count = (this.#conflicts.get(id) ?? 0) + 1;
    this.#conflicts.set(id, count);
    return count;
  }
}
