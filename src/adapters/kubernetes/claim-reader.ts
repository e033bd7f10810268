import { canonicalJson } from "../../domain/canonical-json.ts";
import type { KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import type { Logger } from "../../runtime/logger.ts";
import { listAt, valueAt } from "./json-fields.ts";
import { persistentVolumeClaims } from "./workload-resources.ts";
import { claimsOf, type AccessModesOf } from "./workload-support.ts";

/** Reads how the PersistentVolumeClaims of Deployments may be mounted. */
export interface ClaimReader {
  /** Costs requests only for a Deployment that mounts claims, and only once for each set of them. */
  accessModes(deployment: KubernetesObject, signal: AbortSignal): Promise<AccessModesOf>;
}

interface Known {
  readonly claims: string;
  readonly modes: ReadonlyMap<string, readonly string[]>;
}

/** Access modes of a claim never change, so they are kept for as long as the Deployment mounts the same claims. */
export function createClaimReader(parts: {
  readonly objects: KubernetesObjects;
  readonly log: Pick<Logger, "warn">;
}): ClaimReader {
  const known = new Map<string, Known>();
  return {
    accessModes: async (deployment, signal) => {
      const names = claimsOf(valueAt(deployment, "spec", "template"));
      const claims = canonicalJson(names);
      const key = `${deployment.metadata.namespace ?? ""}/${deployment.metadata.name}`;
      const remembered = known.get(key);
      if (remembered?.claims === claims) return (claim) => remembered.modes.get(claim);
      if (names.length === 0) {
        known.delete(key);
        return () => undefined;
      }
      try {
        const modes = await readModes(parts.objects, deployment, names, signal);
        // A claim that is not there yet is looked for again.
        if (names.every((name) => modes.has(name))) known.set(key, { claims, modes });
        return (claim) => modes.get(claim);
      } catch (error) {
        signal.throwIfAborted();
        // Without the right to read claims releases go on; a pod that cannot mount its claim is then seen as not starting.
        parts.log.warn("PersistentVolumeClaims could not be read, so they are not checked", { error, deployment: key });
        return () => undefined;
      }
    },
  };
}

async function readModes(
  objects: KubernetesObjects,
  deployment: KubernetesObject,
  names: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const modes = new Map<string, readonly string[]>();
  for (const name of names) {
    const claim = await objects.read(persistentVolumeClaims, deployment.metadata.namespace, name, signal);
    if (claim === undefined) continue;
    modes.set(
      name,
      listAt(claim, "spec", "accessModes").filter((mode) => typeof mode === "string"),
    );
  }
  return modes;
}
