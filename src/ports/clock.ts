import type { Instant } from "../api/instant.ts";

/** Where "now" comes from. */
export interface Clock {
  now(): Instant;
}
