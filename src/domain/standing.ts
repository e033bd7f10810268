import { renderInstant, type Instant } from "../api/instant.ts";
import type { ConditionReason } from "../api/reasons.ts";
import type { Condition, RolloutStatus } from "../api/rollout-status.ts";
import type { Rollout } from "../api/rollout.ts";
import type { Observation } from "./observation.ts";

/**
 * Where a Rollout stands, for people and for tools that follow kstatus: Settled is Current, Progressing and
 * RollingBack are InProgress, Stalled is Failed.
 */
export interface Standing {
  readonly kind: "Settled" | "Progressing" | "RollingBack" | "Stalled";
  readonly reason: ConditionReason;
  /** What is going on, why, and what a person can do about it. */
  readonly message: string;
  /** One word for people. */
  readonly phase: string;
  /** Whether traffic was seen to be where it was sent; undefined leaves what was said before. */
  readonly shifted?: { readonly status: Condition["status"]; readonly message: string } | undefined;
  /** Whether requests are counted pod by pod; undefined leaves what was said before. */
  readonly podsCounted?: { readonly status: "True" | "False"; readonly message: string } | undefined;
}

/** The status with its conditions, phase and message as `standing` says. Transition times move only with a change. */
export function withStanding(observation: Observation, status: RolloutStatus, standing: Standing): RolloutStatus {
  return withStandingOf(observation.rollout, status, standing, observation.now);
}

/** The same, where nothing was observed. */
export function withStandingOf(
  rollout: Rollout,
  status: RolloutStatus,
  standing: Standing,
  now: Instant,
): RolloutStatus {
  const at = renderInstant(now);
  const observedGeneration = rollout.generation;
  const earlier = rollout.status.conditions ?? [];
  const condition: MakeCondition = (type, value, why, text) => {
    const before = earlier.find((candidate) => candidate.type === type);
    const lastTransitionTime = before?.status === value ? before.lastTransitionTime : at;
    return { type, status: value, reason: why, message: text, observedGeneration, lastTransitionTime };
  };
  const { reason, message } = standing;
  const conditions = [condition("Ready", readiness[standing.kind], reason, message)];
  if (standing.kind === "Progressing" || standing.kind === "RollingBack") {
    conditions.push(condition("Reconciling", "True", reason, message));
  }
  if (standing.kind === "Stalled") conditions.push(condition("Stalled", "True", reason, message));
  const shiftedBefore = earlier.find((candidate) => candidate.type === "TrafficShifted");
  if (standing.shifted !== undefined) {
    const shiftedReason = standing.shifted.status === "False" ? "TrafficNotShifted" : reason;
    conditions.push(condition("TrafficShifted", standing.shifted.status, shiftedReason, standing.shifted.message));
  } else if (shiftedBefore !== undefined && status.release !== undefined) {
    conditions.push(shiftedBefore);
  }
  const counted = podsCounted(rollout, standing, condition);
  if (counted !== undefined) conditions.push(counted);
  return { ...status, observedGeneration, phase: standing.phase, message, conditions };
}

type MakeCondition = (
  type: Condition["type"],
  value: Condition["status"],
  reason: ConditionReason,
  message: string,
) => Condition;

/** As seen now, or as before; a team that wants no tuning is told nothing of it. */
function podsCounted({ spec, status }: Rollout, { podsCounted: seen }: Standing, make: MakeCondition) {
  if (seen !== undefined)
    return make("PodsCounted", seen.status, seen.status === "True" ? "PodsCounted" : "PodsNotCounted", seen.message);
  return spec?.outlierDetection.tuning === "Off" ? undefined : conditionOf(status, "PodsCounted");
}

const readiness = { Settled: "True", Progressing: "Unknown", RollingBack: "False", Stalled: "False" } as const;

/** Whether the Rollout's last status said something else than `reason`: the moment to tell people. */
export function isNews(observation: Observation, reason: ConditionReason): boolean {
  return conditionOf(observation.rollout.status, "Ready")?.reason !== reason;
}

export function conditionOf(status: RolloutStatus, type: Condition["type"]): Condition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

/** Where a Rollout stands by its status; one that says nothing has only begun. */
export function saidIn(status: RolloutStatus): Pick<Standing, "reason" | "phase"> {
  return { reason: conditionOf(status, "Ready")?.reason ?? "Progressing", phase: status.phase ?? "Progressing" };
}
