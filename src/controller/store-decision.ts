import { renderKey } from "../api/object-key.ts";
import type { Rollout } from "../api/rollout.ts";
import type { RolloutStatus } from "../api/rollout-status.ts";
import { canonicalJson } from "../domain/canonical-json.ts";
import type { Decision } from "../domain/decision.ts";
import { withStandingOf } from "../domain/standing.ts";
import { isWorthWriting } from "../domain/worth-writing.ts";
import { ConflictError } from "../runtime/errors.ts";
import type { Dependencies } from "./dependencies.ts";

/** A rollback's status is tried this often against changes of the Rollout's metadata or spec. */
const attempts = 5;

/**
 * Writes the status of a decision, if it is worth a write. What stood in the way of the last plan goes on being said
 * until a plan was carried out. A rollback is not dropped because somebody changed an annotation meanwhile: as long as
 * the status is the one that was decided on, the decision holds.
 */
export async function storeDecision(
  decision: Decision,
  rollout: Rollout,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<Rollout> {
  const obstacle = deps.obstacles.find(renderKey(rollout.key));
  const isBlocked = obstacle !== undefined && decision.plan.length > 0;
  const status = isBlocked ? withStandingOf(rollout, decision.status, obstacle, deps.clock.now()) : decision.status;
  if (!decision.urgent) return storeStatus(status, rollout, deps, signal);
  let current = rollout;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await storeStatus(status, current, deps, signal);
    } catch (error) {
      if (!(error instanceof ConflictError) || attempt === attempts) throw error;
      const fresh = await deps.cluster.readFresh(rollout.key, signal);
      if (fresh === undefined || canonicalJson(fresh.status) !== canonicalJson(rollout.status)) throw error;
      current = fresh;
    }
  }
}

/** Writes a status, if it is worth a write. */
export function storeStatus(
  status: RolloutStatus,
  rollout: Rollout,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<Rollout> {
  const isWorth = isWorthWriting(rollout.status, status, deps.clock.now(), deps.settings.evidencePeriod);
  return isWorth ? deps.cluster.writeStatus(rollout, status, signal) : Promise.resolve(rollout);
}
