import { parseInstant } from "../api/instant.ts";
import type { Release } from "../api/rollout-status.ts";
import { trafficShift, type Shift } from "./analysis/traffic-shift.ts";
import { isProblem, seenSinceShift, type Observation } from "./observation.ts";

/** One that has asked for a split. */
type SplitRelease = Release & { readonly traffic: NonNullable<Release["traffic"]> };

/** Whether it is a rollback whose routes are still split, of a canary that had traffic: there is something to see. */
export function isOnItsWayBack(release: Release | undefined): release is SplitRelease {
  return release?.decision === "Rollback" && release.highestWeight > 0 && release.traffic?.route === "Split";
}

/** `Unreported`: there are no metrics of the requests since the routes were changed. */
export type RollbackShift = Shift | "Unreported";

/**
 * What callers report of a rollback whose routes send everything to stable. Undefined where there is nothing to see:
 * no rollback, a canary that never had traffic, or routes that are not back.
 */
export function rollbackShift({
  rollout,
  settings,
  now,
  measurement,
  traffic,
}: Observation): RollbackShift | undefined {
  const { release } = rollout.status;
  if (!isOnItsWayBack(release)) return undefined;
  if (isProblem(traffic) || traffic.route.kind !== "Split" || traffic.route.weight !== 0) return undefined;
  const seen = seenSinceShift(measurement);
  if (seen === undefined) return "Unreported";
  const elapsed = now - parseInstant(release.traffic.routeChangedAt);
  const { stable, canary } = seen;
  return trafficShift({ weight: 0, stable, canary, elapsed, deadline: settings.rollbackDeadline });
}
