import { finalizer } from "../../api/names.ts";
import { renderKey } from "../../api/object-key.ts";
import { NotFoundError } from "../../runtime/errors.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { sameVersion } from "./metadata-patch.ts";
import { rollouts } from "./workload-resources.ts";
import type { WorkloadWrite } from "./workload-write.ts";

const path = "/metadata/finalizers";

/** Adds our finalizer to the Rollout; those of others stay. */
export async function claim(write: WorkloadWrite): Promise<void> {
  const rollout = await liveRollout(write);
  if (rollout === undefined) throw new NotFoundError(`Rollout ${renderKey(write.rollout.key)} does not exist`);
  const { finalizers } = rollout.metadata;
  if (finalizers?.includes(finalizer) === true) return;
  await patchRollout(write, [
    ...sameVersion(rollout),
    finalizers === undefined
      ? { op: "add", path, value: [finalizer] }
      : { op: "add", path: `${path}/-`, value: finalizer },
  ]);
}

/**
 * Takes our finalizer off the Rollout, which may make it vanish: only as it was read, for a write that is taken late would
 * take with it what has come to be told since.
 */
export async function letGo(write: WorkloadWrite): Promise<void> {
  const rollout = await liveRollout(write);
  const index = rollout?.metadata.finalizers?.indexOf(finalizer) ?? -1;
  if (rollout === undefined || index === -1) return;
  await patchRollout(write, [
    ...sameVersion(rollout),
    { op: "test", path: `${path}/${index}`, value: finalizer },
    { op: "remove", path: `${path}/${index}` },
  ]);
}

/**
 * Makes a Rollout that is being deleted acceptable to the API server, which refuses every write to one whose stored spec
 * its definition no longer allows, also of status and finalizers. Nothing but the name of the Deployment is needed to let
 * go: what a release has to give back is in the status. False where there is nothing to mend.
 */
export async function mendSpec(write: WorkloadWrite): Promise<boolean> {
  const { rollout, target } = write;
  if (!rollout.deleting || rollout.spec !== undefined || target === undefined) return false;
  const live = await liveRollout(write);
  if (live === undefined) return false;
  const spec = { targetRef: { name: target } };
  await patchRollout(write, [...sameVersion(live), { op: "add", path: "/spec", value: spec }]);
  return true;
}

/** A Rollout of the same name with another uid is somebody else's. */
async function liveRollout({ objects, rollout, signal }: WorkloadWrite): Promise<KubernetesObject | undefined> {
  const found = await objects.read(rollouts, rollout.key.namespace, rollout.key.name, signal);
  return found?.metadata.uid === rollout.uid ? found : undefined;
}

async function patchRollout({ objects, rollout, signal }: WorkloadWrite, patch: JsonPatch): Promise<void> {
  await objects.jsonPatch(rollouts, rollout.key.namespace, rollout.key.name, patch, { signal });
}
