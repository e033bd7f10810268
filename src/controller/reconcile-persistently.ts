import { renderKey, type ObjectKey } from "../api/object-key.ts";
import { ConflictError, TemplateMutatedError } from "../runtime/errors.ts";
import type { Dependencies } from "./dependencies.ts";
import { reconcile, type ReconcileResult } from "./reconcile.ts";
import { giveUp, reportFailure } from "./report-failure.ts";

/** With traffic at risk, or somebody waiting for the end, this soon and without end: a rollback sooner than the rest. */
const retryRollbackAfter = 1_000;
const retryReleaseAfter = 5_000;

/**
 * Reconciles; a failure while a release is under way, or while a Rollout that is being deleted has not let go, is said in
 * the conditions and tried again soon, whatever kind it is, as back-off is for what can wait. Every other failure is the
 * queue's.
 */
export async function reconcilePersistently(
  key: ObjectKey,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<ReconcileResult> {
  try {
    return await reconcile(key, deps, signal);
  } catch (error) {
    const rollout = deps.cluster.readRollout(key);
    const release = rollout?.status.release;
    const isUrgent = release !== undefined || (rollout?.deleting === true && rollout.claimed);
    if (!isUrgent || signal.aborted || isPassing(key, error, deps)) throw error;
    deps.log.warn("could not reconcile what cannot wait", { error });
    if (error instanceof TemplateMutatedError) await giveUp(key, error, deps, signal);
    else await tellFailure(key, error, deps, signal);
    return { requeueAfter: release?.decision === "Rollback" ? retryRollbackAfter : retryReleaseAfter };
  }
}

/** A conflict is normal: the next look decides afresh. Many in a row are an obstacle that people should know of. */
function isPassing(key: ObjectKey, error: unknown, { obstacles }: Dependencies): boolean {
  return error instanceof ConflictError && obstacles.countConflict(renderKey(key)) < manyConflicts;
}

const manyConflicts = 10;

/** Telling is best effort: an API server that is away cannot be told that it is. */
async function tellFailure(key: ObjectKey, error: unknown, deps: Dependencies, signal: AbortSignal): Promise<void> {
  try {
    await reportFailure(key, error, deps, signal);
  } catch (untold) {
    deps.log.debug("could not write why a reconcile failed", { error: untold });
  }
}
