import { hashLabel } from "../../api/names.ts";
import { renderKey } from "../../api/object-key.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { RolloutStatus } from "../../api/rollout-status.ts";
import type { Problem, Workload, WorkloadProblem } from "../../domain/observation.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Cluster, WorkloadAction } from "../../ports/cluster.ts";
import type { KubernetesObject, KubernetesObjects } from "../../ports/kubernetes-objects.ts";
import type { Logger } from "../../runtime/logger.ts";
import {
  CanaryRefusedError,
  ConflictError,
  RejectedError,
  TemplateMutatedError,
  WorkloadRefusedError,
} from "../../runtime/errors.ts";
import { lookAtCanaryPods } from "./canary-pods.ts";
import { createCanary, ownCanary, removeCanary, scaleCanary } from "./canary-replica-set.ts";
import { apiFailureOf } from "./errors.ts";
import { createClaimReader, type ClaimReader } from "./claim-reader.ts";
import { recordAt, type JsonRecord } from "./json-fields.ts";
import { mergePatchBetween } from "./merge-patch.ts";
import { OwnWrites } from "./own-writes.ts";
import { replicaFailure } from "./pod-troubles.ts";
import { claim, letGo, mendSpec } from "./rollout-claim.ts";
import { rolloutFrom } from "./rollout-reading.ts";
import { askedSubset, readSubsets } from "./subset-workload.ts";
import { completeAdoption, finishOld, handOver, openSurge, restoreSurge } from "./workload-adoption.ts";
import {
  holdWorkload,
  pauseWorkload,
  recordPromoted,
  recordRejected,
  releaseWorkload,
  restoreTemplate,
} from "./workload-hold.ts";
import { canaryAmong, controllerOf, workloadFrom, type CountedTroubles } from "./workload-reading.ts";
import { deployments, replicaSets, rollouts } from "./workload-resources.ts";
import { notSupported } from "./workload-support.ts";
import { claimProblem, targetName } from "./workload-target.ts";
import type { ActionOf, WorkloadWrite } from "./workload-write.ts";

/** What a Cluster is made of. */
export interface ClusterParts {
  /** Must watch Rollouts, Deployments and ReplicaSets, and for spec.subset Services and DestinationRules. */
  readonly objects: KubernetesObjects;
  /** By which it is known how long a pod has not started. */
  readonly clock: Clock;
  /** A read that failed and that a release can do without. */
  readonly log: Pick<Logger, "warn">;
}

/** The Cluster on a real API server. */
export function createCluster(parts: ClusterParts): Cluster {
  const { objects } = parts;
  const claims = createClaimReader(parts);
  const ownWrites = new OwnWrites();
  return {
    readRollout: (key) => {
      const object = objects.cached(rollouts, key.namespace, key.name);
      if (object === undefined) return undefined;
      if (ownWrites.hasSuperseded(renderKey(key), object.metadata.resourceVersion ?? "")) {
        throw new ConflictError(`the cache does not show the last status of Rollout ${renderKey(key)} yet`);
      }
      return rolloutFrom(object);
    },
    async readFresh({ namespace, name }, signal) {
      // A cache that shows less than was read now shows too little to decide on, until it has caught up.
      const shown = objects.cached(rollouts, namespace, name)?.metadata.resourceVersion;
      const object = await objects.read(rollouts, namespace, name, signal);
      if (object === undefined) return undefined;
      if (shown !== undefined && shown !== object.metadata.resourceVersion)
        ownWrites.record(renderKey({ namespace, name }), shown);
      return rolloutFrom(object);
    },
    readWorkload: (rollout, signal) => readWorkload({ ...parts, claims }, rollout, signal),
    async writeStatus(rollout, status, signal) {
      const written = await writeStatus(objects, rollout, status, signal).catch(async (error: unknown) => {
        const isInvalid = apiFailureOf(error)?.reason === "Invalid";
        const write = { objects, rollout, target: targetName(objects, rollout), signal };
        if (!isInvalid || !(await mendSpec(write))) throw error;
        throw new ConflictError(`the spec of Rollout ${renderKey(rollout.key)}, which is being deleted, was mended`);
      });
      if (written.resourceVersion !== rollout.resourceVersion)
        ownWrites.record(renderKey(rollout.key), rollout.resourceVersion);
      return written;
    },
    async perform(action, rollout, signal) {
      await perform(action, { objects, rollout, target: targetName(objects, rollout), signal });
      // What was let go may stay in the cache for a moment: nothing is to be decided on that.
      if (action.kind === "letGo") ownWrites.record(renderKey(rollout.key), rollout.resourceVersion);
    },
  };
}

