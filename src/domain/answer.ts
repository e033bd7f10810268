import type { Milliseconds } from "../api/instant.ts";
import type { Release, RolloutStatus } from "../api/rollout-status.ts";
import { stepLabel, weightOf } from "./steps.ts";
import type { Answer, Plan, Transition } from "./decision.ts";
import { isProblem, type Observation } from "./observation.ts";
import { withStanding, type Standing } from "./standing.ts";

/** While a release is under way the world is looked at this often, beside every change that is watched. */
export const pollPeriod: Milliseconds = 1_000;

interface Wish {
  /** Changes of the status; conditions and summary columns follow from `standing` and the release. */
  readonly status?: Partial<RolloutStatus>;
  readonly standing: Standing;
  readonly plan?: Plan;
  readonly transitions?: readonly Transition[];
  readonly wakeAfter?: Milliseconds | undefined;
  readonly urgent?: boolean;
}

/** Completes what a rule wishes: the status carries summary columns and conditions that fit it. */
export function answer(observation: Observation, wish: Wish): Answer {
  const status: RolloutStatus = { ...observation.rollout.status, ...wish.status };
  const { spec } = observation.rollout;
  const { release } = status;
  const summarised: RolloutStatus = {
    ...status,
    step: release === undefined || spec === undefined ? undefined : stepLabel(spec, release),
    weight: release === undefined ? undefined : weightOf(release),
    hold: holdOf(observation),
    engineVersion: observation.settings.engineVersion,
  };
  return {
    status: withStanding(observation, summarised, { ...wish.standing, podsCounted: podsCounted(observation) }),
    plan: wish.plan ?? [],
    transitions: wish.transitions ?? [],
    wakeAfter: "wakeAfter" in wish ? wish.wakeAfter : pollPeriod,
    urgent: wish.urgent ?? false,
  };
}

/** Whether requests are counted pod by pod, as far as it was looked; undefined where it could not be seen. */
function podsCounted({ pods }: Observation): Standing["podsCounted"] {
  if (pods === undefined || pods.kind === "Unavailable") return undefined;
  if (pods.kind === "Unknown") return { status: "False", message: `Outlier detection is not tuned: ${pods.message}` };
  return { status: "True", message: "It is known which pod a request went to." };
}

/** How changes of the Deployment are held at the moment; not at all where somebody switched it off. */
function holdOf({ workload, rollout, settings }: Observation): RolloutStatus["hold"] {
  if (isProblem(workload)) return rollout.status.hold ?? settings.hold;
  if (workload.form === "Subsets") return undefined;
  const isSuspended = rollout.spec?.suspend === true && rollout.status.release === undefined;
  return workload.holdOff || isSuspended ? "Off" : settings.hold;
}

/**
 * An event key that tells this release's happenings from those of the others. What may happen twice in a release, or at one
 * of its steps, has the moment in it: of two events of one name the second is taken for one that was told. The moment is
 * stored with what it is the key of, so that a retry has the same.
 */
export function releaseKey(release: Release, ...parts: readonly (string | number)[]): string {
  return [`release-${release.number}`, ...parts].join(" ");
}
