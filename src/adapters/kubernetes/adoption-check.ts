import { revisionOf } from "../../domain/revision.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { numberAt, valueAt } from "./json-fields.ts";
import { isPaused, isRollingUpdate, openSurgeValue, surgeOf } from "./deployment-spec.ts";

/** What a hand-over looks at, all of it read just now. */
export interface HandOverState {
  readonly deployment: KubernetesObject;
  readonly canary: KubernetesObject;
  /** ReplicaSets that the Deployment controls. */
  readonly controlled: readonly KubernetesObject[];
  /** The size that was decided on. */
  readonly replicas: number;
  /** What was analysed: the canary must run it. */
  readonly revision: string;
  /** Whether the Deployment may hold a newer template by now. */
  readonly evenIfNewer: boolean;
}

/**
 * Why the Deployment controller would not leave both ReplicaSets alone if it got the canary now; undefined when it
 * would. It scales in proportion unless size, annotations and available pods agree (docs/adr/0004).
 */
export function handOverObstacle(state: HandOverState): string | undefined {
  const { deployment, canary } = state;
  if (deployment.metadata.deletionTimestamp !== undefined) return "it is being deleted";
  if (templateOf(canary) !== state.revision)
    return `the ReplicaSet does not run the analysed revision ${state.revision}`;
  const isNewer = templateOf(deployment) !== templateOf(canary);
  if (isNewer && !state.evenIfNewer) return "it has another pod template by now";
  if (isNewer && runsAlready(state)) return "its pod template is that of the pods that run already";
  // It would scale the newer template up beside both.
  if (isNewer && !isPaused(deployment)) return "it is rolling another pod template out";
  // A Deployment that somebody unpaused is rolling already. The canary, being older than what it started, ends that, and
  // an unpaused Deployment never shrinks its new ReplicaSet, so neither the others' sizes nor the surge matter then.
  return sizeObstacle(state) ?? (isPaused(deployment) ? (oldObstacle(state) ?? surgeObstacle(state)) : undefined);
}

/** The Deployment would take the canary for the old version, and scale it to zero. */
function runsAlready({ deployment, controlled }: HandOverState): boolean {
  return controlled.some(
    (candidate) => numberAt(candidate, "spec", "replicas") > 0 && templateOf(candidate) === templateOf(deployment),
  );
}

function sizeObstacle({ deployment, canary, replicas }: HandOverState): string | undefined {
  const sizes = [
    ["its size", numberAt(deployment, "spec", "replicas")],
    ["the canary's size", numberAt(canary, "spec", "replicas")],
    ["the number of available canary pods", numberAt(canary, "status", "availableReplicas")],
  ] as const;
  const wrong = sizes.find(([, size]) => size !== replicas);
  return wrong === undefined ? undefined : `${wrong[0]} is ${wrong[1]}, not ${replicas}`;
}

function oldObstacle({ canary, controlled, replicas }: HandOverState): string | undefined {
  const active = controlled.filter((candidate) => numberAt(candidate, "spec", "replicas") > 0);
  // The Deployment was unpaused for a while and began to roll by itself: what it started goes with the old pods.
  if (active.some((candidate) => templateOf(candidate) === templateOf(canary))) return undefined;
  const sizes = active.map((candidate) => numberAt(candidate, "spec", "replicas"));
  if (replicas === 0 && sizes.length === 0) return undefined;
  if (sizes.length === 1 && sizes[0] === replicas) return undefined;
  return `its active ReplicaSets have the sizes [${sizes.join(", ")}], not [${replicas}]`;
}

function templateOf(object: KubernetesObject): string {
  return revisionOf(valueAt(object, "spec", "template"));
}

function surgeObstacle({ deployment, replicas }: HandOverState): string | undefined {
  if (replicas === 0 || !isRollingUpdate(deployment)) return undefined;
  const surge = surgeOf(deployment);
  if (surge !== openSurgeValue) return `its maxSurge is ${JSON.stringify(surge)}, not "${openSurgeValue}"`;
  const seen = numberAt(deployment, "status", "observedGeneration");
  if (seen !== deployment.metadata.generation) return "its controller has not seen the last change yet";
  return undefined;
}
