import type { LocalCluster } from "../cluster/cluster.ts";
import { kind, type Kind, type KubernetesObject } from "../cluster/kubernetes.ts";
import type { Stored } from "../lab/shop.ts";

/** What was seen of an app's pods and size, in its order; `at` in milliseconds. */
export type Entry =
  | { readonly what: "created" | "removed" | "restarted"; readonly replicaSet: string; readonly at: number }
  | { readonly what: "scaled"; readonly by: number; readonly at: number };

/** From the moment at which a canary is complete and has all traffic to the end of its promotion. */
export interface Promotion {
  /** The ReplicaSet that was judged. */
  readonly replicaSet: string;
  /** That of the version before: it follows the Deployment's size until the hand-over. */
  readonly old: string;
  readonly begun: number;
  readonly ended: number;
}

/** The longest that a pod goes after its Deployment has been scaled down, on a machine that is busy. Milliseconds. */
const scaleLag = 10_000;

/**
 * Pods that a promotion restarted: containers that were started again, pods that a ReplicaSet of the Deployment's own
 * making started, and judged pods that went although nobody scaled down.
 */
export function restartsIn(entries: readonly Entry[], { replicaSet, old, begun, ended }: Promotion): number {
  const within = entries.filter(({ at }) => at >= begun && at <= ended);
  const restarted = within.filter(({ what }) => what === "restarted").length;
  const isForeign = (entry: Entry) => entry.what === "created" && ![replicaSet, old].includes(entry.replicaSet);
  const foreign = within.filter(isForeign).length;
  const removed = within.filter((entry) => entry.what === "removed" && entry.replicaSet === replicaSet).length;
  const scaledDown = entries
    .filter(({ at }) => at >= begun - scaleLag && at <= ended)
    .reduce((sum, entry) => sum + (entry.what === "scaled" && entry.by < 0 ? -entry.by : 0), 0);
  return restarted + foreign + Math.max(0, removed - scaledDown);
}

interface Pod extends Stored {
  readonly metadata: Stored["metadata"] & { readonly ownerReferences?: readonly { readonly name: string }[] };
  readonly status?: { readonly containerStatuses?: readonly { readonly restartCount: number }[] };
}

interface Known {
  readonly replicaSet: string;
  restarts: number;
  gone: boolean;
}

const pods = kind<Pod>("v1", "Pod");
const deployments = kind<Stored>("apps/v1", "Deployment");

/** Follows the pods and the size of the app in a namespace until `signal` aborts; the list grows meanwhile. */
export function keepLedger(cluster: LocalCluster, namespace: string, signal: AbortSignal): readonly Entry[] {
  const entries: Entry[] = [];
  const known = new Map<string, Known>();
  let size: number | undefined;
  const follow = <T extends KubernetesObject>(of: Kind<T>, note: (objects: readonly T[]) => void) =>
    void cluster.client
      .watchUntil({ kind: of, namespace, timeout: 24 * 3_600_000 }, (objects) => {
        note(objects);
        return signal.aborted;
      })
      .catch(() => undefined);
  follow(pods, (all) => notePods(all, known, entries));
  follow(deployments, (all) => {
    const replicas = all[0]?.spec["replicas"];
    if (typeof replicas !== "number") return;
    if (size !== undefined && size !== replicas) entries.push({ what: "scaled", by: replicas - size, at: Date.now() });
    size = replicas;
  });
  return entries;
}

function notePods(all: readonly Pod[], known: Map<string, Known>, entries: Entry[]): void {
  const at = Date.now();
  for (const pod of all) notePod(pod, known, entries, at);
  const present = new Set(all.map(({ metadata }) => metadata.uid));
  for (const [uid, pod] of known) if (!present.has(uid)) noteGone(pod, entries, at);
}

function notePod({ metadata, status }: Pod, known: Map<string, Known>, entries: Entry[], at: number): void {
  const replicaSet = metadata.ownerReferences?.[0]?.name ?? "";
  const before = known.get(metadata.uid);
  const pod = before ?? { replicaSet, restarts: 0, gone: false };
  if (before === undefined) entries.push({ what: "created", replicaSet, at });
  known.set(metadata.uid, pod);
  const restarts = (status?.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);
  for (; pod.restarts < restarts; pod.restarts += 1) entries.push({ what: "restarted", replicaSet, at });
  if (metadata.deletionTimestamp !== undefined) noteGone(pod, entries, at);
}

function noteGone(pod: Known, entries: Entry[], at: number): void {
  if (pod.gone) return;
  pod.gone = true;
  entries.push({ what: "removed", replicaSet: pod.replicaSet, at });
}