async function readWorkload(
  parts: ClusterParts & { readonly claims: ClaimReader },
  rollout: Rollout,
  signal: AbortSignal,
): Promise<Workload | WorkloadProblem> {
  const { objects, claims } = parts;
  const subset = askedSubset(objects, rollout);
  if (subset !== undefined) return readSubsets(parts, rollout, subset, signal);
  const { namespace } = rollout.key;
  const candidates = objects.cachedAll(replicaSets, namespace);
  const withCanary = (problem: Problem) => ({ ...problem, canary: canaryAmong(candidates, rollout) });
  const name = targetName(objects, rollout);
  const deployment = name === undefined ? undefined : objects.cached(deployments, namespace, name);
  if (deployment === undefined) {
    const message = `Deployment ${name ?? ""} does not exist in namespace ${namespace}; create it or change spec.targetRef.name`;
    return withCanary({ problem: "WorkloadNotFound", message });
  }
  const claimed = claimProblem(objects, rollout, deployment);
  if (claimed !== undefined) return withCanary(claimed);
  const [accessModesOf, canary] = await Promise.all([
    claims.accessModes(deployment, signal),
    readCanary(parts, rollout, candidates, signal),
  ]);
  return workloadFrom({
    rollout,
    deployment,
    replicaSets: candidates,
    notSupported: notSupported(deployment, accessModesOf),
    troublesOf: (replicaSet) => (replicaSet.metadata.uid === canary?.uid ? canary?.troubles : undefined),
  });
}

async function readCanary(
  parts: ClusterParts,
  rollout: Rollout,
  candidates: readonly KubernetesObject[],
  signal: AbortSignal,
): Promise<{ readonly uid: string | undefined; readonly troubles: CountedTroubles } | undefined> {
  const { canary } = rollout.status;
  const replicaSet = canary && candidates.find((candidate) => candidate.metadata.name === canary.replicaSet);
  if (canary === undefined || replicaSet === undefined) return undefined;
  const { uid } = replicaSet.metadata;
  const own = (labelled: readonly KubernetesObject[]) => labelled.filter((pod) => controllerOf(pod) === uid);
  const selection = { labels: { [hashLabel]: canary.podTemplateHash }, own };
  const troubles = await lookAtCanaryPods(parts, rollout, selection, signal);
  if (troubles === undefined) return undefined;
  return { uid, troubles: { ...troubles, cannotStart: troubles.cannotStart ?? replicaFailure(replicaSet) } };
}

async function writeStatus(
  objects: KubernetesObjects,
  rollout: Rollout,
  status: RolloutStatus,
  signal: AbortSignal,
): Promise<Rollout> {
  const { namespace, name } = rollout.key;
  const patch = mergePatchBetween(storedStatus(objects, rollout), status);
  if (patch === undefined) return rollout;
  const body = { metadata: { resourceVersion: rollout.resourceVersion }, status: patch };
  return rolloutFrom(await objects.mergePatch(rollouts, namespace, name, body, { signal, subresource: "status" }));
}

/** What was read has an observedGeneration even where none is stored; the patch is against what is stored. */
function storedStatus(objects: KubernetesObjects, rollout: Rollout): JsonRecord {
  const cached = objects.cached(rollouts, rollout.key.namespace, rollout.key.name);
  return cached?.metadata.resourceVersion === rollout.resourceVersion ? recordAt(cached, "status") : rollout.status;
}

const performers: {
  readonly [Kind in WorkloadAction["kind"]]: (write: WorkloadWrite, action: ActionOf<Kind>) => Promise<void>;
} = {
  claim,
  letGo,
  holdWorkload,
  pauseWorkload,
  createCanary,
  scaleCanary,
  ownCanary,
  removeCanary,
  openSurge,
  restoreSurge,
  handOver,
  finishOld,
  completeAdoption,
  recordPromoted,
  recordRejected,
  restoreTemplate,
  releaseWorkload,
};

function perform(action: WorkloadAction, write: WorkloadWrite): Promise<void> {
  // The table has for each kind what takes actions of that kind, which the type of a look-up cannot say.
  const performer = performers[action.kind] as (write: WorkloadWrite, action: WorkloadAction) => Promise<void>;
  return performer(write, action).catch((error: unknown) => {
    if (!(error instanceof RejectedError) || error instanceof TemplateMutatedError) throw error;
    const isRollback = write.rollout.status.release?.decision === "Rollback";
    const isStart = action.kind === "createCanary" || (action.kind === "scaleCanary" && !isRollback);
    throw new (isStart ? CanaryRefusedError : WorkloadRefusedError)(error.message, { cause: error });
  });
}
