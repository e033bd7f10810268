import { renderInstant } from "../../api/instant.ts";
import type { ConditionReason } from "../../api/reasons.ts";
import type { Release, RolloutStatus } from "../../api/rollout-status.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Answer, Plan, Transition } from "../decision.ts";
import type { MissingData } from "../evidence.ts";
import type { Observation } from "../observation.ts";
import { podsAreEverywhere } from "../propagation.ts";
import { isNews } from "../standing.ts";
import { stepsOf, weightAt, weightOf } from "../steps.ts";

/** The release under way, when nothing is decided yet. */
export function undecided(observation: Observation): { release: Release; spec: RolloutSpec } | undefined {
  const { spec, status } = observation.rollout;
  const { release } = status;
  return spec === undefined || release === undefined || release.decision !== undefined ? undefined : { release, spec };
}

/** Whether the release is to stay where it is: suspended, or paused by a person. */
export function standsStill({ rollout }: Observation): boolean {
  return rollout.spec?.suspend === true || rollout.requests.pause !== undefined;
}

/** The canary's weight that the release is at or on its way to; one that stands still stays at what was last asked for. */
export function wantedWeight(observation: Observation, release: Release, spec: RolloutSpec): number {
  if (release.steppedBack !== undefined) return 0;
  if (standsStill(observation)) return weightOf(release);
  return weightAt(stepsOf(spec), release.stepIndex);
}

/** The weight that the canary's pods are there for: one that stepped back will go on with its step. */
export function weightToCome(observation: Observation, release: Release, spec: RolloutSpec): number {
  if (release.steppedBack !== undefined) return weightAt(stepsOf(spec), release.stepIndex);
  return wantedWeight(observation, release, spec);
}

/** Whether a person asked to go on past whatever the release waits for. */
export function askedToPromote({ rollout }: Observation): boolean {
  const asked = rollout.requests.promote;
  return asked !== undefined && asked !== rollout.status.handled?.promote;
}

/** The release with another weight on its way: the step's clock and the bake begin when that is seen. */
export function atWeight(observation: Observation, release: Release, weight: number): Release {
  const { traffic } = release;
  const routeChangedAt = renderInstant(observation.now);
  return {
    ...release,
    stepStartedAt: undefined,
    bakingSince: undefined,
    traffic: traffic && { ...traffic, weight, routeChangedAt },
  };
}

/** Before the first traffic to pods that are ready: a proxy that does not know them yet would find none behind the route. */
export function untilKnown(observation: Observation, release: Release, spec: RolloutSpec): Answer | undefined {
  if (release.traffic?.weight !== 0 || wantedWeight(observation, release, spec) === 0) return undefined;
  if (podsAreEverywhere(observation, release)) return undefined;
  return progressing(observation, "The canary pods are ready; waiting until every proxy knows them.");
}

interface Progress {
  /** What else changes in the status. */
  readonly status?: Partial<RolloutStatus>;
  readonly release?: Release;
  readonly plan?: Plan;
  readonly transitions?: readonly Transition[];
}

/** The release goes on as it should. */
export function progressing(observation: Observation, message: string, progress: Progress = {}): Answer {
  return answer(observation, {
    status: { ...progress.status, ...(progress.release === undefined ? {} : { release: progress.release }) },
    standing: { kind: "Progressing", reason: "Progressing", phase: "Progressing", message },
    plan: progress.plan ?? [],
    transitions: progress.transitions ?? [],
  });
}

/** The release, which may have changed, waits for something that it cannot provide; told once. */
export function holdRelease(
  observation: Observation,
  release: Release,
  reason: ConditionReason,
  message: string,
  plan: Plan = [],
): Answer {
  const key = releaseKey(release, release.stepIndex, reason, renderInstant(observation.now));
  const event = reason === "MetricsUnavailable" || reason === "TooManySeries" ? "MetricsUnavailable" : "Held";
  return answer(observation, {
    status: { release },
    standing: { kind: "Progressing", reason, phase: "Held", message },
    plan,
    transitions: isNews(observation, reason) ? [{ reason: event, key, note: message }] : [],
  });
}

/** Without metrics there is no verdict: the release stays where it is. */
export function holdForMetrics(
  observation: Observation,
  release: Release,
  { message, reason }: Pick<MissingData, "message" | "reason">,
): Answer {
  const note = `No verdict without metrics: ${message.replace(/\.$/, "")}. The release goes on when they are back.`;
  return holdRelease(observation, release, reason, note);
}
