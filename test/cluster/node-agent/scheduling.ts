import type { KubernetesClient } from "../kubernetes.ts";
import { allocatable, nodeLabels, Nodes } from "./node.ts";
import type { PodObject } from "./pod-status.ts";

/** What the scheduler looks at of a node. */
export interface Room {
  readonly labels: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
}

const onlyNode = "0/1 nodes are available: 1";
const noHelp = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
const noVictims = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.";

/** Why the only node does not take a pod, in kube-scheduler's words; undefined when it does. Pure. */
export function refusal(
  pod: PodObject,
  { labels, allocatable }: Room,
  bound: readonly PodObject[],
): string | undefined {
  const selector = Object.entries(pod.spec.nodeSelector ?? {});
  if (selector.some(([key, value]) => labels[key] !== value))
    return `${onlyNode} node(s) didn't match Pod's node affinity/selector. ${noHelp}`;
  const short = ["cpu", "memory"].filter((resource) => {
    const used = bound.reduce((sum, other) => sum + requested(other, resource), 0);
    const wanted = requested(pod, resource);
    return wanted > 0 && used + wanted > quantity(allocatable[resource] ?? "0");
  });
  return short.length === 0 ? undefined : `${onlyNode} Insufficient ${short.join(", 1 Insufficient ")}. ${noVictims}`;
}

function requested({ spec }: PodObject, resource: string): number {
  return spec.containers.reduce((sum, { resources }) => sum + quantity(resources?.requests?.[resource] ?? "0"), 0);
}

const units: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** `500m`, `2`, `1.5Gi` as a number. */
function quantity(text: string): number {
  const [, number = "0", unit = ""] = /^([\d.]+)([a-zA-Z]*)$/.exec(text) ?? [];
  return Number(number) * (units[unit] ?? 1);
}

export interface SchedulerOptions {
  readonly client: KubernetesClient;
  readonly node: string;
  readonly bound: () => readonly PodObject[];
  readonly refused: (pod: PodObject, message: string) => void;
  readonly tryAgain: (pod: PodObject) => void;
  readonly onTrouble: (error: unknown) => void;
}

export interface Scheduler {
  /** Whether the node takes a pod; one that it does not take is told so, and tried again. */
  takes(key: string, pod: PodObject): boolean;
  forget(key: string): void;
  stop(): void;
}

/** How often pods that did not fit are tried again. */
const againMs = 1000;

/** Plays the scheduler for the only node. */
export function startScheduler({ client, node, bound, refused, tryAgain, onTrouble }: SchedulerOptions): Scheduler {
  let room: Room = { labels: nodeLabels(node), allocatable };
  const waiting = new Map<string, PodObject>();
  const timer = setInterval(() => {
    if (waiting.size === 0) return;
    void client.get(Nodes, { name: node }).then((found) => {
      room = { labels: found?.metadata?.labels ?? room.labels, allocatable };
      for (const pod of [...waiting.values()]) tryAgain(pod);
    }, onTrouble);
  }, againMs);
  return {
    takes(key, pod) {
      waiting.delete(key);
      const message = pod.spec.nodeName === undefined ? refusal(pod, room, bound()) : undefined;
      if (message === undefined) return true;
      waiting.set(key, pod);
      refused(pod, message);
      return false;
    },
    forget: (key) => void waiting.delete(key),
    stop: () => clearInterval(timer),
  };
}
