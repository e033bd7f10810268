import { parseInstant, type Instant, type Milliseconds } from "../../api/instant.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { listAt, numberAt, recordAt, textAt, valueAt, type JsonRecord } from "./json-fields.ts";

/** What is wrong with pods of one ReplicaSet. */
export interface PodTroubles {
  /** One line for each container that crashed: `pod/container: OOMKilled (exit 137), 3 restarts`. */
  readonly crashes: readonly string[];
  /** The first reason for which a pod does not start; nothing that the pod's own program did. */
  readonly cannotStart: string | undefined;
}

/** Waiting reasons of the kubelet that say that a container was never run. */
const neverRan = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "InvalidImageName",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed",
  "CreateContainerConfigError",
  "CreateContainerError",
  "CreatePodSandboxError",
]);

/** The node was lost, or it says nothing of the container any more: no crash of the program. */
const lostReasons = new Set(["ContainerStatusUnknown", "NodeLost", "NodeShutdown"]);

/** Somebody else ended the whole pod. */
const endedByOthers = new Set(["Evicted", "NodeLost", "NodeShutdown", "Preempting", "Shutdown", "Terminated"]);

/** An app may end once because what it needs, its sidecar say, was not there yet; twice is a habit. */
const tolerableRestarts = 1;

/** Volumes and network take a while; a pod that has neither after this waits for something that is not there. */
const preparedWithin: Milliseconds = 30_000;

/** Looks at the pods of a ReplicaSet, init containers and sidecars included; sorted, so that equal troubles are equal text. */
export function podTroubles(pods: readonly KubernetesObject[], now: Instant): PodTroubles {
  const sorted = [...pods].sort((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1));
  return {
    crashes: sorted.flatMap(crashesOf),
    cannotStart: sorted.map((pod) => cannotStart(pod, now)).find((reason) => reason !== undefined),
  };
}

/** Why the ReplicaSet's controller cannot create pods: quota, admission. */
export function replicaFailure(replicaSet: KubernetesObject): string | undefined {
  const condition = trueCondition(replicaSet, "ReplicaFailure");
  if (condition === undefined) return undefined;
  return `ReplicaSet ${replicaSet.metadata.name}: ${textAt(condition, "message") ?? textAt(condition, "reason") ?? "cannot create pods"}`;
}

function crashesOf(pod: KubernetesObject): readonly string[] {
  if (wasEnded(pod)) return [];
  return containerStatuses(pod).flatMap((status) => {
    const crash = crashOf(status);
    if (crash === undefined) return [];
    const restarts = numberAt(status, "restartCount");
    return [
      `${pod.metadata.name}/${textAt(status, "name") ?? ""}: ${crash}, ${restarts} ${restarts === 1 ? "restart" : "restarts"}`,
    ];
  });
}

/** A pod that was evicted, or is being deleted, ends its containers by a signal. */
function wasEnded(pod: KubernetesObject): boolean {
  const isDisrupted = trueCondition(pod, "DisruptionTarget") !== undefined;
  return (
    pod.metadata.deletionTimestamp !== undefined ||
    isDisrupted ||
    endedByOthers.has(textAt(pod, "status", "reason") ?? "")
  );
}

/** How the container ended last, if that was a crash: killed for memory, ended again and again, or given up on. */
function crashOf(status: unknown): string | undefined {
  const restarts = numberAt(status, "restartCount");
  const ends = [recordAt(status, "state", "terminated"), recordAt(status, "lastState", "terminated")];
  const failure = ends.map(failureIn).find((found) => found !== undefined);
  const isOutOfMemory = ends.some((end) => textAt(end, "reason") === "OOMKilled");
  const isLooping = textAt(status, "state", "waiting", "reason") === "CrashLoopBackOff";
  if (isOutOfMemory || isLooping || restarts > tolerableRestarts)
    return failure ?? (isLooping ? "CrashLoopBackOff" : undefined);
  return undefined;
}

function failureIn(terminated: JsonRecord): string | undefined {
  if (Object.keys(terminated).length === 0) return undefined;
  const reason = textAt(terminated, "reason") ?? "Error";
  const exitCode = numberAt(terminated, "exitCode");
  const failed = (exitCode !== 0 || reason === "OOMKilled") && !lostReasons.has(reason);
  return failed ? `${reason} (exit ${exitCode})` : undefined;
}

function cannotStart(pod: KubernetesObject, now: Instant): string | undefined {
  if (pod.metadata.deletionTimestamp !== undefined) return undefined;
  const unscheduled = listAt(pod, "status", "conditions").find(
    (condition) => textAt(condition, "type") === "PodScheduled" && textAt(condition, "reason") === "Unschedulable",
  );
  if (textAt(unscheduled, "status") === "False") {
    return `pod ${pod.metadata.name} cannot be scheduled: ${textAt(unscheduled, "message") ?? "Unschedulable"}`;
  }
  for (const status of containerStatuses(pod)) {
    const reason = textAt(status, "state", "waiting", "reason");
    if (reason === undefined || !neverRan.has(reason)) continue;
    const message = textAt(status, "state", "waiting", "message");
    const name = textAt(status, "name") ?? "";
    return `pod ${pod.metadata.name}, container ${name}: ${reason}${message === undefined ? "" : `: ${message}`}`;
  }
  return unprepared(pod, now);
}

/** What a volume needs, a ConfigMap say, is named in the pod's events only; its status says that containers cannot start. */
function unprepared(pod: KubernetesObject, now: Instant): string | undefined {
  const { name } = pod.metadata;
  const isPrepared = listAt(pod, "status", "conditions").find(
    (condition) => textAt(condition, "type") === "PodReadyToStartContainers",
  );
  if (textAt(isPrepared, "status") !== "False" || textAt(pod, "status", "phase") !== "Pending") return undefined;
  const since = parseInstant(textAt(isPrepared, "lastTransitionTime") ?? "");
  if (!(now - since > preparedWithin)) return undefined;
  return `pod ${name} waits for its volumes or its network; kubectl describe pod ${name} says what is missing`;
}

function containerStatuses(pod: KubernetesObject): readonly unknown[] {
  return [...listAt(pod, "status", "initContainerStatuses"), ...listAt(pod, "status", "containerStatuses")];
}

function trueCondition(object: KubernetesObject, type: string): unknown {
  const conditions = listAt(object, "status", "conditions");
  return conditions.find((condition) => textAt(condition, "type") === type && valueAt(condition, "status") === "True");
}
