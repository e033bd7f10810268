import { rolloutFrom } from "../adapters/kubernetes/rollout-reading.ts";
import { rollouts } from "../adapters/kubernetes/workload-resources.ts";
import type { KubernetesObject } from "../ports/kubernetes-objects.ts";
import type { Rollout } from "../api/rollout.ts";
import { CommandError } from "./command-error.ts";
import type { Connection } from "./connection.ts";

export interface FoundRollout {
  readonly rollout: Rollout;
  /** As the API server sent it. */
  readonly object: KubernetesObject;
}

/**
 * The Rollout of that name, or without a name the only one of the namespace.
 * Throws a CommandError that says what there is when there is no such one.
 */
export async function findRollout(
  { objects, namespace }: Pick<Connection, "objects" | "namespace">,
  name: string | undefined,
  signal: AbortSignal,
): Promise<FoundRollout> {
  const object = name === undefined ? undefined : await objects.read(rollouts, namespace, name, signal);
  if (object !== undefined) return found(object);
  const all = await objects.list(rollouts, namespace, "", signal);
  const names = all.map(({ metadata }) => metadata.name).join(", ");
  if (name !== undefined)
    throw new CommandError(`there is no Rollout ${name} in namespace ${namespace}${there(names)}`);
  const [only, ...others] = all;
  if (only === undefined) throw new CommandError(`there is no Rollout in namespace ${namespace}`);
  if (others.length > 0) throw new CommandError(`name one of the Rollouts in namespace ${namespace}: ${names}`);
  return found(only);
}

function found(object: KubernetesObject): FoundRollout {
  return { object, rollout: rolloutFrom(object) };
}

function there(names: string): string {
  return names === "" ? "" : `; there are: ${names}`;
}
