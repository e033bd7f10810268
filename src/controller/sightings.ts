import type { Instant } from "../api/instant.ts";
import type { Observation } from "../domain/observation.ts";
import type { Sight } from "../domain/propagation.ts";

interface Sighting {
  readonly askedAt: string;
  readonly seenAt: Instant;
}

interface Memory {
  readonly route: Sighting | undefined;
  readonly subsets: Sighting | undefined;
}

/**
 * When this operator first saw routes and subsets as they were last asked for. Not stored: another operator sees them
 * for the first time, and only waits a little longer. What somebody else changes after that is corrected, not waited
 * for again.
 */
export class Sightings {
  readonly #memories = new Map<string, Memory>();

  /** Takes in what is seen at `now`, and tells since when. */
  note(id: string, sight: Sight | undefined, now: Instant): Observation["seenAt"] {
    if (sight === undefined) {
      this.#memories.delete(id);
      return undefined;
    }
    const before = this.#memories.get(id);
    const memory: Memory = {
      route: sighting(before?.route, sight.route, now),
      subsets: sighting(before?.subsets, sight.subsets, now),
    };
    this.#memories.set(id, memory);
    return { route: memory.route?.seenAt, subsets: memory.subsets?.seenAt };
  }

  forget(id: string): void {
    this.#memories.delete(id);
  }
}

function sighting(before: Sighting | undefined, { askedAt, isSeen }: Sight["route"], now: Instant) {
  if (before?.askedAt === askedAt) return before;
  return isSeen ? { askedAt, seenAt: now } : undefined;
}
