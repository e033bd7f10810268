import type { Release } from "../api/rollout-status.ts";
import type { RolloutSpec, Step } from "../api/rollout-spec.ts";

/** The steps of a release: those of the spec, and a last one at 100 % where the spec stops earlier. */
export function stepsOf(spec: RolloutSpec): readonly Step[] {
  return weightAt(spec.steps, spec.steps.length - 1) === 100 ? spec.steps : [...spec.steps, { weight: 100 }];
}

/** The canary's weight in percent at a step: its own, or for a pause that of the step before. */
export function weightAt(steps: readonly Step[], index: number): number {
  return steps.slice(0, index + 1).findLast((step) => step.weight !== undefined)?.weight ?? 0;
}

/** The canary's weight in percent that was last asked for; 0 before a release has asked for any. */
export function weightOf({ traffic }: Pick<Release, "traffic">): number {
  return traffic?.weight ?? 0;
}

/** How many canary pods carry `weight` percent of what `replicas` pods of stable carry. */
export function canarySize(replicas: number, weight: number): number {
  return Math.min(replicas, Math.max(1, Math.ceil((replicas * weight) / 100)));
}

/** `2/3`: which step of how many. */
export function stepLabel(spec: RolloutSpec, release: Release): string {
  const count = stepsOf(spec).length;
  return `${Math.min(release.stepIndex + 1, count)}/${count}`;
}
