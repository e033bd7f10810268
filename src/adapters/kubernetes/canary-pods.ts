import { renderKey } from "../../api/object-key.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { Clock } from "../../ports/clock.ts";
import type { KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import type { Logger } from "../../runtime/logger.ts";
import { podTroubles } from "./pod-troubles.ts";
import type { CountedTroubles } from "./workload-reading.ts";
import { pods } from "./workload-resources.ts";

export interface CanaryPodsParts {
  readonly objects: KubernetesObjects;
  readonly clock: Clock;
  readonly log: Pick<Logger, "warn">;
}

/** Which pods are the canary's. */
export interface CanaryPods {
  readonly labels: Readonly<Record<string, string>>;
  /** Of those with the labels, the canary's own, as they are to be looked at. */
  readonly own: (labelled: readonly KubernetesObject[]) => readonly KubernetesObject[];
}

/** An abort waits for no longer than this to know how the pods are. Milliseconds. */
const patience = 3_000;

/** Looks at the canary's pods. When they cannot be listed soon nothing is known of them, which must not stop a rollback. */
export async function lookAtCanaryPods(
  { objects, clock, log }: CanaryPodsParts,
  rollout: Rollout,
  { labels, own }: CanaryPods,
  signal: AbortSignal,
): Promise<CountedTroubles | undefined> {
  const selector = Object.entries(labels).map(([label, value]) => `${label}=${value}`);
  try {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const found = own(await objects.list(pods, rollout.key.namespace, selector.join(","), soon));
    return { ...podTroubles(found, clock.now()), pods: found.length };
  } catch (error) {
    signal.throwIfAborted();
    log.warn("the canary's pods could not be listed, so crashes are not seen", {
      error,
      rollout: renderKey(rollout.key),
    });
    return undefined;
  }
}
