import { setTimeout as after } from "node:timers/promises";
import { holdAnnotation, rolloutLabel } from "../../api/names.ts";
import type { Milliseconds } from "../../api/instant.ts";
import type { KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import { ConflictError, NotFoundError, RejectedError, TransientError } from "../../runtime/errors.ts";
import { isPaused } from "./deployment-spec.ts";
import { holdName } from "./hold-rule.ts";
import { deployments } from "./workload-resources.ts";

/**
 * What became of a change that was tried and not stored. `Unanswered`: the API server could not say, because it or the
 * webhook that it asks is not to be reached.
 */
export type TrialOutcome =
  { readonly kind: "Held" | "NotHeld" | "NothingToTry" } | { readonly kind: "Unanswered"; readonly message: string };

const tryEvery: Milliseconds = 100;

/** Tries until a change is held or there is nothing to try it on, for so long at most. */
export async function tryUntilHeld(
  objects: KubernetesObjects,
  patience: Milliseconds,
  signal: AbortSignal,
): Promise<TrialOutcome> {
  const deadline = AbortSignal.timeout(patience);
  for (;;) {
    const outcome = await tryHold(objects, signal);
    if (outcome.kind === "Held" || outcome.kind === "NothingToTry" || deadline.aborted) return outcome;
    await after(tryEvery, undefined, { signal });
  }
}

/** How many Deployments are tried before the trial is given up. */
const candidates = 10;

/** Changes a Deployment's template without storing it, and looks whether it comes back paused. */
export async function tryHold(objects: KubernetesObjects, signal: AbortSignal): Promise<TrialOutcome> {
  const known = objects.cachedAll(deployments);
  const released = known.filter(({ metadata }) => metadata.labels?.[rolloutLabel] !== undefined);
  try {
    for (const deployment of [...released, ...known].slice(0, candidates)) {
      const answer = await tryChange(objects, deployment, signal);
      if (answer !== undefined) return { kind: isPaused(answer) ? "Held" : "NotHeld" };
    }
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    return { kind: "Unanswered", message: error.message };
  }
  return { kind: known.length === 0 ? "NothingToTry" : "NotHeld" };
}

/** Undefined when this Deployment cannot be used for it: it is gone, or something else refuses the change. */
async function tryChange(
  objects: KubernetesObjects,
  { metadata: { namespace, name } }: KubernetesObject,
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  const patch = {
    metadata: { labels: { [rolloutLabel]: holdName }, annotations: { [holdAnnotation]: null } },
    spec: { paused: null, template: { metadata: { annotations: { [`${rolloutLabel}-probe`]: "true" } } } },
  };
  try {
    return await objects.mergePatch(deployments, namespace, name, patch, { signal, dryRun: true });
  } catch (error) {
    const isUnusable =
      error instanceof RejectedError || error instanceof NotFoundError || error instanceof ConflictError;
    if (!isUnusable) throw error;
    return undefined;
  }
}
