import { parseInstant, renderDuration } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer } from "../decision.ts";
import type { Observation } from "../observation.ts";
import { canaryOf } from "./canary.ts";

/** From this share of errors on, pods that are gone do no more harm than pods that answer. */
const mostly = 0.5;

/**
 * What is left while nobody lets the routes be changed: the canary's pods go, where most of their answers were errors.
 * Those of a version that mostly works go on serving, because a request to a subset without pods fails for certain; a
 * person who knows of worse harm than errors can scale them down.
 */
export function withSecondLever(observation: Observation, release: Release, answer: Answer): Answer {
  const { now, settings, rollout } = observation;
  const canary = canaryOf(observation);
  if (canary?.controlledBy !== "Rollout" || canary.replicas === 0 || !isMostlyErrors(release)) return answer;
  const blocked = now - parseInstant(release.decidedAt ?? release.startedAt);
  if (blocked < settings.rollbackDeadline) return answer;
  const note = `The routes could not be changed for ${renderDuration(settings.rollbackDeadline)}, and most answers of ${rollout.status.canary?.image ?? "the canary"} were errors: its pods are removed. Requests that are still sent to them fail with 503 until the routes can be written.`;
  return {
    ...answer,
    plan: [{ kind: "scaleCanary", replicaSet: canary.name, replicas: 0 }, ...answer.plan],
    transitions: [...answer.transitions, { reason: "CanaryStopped", key: releaseKey(release), note }],
  };
}

function isMostlyErrors({ analysis, reason }: Release): boolean {
  const { requests = 0, errors = 0 } = analysis?.release.canary ?? {};
  return reason === "ErrorRateTooHigh" && errors > 0 && errors >= mostly * requests;
}
