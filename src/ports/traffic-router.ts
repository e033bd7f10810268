import type { Rollout } from "../api/rollout.ts";
import type { Action } from "../domain/decision.ts";
import type { Problem, TrafficState } from "../domain/observation.ts";

/** The actions that change where requests go. */
export type TrafficAction = Extract<
  Action,
  {
    kind:
      | "createRoute"
      | "narrowSubsets"
      | "widenStable"
      | "routeTraffic"
      | "restoreRoute"
      | "serveSubset"
      | "restoreSubsets"
      | "tuneOutliers"
      | "restoreOutliers"
      | "removeRoute"
      | "removeSubsets";
  }
>;

/** Moves traffic between stable and canary in one kind of mesh. */
export interface TrafficRouter {
  /** How the mesh is configured now, from caches; or what a user has to mend. */
  readTraffic(rollout: Rollout): TrafficState | Problem;

  /** What the routes and subsets are before a release, as JSON; small, and all that restoring needs. */
  describeOriginal(rollout: Rollout): string;

  /**
   * Asks the API server, without writing, for every write of a release, the way back included.
   * Answers with a Problem that names object and field when one is refused.
   */
  rehearse(rollout: Rollout, signal: AbortSignal): Promise<Problem | undefined>;

  /** Carries out one action; does nothing where the mesh is already so. Leaves every field that is not ours as it was. */
  perform(action: TrafficAction, rollout: Rollout, signal: AbortSignal): Promise<void>;
}
