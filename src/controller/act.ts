import type { Rollout } from "../api/rollout.ts";
import type { Action, Plan } from "../domain/decision.ts";
import type { Dependencies } from "./dependencies.ts";

/**
 * Carries out a plan in order; stops at the first failure, which the next reconcile takes up. The routes alone are given
 * back whatever could not be written before them.
 */
export async function act(plan: Plan, rollout: Rollout, deps: Dependencies, signal: AbortSignal): Promise<void> {
  const failures: unknown[] = [];
  for (const action of plan) {
    if (failures.length > 0 && action.kind !== "restoreRoute") continue;
    try {
      await perform(action, rollout, deps, signal);
      deps.log.info("acted", { action });
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function perform(action: Action, rollout: Rollout, deps: Dependencies, signal: AbortSignal): Promise<void> {
  switch (action.kind) {
    case "createRoute":
    case "narrowSubsets":
    case "widenStable":
    case "routeTraffic":
    case "restoreRoute":
    case "serveSubset":
    case "restoreSubsets":
    case "tuneOutliers":
    case "restoreOutliers":
    case "removeRoute":
    case "removeSubsets":
      return deps.routerFor(rollout).perform(action, rollout, signal);
    case "claim":
    case "letGo":
    case "holdWorkload":
    case "pauseWorkload":
    case "createCanary":
    case "scaleCanary":
    case "ownCanary":
    case "removeCanary":
    case "openSurge":
    case "restoreSurge":
    case "handOver":
    case "finishOld":
    case "completeAdoption":
    case "recordPromoted":
    case "recordRejected":
    case "restoreTemplate":
    case "releaseWorkload":
      return deps.cluster.perform(action, rollout, signal);
  }
}
