import { renderKey } from "../api/object-key.ts";
import type { Rollout } from "../api/rollout.ts";
import type { Dependencies } from "./dependencies.ts";
import { storeStatus } from "./store-decision.ts";

/**
 * Delivers the events that wait in the status and takes those off that arrived; the others stay for the next time.
 * Returns the Rollout as it is then.
 */
export async function deliverEvents(rollout: Rollout, deps: Dependencies, signal: AbortSignal): Promise<Rollout> {
  const pending = rollout.status.pendingEvents ?? [];
  if (pending.length === 0) return rollout;
  const delivered = await deps.announcer.announce(rollout, pending, signal);
  if (delivered.length === 0) return rollout;
  deps.obstacles.noteTold(renderKey(rollout.key), delivered);
  const pendingEvents = pending.filter((event) => !delivered.includes(event.name));
  return storeStatus({ ...rollout.status, pendingEvents }, rollout, deps, signal, () => true);
}
