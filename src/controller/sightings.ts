import type { Instant } from "../api/instant.ts";
import type { SeenAt, TrafficState } from "../domain/observation.ts";
import type { Sight } from "../domain/propagation.ts";

interface Sighting {
  readonly askedAt: string;
  readonly seenAt: Instant;
}

type Foreign = Pick<TrafficState, "foreignManager" | "subsetsManager">;

interface Memory {
  readonly route: Sighting | undefined;
  readonly subsets: Sighting | undefined;
  readonly steady: Instant | undefined;
}

/**
 * When this operator saw routes and subsets as they were last asked for. Not stored: another operator sees them for the
 * first time, and only waits a little longer. What somebody else changes after that is corrected, not waited for again;
 * but it ends the time for which they were steady.
 */
export class Sightings {
  readonly #memories = new Map<string, Memory>();
  readonly #hurried = new Set<string>();

  /** Takes in what is seen at `now`, and tells since when. */
  note(id: string, sight: Sight | undefined, now: Instant): SeenAt | undefined {
    if (sight === undefined) {
      this.#memories.delete(id);
      return undefined;
    }
    const before = this.#memories.get(id);
    const memory: Memory = {
      route: sighting(before?.route, sight.route, now),
      subsets: sighting(before?.subsets, sight.subsets, now),
      steady: sight.route.isSeen && sight.subsets.isSeen ? (before?.steady ?? now) : undefined,
    };
    this.#memories.set(id, memory);
    return { route: memory.route?.seenAt, subsets: memory.subsets?.seenAt, steady: memory.steady };
  }

  /**
   * Whether somebody else has just changed what was seen as asked: then every millisecond counts, and nothing else is
   * waited for. Not twice in a row, so that somebody who never stops keeps nobody from looking at the rest.
   */
  mustHurry(id: string, sight: Sight | undefined, by: Foreign): boolean {
    const seen = this.#memories.get(id);
    const isDisturbed =
      isChanged(seen?.route, sight?.route, by.foreignManager) ||
      isChanged(seen?.subsets, sight?.subsets, by.subsetsManager);
    if (this.#hurried.delete(id) || !isDisturbed) return false;
    this.#hurried.add(id);
    return true;
  }

  forget(id: string): void {
    this.#memories.delete(id);
    this.#hurried.delete(id);
  }
}

function isChanged(before: Sighting | undefined, now: Sight["route"] | undefined, by: string | undefined): boolean {
  return by !== undefined && before !== undefined && now?.isSeen === false;
}

function sighting(before: Sighting | undefined, { askedAt, isSeen }: Sight["route"], now: Instant) {
  if (before?.askedAt === askedAt) return before;
  return isSeen ? { askedAt, seenAt: now } : undefined;
}
