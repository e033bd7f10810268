import type { Rollout } from "../api/rollout.ts";
import type { PendingEvent } from "../api/rollout-status.ts";

/** Tells people. */
export interface Announcer {
  /** Delivers the events and returns the names of those that arrived; one that arrived before counts. Never rejects. */
  announce(rollout: Rollout, events: readonly PendingEvent[], signal: AbortSignal): Promise<readonly string[]>;
}
