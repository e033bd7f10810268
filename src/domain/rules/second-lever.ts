import { parseInstant, renderDuration } from "../../api/instant.ts";
import type { Counts, Release } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer } from "../decision.ts";
import { countedIn, noCounts, totalsOf } from "../analysis/blocks.ts";
import { isProblem, type Observation } from "../observation.ts";
import { canaryOf } from "../replica-sets.ts";
import { imageOf } from "../version-names.ts";

/** Fewer requests than this of late show nothing. */
const leastRequests = 20;
/** From this share of errors on, pods that are gone do no more harm than pods that answer. */
const mostly = 0.5;

/**
 * What is left while nobody lets the routes be changed: the canary's pods go, where most of their answers were errors.
 * Those of a version that mostly works go on serving, because a request to a subset without pods fails for certain; a
 * person who knows of worse harm than errors can scale them down.
 */
export function withSecondLever(observation: Observation, release: Release, answer: Answer): Answer {
  const { settings } = observation;
  const canary = canaryOf(observation);
  if (canary?.controlledBy !== "Rollout" || canary.replicas === 0 || !isBlocked(observation, release)) return answer;
  if (release.reason !== "ErrorRateTooHigh" || !isMostlyErrors(observation, release)) return answer;
  const note = `The routes could not be changed for ${renderDuration(settings.rollbackDeadline)}, and most answers of ${imageOf(observation, "canary")} were errors: its pods are removed. Requests that are still sent to them fail with 503 until the routes can be written.`;
  return {
    ...answer,
    // Other than the routes, pods go only when it is stored that they do.
    urgent: false,
    plan: [{ kind: "scaleCanary", replicaSet: canary.name, replicas: 0 }, ...answer.plan],
    transitions: [...answer.transitions, { reason: "CanaryStopped", key: releaseKey(release), note }],
  };
}

/** Whether the last answers decide about the canary's pods in a rollback whose routes cannot be written. */
export function needsEvidence(observation: Observation, release: Release): boolean {
  const canary = canaryOf(observation);
  if (release.reason !== "ErrorRateTooHigh" || canary?.controlledBy !== "Rollout" || canary.replicas === 0)
    return false;
  return isBlocked(observation, release) && !isMost(countedIn(release).canary, 1);
}

/** Whether a rollback has not had its routes for so long that it is looked for another way. */
function isBlocked({ now, settings, traffic }: Observation, release: Release): boolean {
  if (isProblem(traffic) || traffic.route.kind !== "Split" || traffic.route.weight === 0) return false;
  return now - parseInstant(release.decidedAt ?? release.startedAt) >= settings.rollbackDeadline;
}

/** In the whole release, or of late: a version may have served well for hours before it broke. */
function isMostlyErrors({ measurement }: Observation, release: Release): boolean {
  const whole = countedIn(release).canary;
  const late = measurement?.kind === "Counts" ? totalsOf(measurement.ticks).canary : noCounts;
  return isMost(whole, 1) || isMost(late, leastRequests);
}

function isMost({ requests, errors }: Counts, least: number): boolean {
  return requests >= least && errors >= mostly * requests;
}
