import { renderKey } from "../api/object-key.ts";
import type { Rollout } from "../api/rollout.ts";
import type { RolloutStatus } from "../api/rollout-status.ts";
import { canonicalJson } from "../domain/canonical-json.ts";
import type { Decision } from "../domain/decision.ts";
import { withStandingOf } from "../domain/standing.ts";
import { isWorthWriting } from "../domain/worth-writing.ts";
import { ConflictError } from "../runtime/errors.ts";
import type { Dependencies } from "./dependencies.ts";

/** A status is tried this often against changes of the Rollout that it does not depend on. */
const attempts = 5;

/**
 * Writes the status of a decision, if it is worth a write. What stood in the way of the last plan goes on being said
 * until a plan was carried out. A rollback holds whatever somebody changed meanwhile in what is asked for.
 */
export function storeDecision(
  decision: Decision,
  rollout: Rollout,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<Rollout> {
  const obstacle = deps.obstacles.find(renderKey(rollout.key));
  const decided = withoutTold(decision.status, rollout, deps);
  const isBlocked = obstacle !== undefined && decision.plan.length > 0;
  const status = isBlocked ? withStandingOf(rollout, decided, obstacle, deps.clock.now()) : decided;
  return storeStatus(status, rollout, deps, signal, decision.urgent ? () => true : asksTheSame);
}

/**
 * The status without events that were delivered for a plan which could not be carried out since: to store them again, and
 * to take them off again, would wake the operator each time without a pause.
 */
function withoutTold(
  status: RolloutStatus,
  { key, status: stored }: Rollout,
  { obstacles }: Dependencies,
): RolloutStatus {
  const waiting = new Set(stored.pendingEvents?.map(({ name }) => name));
  const isNew = ({ name }: { readonly name: string }) => waiting.has(name) || !obstacles.wasTold(renderKey(key), name);
  return status.pendingEvents === undefined ? status : { ...status, pendingEvents: status.pendingEvents.filter(isNew) };
}

/**
 * Writes a status, if it is worth a write, over the one that it follows from. Somebody who writes labels or annotations
 * of others all the time does not keep it from being stored: as long as the status is the one that was decided on, and
 * what is asked for `holds`, so does the decision. Else rejects with the ConflictError.
 */
export async function storeStatus(
  status: RolloutStatus,
  rollout: Rollout,
  deps: Dependencies,
  signal: AbortSignal,
  holds: (fresh: Rollout, rollout: Rollout) => boolean = asksTheSame,
): Promise<Rollout> {
  if (!isWorthWriting(rollout.status, status, deps.clock.now(), deps.settings.evidencePeriod)) return rollout;
  let current = rollout;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await deps.cluster.writeStatus(current, status, signal);
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === attempts) throw error;
      const fresh = await deps.cluster.readFresh(rollout.key, signal);
      const isSame = fresh !== undefined && canonicalJson(fresh.status) === canonicalJson(rollout.status);
      if (!isSame || !holds(fresh, rollout)) throw error;
      current = fresh;
    }
  }
}

function asksTheSame(fresh: Rollout, rollout: Rollout): boolean {
  return (
    fresh.generation === rollout.generation &&
    fresh.deleting === rollout.deleting &&
    canonicalJson(fresh.requests) === canonicalJson(rollout.requests)
  );
}
