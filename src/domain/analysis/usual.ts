import type { Milliseconds, Ratio } from "../../api/instant.ts";

/** What came to a Service in the ten minutes before a release, or in as many of them as are known. */
export interface Usual {
  /** All requests, of whatever version, the lost ones included. */
  readonly requests: number;
  /** Those that failed before a pod was chosen. */
  readonly lost: number;
  /** How long is known of. */
  readonly length: Milliseconds;
  /** Between two scrapes of a caller. */
  readonly interval: Milliseconds;
}

/** How far before a release is looked. */
export const usualSpan: Milliseconds = 600_000;

/** Requests that were not seen to be lost may be: so many at 95 % (the rule of three). */
const unseen = 3;

/** The share of requests that were lost, or may have been; 1 where there were too few to know. */
export function usualLost({ requests, lost }: Usual): Ratio {
  return requests === 0 ? 1 : Math.min(1, (lost + unseen) / requests);
}

/** Requests per second. */
export function usualRate({ requests, length }: Usual): number {
  return (1_000 * requests) / length;
}

/** With fewer expected, that few came says nothing. */
const leastExpected = 20;

/** Whether fewer than half as many requests ended as did before the release in as long a time. */
export function hasFallen(usual: Usual | undefined, requests: number, length: Milliseconds): boolean {
  if (usual === undefined) return false;
  const expected = (usualRate(usual) * length) / 1_000;
  return expected >= leastExpected && requests < expected / 2;
}

/** A length of time as people say it: in seconds, or in minutes where they are many. */
export function roughly(length: Milliseconds): Milliseconds {
  const unit = length < 300_000 ? 1_000 : 60_000;
  return Math.round(length / unit) * unit;
}
