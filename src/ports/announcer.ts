import type { Rollout } from "../api/rollout.ts";
import type { PendingEvent } from "../api/rollout-status.ts";

/** Tells people. */
export interface Announcer {
  /**
   * Delivers the events and returns the names of those that need not be tried again: they arrived, now or before, or are
   * in a namespace that is being deleted. Never rejects.
   */
  announce(rollout: Rollout, events: readonly PendingEvent[], signal: AbortSignal): Promise<readonly string[]>;
}
