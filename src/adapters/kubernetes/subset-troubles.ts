import { parseInstant, type Instant } from "../../api/instant.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { isRecord, listAt, numberAt, recordAt, textAt, type JsonRecord } from "./json-fields.ts";

/**
 * A pod as if it had begun at `since`: what its containers did before says nothing about a release. Pods of a user's own
 * version may have run, and crashed, for weeks.
 */
export function troublesSince(since: Instant): (pod: KubernetesObject) => KubernetesObject {
  const kinds = ["initContainerStatuses", "containerStatuses"] as const;
  return (pod) => ({
    ...pod,
    status: {
      ...pod.status,
      ...Object.fromEntries(kinds.map((kind) => [kind, listAt(pod, "status", kind).map(forget(since))])),
    },
  });
}

function forget(since: Instant): (status: unknown) => unknown {
  return (status) => {
    if (!isRecord(status)) return status;
    // A container that waits to be started again after a crash crashes now.
    const isLooping = textAt(status, "state", "waiting", "reason") === "CrashLoopBackOff";
    if (isLooping || !endedBefore(recordAt(status, "lastState", "terminated"), since)) return status;
    return { ...status, lastState: {}, restartCount: Math.min(1, numberAt(status, "restartCount")) };
  };
}

function endedBefore(terminated: JsonRecord, since: Instant): boolean {
  const finished = parseInstant(textAt(terminated, "finishedAt") ?? "");
  return !Number.isNaN(finished) && finished < since;
}
