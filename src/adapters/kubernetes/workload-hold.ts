import { promotedAnnotation, rejectedAnnotation, rolloutLabel, unpauseAnnotation } from "../../api/names.ts";
import { revisionOf, withoutHash } from "../../domain/revision.ts";
import { ConflictError } from "../../runtime/errors.ts";
import type { JsonPatch, KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { isPaused } from "./deployment-spec.ts";
import { numberAt, valueAt } from "./json-fields.ts";
import { addAnnotations, pointerPart, sameObject, sameSpec, sameVersion } from "./metadata-patch.ts";
import { controllerOf } from "./workload-reading.ts";
import { deployments } from "./workload-resources.ts";
import {
  liveDeployment,
  patchDeployment,
  requireDeployment,
  requireReplicaSet,
  type ActionOf,
  type WorkloadWrite,
} from "./workload-write.ts";

/** Labels the Deployment with the Rollout's name; refused while the label names another Rollout. */
export async function holdWorkload(write: WorkloadWrite): Promise<void> {
  const deployment = await requireDeployment(write);
  const { name, namespace } = write.rollout.key;
  if (deployment.metadata.labels?.[rolloutLabel] === name) return;
  const { resourceVersion } = deployment.metadata;
  const patch = { metadata: { resourceVersion, labels: { [rolloutLabel]: name } } };
  await write.objects.mergePatch(deployments, namespace, deployment.metadata.name, patch, { signal: write.signal });
}

/**
 * Pauses or unpauses; unpausing carries the token that the hold policy accepts once. Rejects with a ConflictError where the
 * Deployment has another template or size than was looked at.
 */
export async function pauseWorkload(write: WorkloadWrite, action: ActionOf<"pauseWorkload">): Promise<void> {
  const deployment = await requireDeployment(write);
  if (isPaused(deployment) === action.paused) return;
  if (!action.paused) assertAsSeen(deployment, action);
  const patch: JsonPatch = action.paused
    ? [...sameObject(deployment), { op: "add", path: "/spec/paused", value: true }]
    : [...sameSpec(deployment), ...unpause(deployment)];
  await patchDeployment(write, deployment, patch);
}

function assertAsSeen(
  deployment: KubernetesObject,
  { revision, atSize }: Extract<ActionOf<"pauseWorkload">, { paused: false }>,
): void {
  const { name } = deployment.metadata;
  const size = numberAt(deployment, "spec", "replicas");
  if (atSize !== undefined && size !== atSize)
    throw new ConflictError(`Deployment ${name} has ${size} replicas by now, not ${atSize}.`);
  const now = revisionOf(valueAt(deployment, "spec", "template"));
  if (now !== revision) throw new ConflictError(`Deployment ${name} has template ${now} by now, not ${revision}.`);
}

/** The part of a patch that unpauses in a way that the hold policy lets through; the rest must not touch the template. */
export function unpause(deployment: KubernetesObject, annotations: Readonly<Record<string, string>> = {}): JsonPatch {
  const token = String(deployment.metadata.generation);
  return [
    ...addAnnotations(deployment, { ...annotations, [unpauseAnnotation]: token }),
    { op: "replace", path: "/spec/paused", value: false },
  ];
}

/** Notes which revision is proven, where a later Rollout finds it. */
export async function recordPromoted(write: WorkloadWrite, { revision }: ActionOf<"recordPromoted">): Promise<void> {
  const deployment = await requireDeployment(write);
  if (deployment.metadata.annotations?.[promotedAnnotation] === revision) return;
  await patchDeployment(write, deployment, [
    ...sameObject(deployment),
    ...addAnnotations(deployment, { [promotedAnnotation]: revision }),
  ]);
}

/** Notes which revisions were rejected, where a later Rollout finds them; none takes the note off. */
export async function recordRejected(write: WorkloadWrite, { revisions }: ActionOf<"recordRejected">): Promise<void> {
  const deployment = await requireDeployment(write);
  const noted = deployment.metadata.annotations?.[rejectedAnnotation];
  const wanted = revisions.length === 0 ? undefined : revisions.join(",");
  if (noted === wanted) return;
  const change: JsonPatch =
    wanted === undefined
      ? [{ op: "remove", path: `/metadata/annotations/${pointerPart(rejectedAnnotation)}` }]
      : addAnnotations(deployment, { [rejectedAnnotation]: wanted });
  await patchDeployment(write, deployment, [...sameObject(deployment), ...change]);
}

/** Writes the template of one of the Deployment's ReplicaSets into the Deployment again, which stays as paused as it is. */
export async function restoreTemplate(write: WorkloadWrite, action: ActionOf<"restoreTemplate">): Promise<void> {
  const deployment = await requireDeployment(write);
  const replicaSet = await requireReplicaSet(write, action.replicaSet);
  if (controllerOf(replicaSet) !== deployment.metadata.uid) {
    throw new ConflictError(
      `ReplicaSet ${action.replicaSet} does not belong to Deployment ${deployment.metadata.name}`,
    );
  }
  const template = withoutHash(valueAt(replicaSet, "spec", "template"));
  if (revisionOf(template) === revisionOf(valueAt(deployment, "spec", "template"))) return;
  await patchDeployment(write, deployment, [
    ...sameSpec(deployment),
    { op: "replace", path: "/spec/template", value: template },
  ]);
}

/**
 * Takes the label and the unpause token off the Deployment. The note of the promoted revision stays: it is for the
 * Rollout that may come later.
 */
export async function releaseWorkload(write: WorkloadWrite): Promise<void> {
  const deployment = await liveDeployment(write);
  if (deployment === undefined) return;
  const { labels, annotations } = deployment.metadata;
  const isOurs = labels?.[rolloutLabel] === write.rollout.key.name;
  if (!isOurs) return;
  // The hold acts until the label is off: a template that came after the last look is held, and would stay so for ever.
  if (isPaused(deployment))
    throw new ConflictError(`Deployment ${deployment.metadata.name} was paused by its hold before it could be let go.`);
  const hasToken = annotations?.[unpauseAnnotation] !== undefined;
  await patchDeployment(write, deployment, [
    ...sameVersion(deployment),
    { op: "remove", path: `/metadata/labels/${pointerPart(rolloutLabel)}` },
    ...(hasToken ? [{ op: "remove" as const, path: `/metadata/annotations/${pointerPart(unpauseAnnotation)}` }] : []),
  ]);
}
