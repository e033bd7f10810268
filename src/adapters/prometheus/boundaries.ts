import type { Milliseconds } from "../../api/instant.ts";

/** The two boundaries of a histogram between which a limit lies, as values of `le`; equal for a limit on a boundary. */
export interface Boundaries {
  /** The greatest at or below the limit; none when the limit is below all of them. */
  readonly lower: readonly string[];
  /** The smallest at or above the limit; none when only +Inf is. */
  readonly upper: readonly string[];
}

/** `le` of the bucket that holds every request. */
export const everything = "+Inf";

/**
 * Where a limit lies among the boundaries that exist. One boundary may be written in several ways (Prometheus 2 keeps
 * `le="5"`, Prometheus 3 stores `le="5.0"`), so each is a list.
 */
export function boundariesAround(limit: Milliseconds, existing: readonly string[]): Boundaries {
  const known = existing.map((text) => ({ text, at: Number(text) })).filter(({ at }) => Number.isFinite(at));
  const lower = Math.max(...known.map(({ at }) => at).filter((at) => at <= limit));
  const upper = Math.min(...known.map(({ at }) => at).filter((at) => at >= limit));
  return { lower: textsOf(lower, existing), upper: textsOf(upper, existing) };
}

/** How a boundary is written. */
export function textsOf(boundary: Milliseconds, existing: readonly string[]): readonly string[] {
  return existing.filter((text) => Number(text) === boundary);
}
