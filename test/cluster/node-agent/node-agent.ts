import { KubernetesError, type KubernetesClient } from "../kubernetes.ts";
import { podAddress, servedAddress, type AddressSpace } from "../world/addresses.ts";
import { keyOf, type InformerEvent } from "../world/informer.ts";
import { workloadOf } from "../world/workload.ts";
import type { BehaviourOverrides } from "./behaviour.ts";
import { registerNode } from "./node.ts";
import type { Answered } from "./pod-server.ts";
import { covers, desiredStatus, timestamp, type PodObject } from "./pod-status.ts";
import { createLocalPod, type LocalPod } from "./pod.ts";

export interface PodSelector {
  readonly namespace: string;
  readonly workload?: string;
  readonly pod?: string;
}

export interface NodeAgentOptions {
  readonly client: KubernetesClient;
  readonly addresses: AddressSpace;
  /** How long a pod goes on serving after its deletion was asked for. */
  readonly drainMs: number;
  readonly onAnswered: (pod: PodObject, answered: Answered) => void;
  readonly onTrouble: (error: unknown) => void;
}

export interface PodSummary {
  readonly namespace: string;
  readonly name: string;
  readonly workload: string;
  readonly podIP: string;
  readonly address: string;
  readonly ready: boolean;
  readonly restarts: number;
}

export interface NodeAgent {
  handle(event: InformerEvent<PodObject>): void;
  /** Later overrides win; undefined takes back what was set for exactly this selector. */
  override(selector: PodSelector, overrides: BehaviourOverrides | undefined): void;
  setDependency(name: string, down: boolean): void;
  /** The pod served at a 127.x address, as long as it is known. */
  podAt(address: string): PodObject | undefined;
  pods(): PodSummary[];
  stop(): Promise<void>;
}

interface Entry {
  pod: PodObject;
  readonly local: LocalPod;
  /** A write is under way; another look is needed after it. */
  busy: boolean;
  dirty: boolean;
  /** What the API server answered to our last write: older news is not acted on. */
  writtenVersion: number;
  drain: NodeJS.Timeout | undefined;
}

const nodeName = "local";
const retryMs = 300;
/** Access logs arrive late: an address is remembered after its pod has gone. */
const rememberedMs = 30_000;
const defaultGraceSeconds = 30;

/** Plays a node without containers: every pod is an HTTP server in this process. */
export function startNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { client, addresses } = options;
  const entries = new Map<string, Entry>();
  const byAddress = new Map<string, PodObject>();
  const down = new Set<string>();
  const abort = new AbortController();
  const hostIP = podAddress(addresses.infrastructure(1));
  let overrides: { readonly selector: PodSelector; readonly overrides: BehaviourOverrides }[] = [];
  const node = registerNode(client, nodeName, hostIP, abort.signal);

  const overridesFor = (pod: PodObject): BehaviourOverrides =>
    Object.assign({}, ...overrides.filter(({ selector }) => selects(selector, pod)).map((each) => each.overrides)) as BehaviourOverrides;

  const sync = (entry: Entry): void => {
    entry.dirty = true;
    if (entry.busy || abort.signal.aborted) return;
    entry.busy = true;
    void (async () => {
      while (entry.dirty && !abort.signal.aborted) {
        entry.dirty = false;
        await write(client, entry, abort.signal).catch((error: unknown) => {
          if (isGone(error)) return;
          options.onTrouble(error);
          setTimeout(() => sync(entry), retryMs).unref();
        });
      }
      entry.busy = false;
    })();
  };

  const begin = (pod: PodObject): Entry => {
    const podIP = addresses.takePodIP(pod.status?.podIP);
    const entry: Entry = {
      pod,
      busy: false,
      dirty: false,
      writtenVersion: 0,
      drain: undefined,
      local: createLocalPod(pod, overridesFor(pod), {
        podIP,
        hostIP,
        isDown: (name) => down.has(name),
        onAnswered: (answered) => options.onAnswered(entry.pod, answered),
        onChange: () => sync(entry),
      }),
    };
    byAddress.set(servedAddress(podIP), pod);
    return entry;
  };

  const finish = (key: string, entry: Entry): void => {
    entries.delete(key);
    const grace = entry.drain === undefined ? options.drainMs : 0;
    clearTimeout(entry.drain);
    setTimeout(() => {
      void entry.local.stop(0);
      setTimeout(() => {
        addresses.givePodIP(entry.local.podIP);
        byAddress.delete(servedAddress(entry.local.podIP));
      }, rememberedMs).unref();
    }, grace).unref();
  };

  const drain = (entry: Entry): void => {
    const asked = (entry.pod.metadata.deletionGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
    entry.drain ??= setTimeout(() => void end(client, entry, abort.signal, options.onTrouble), Math.min(options.drainMs, asked));
  };

  return {
    handle(event) {
      const { object: pod } = event;
      const key = `${keyOf(pod)}/${pod.metadata.uid ?? ""}`;
      const known = entries.get(key);
      if (event.type === "gone") {
        if (known !== undefined) finish(key, known);
        return;
      }
      if (pod.spec.nodeName !== undefined && pod.spec.nodeName !== nodeName) return;
      if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return;
      const entry = known ?? begin(pod);
      entries.set(key, entry);
      entry.pod = pod;
      byAddress.set(servedAddress(entry.local.podIP), pod);
      if (known !== undefined) entry.local.update(pod, overridesFor(pod));
      if (pod.metadata.deletionTimestamp !== undefined) drain(entry);
      sync(entry);
    },
    override(selector, set) {
      const same = JSON.stringify(selector);
      overrides = overrides.filter((each) => JSON.stringify(each.selector) !== same);
      if (set !== undefined) overrides.push({ selector, overrides: set });
      for (const entry of entries.values()) {
        if (!selects(selector, entry.pod)) continue;
        entry.local.update(entry.pod, overridesFor(entry.pod));
        sync(entry);
      }
    },
    setDependency: (name, isDown) => void (isDown ? down.add(name) : down.delete(name)),
    podAt: (address) => byAddress.get(address),
    pods: () => [...entries.values()].map(summary),
    async stop() {
      abort.abort();
      await Promise.all([node, ...[...entries.values()].map((entry) => entry.local.stop(0))]);
    },
  };
}

function selects({ namespace, workload, pod }: PodSelector, { metadata }: PodObject): boolean {
  if (metadata.namespace !== namespace) return false;
  if (pod !== undefined && metadata.name !== pod) return false;
  return workload === undefined || workloadOf(metadata) === workload;
}

function summary({ pod, local }: Entry): PodSummary {
  const { run, restarts, podIP } = local.current();
  return {
    namespace: pod.metadata.namespace ?? "default",
    name: pod.metadata.name,
    workload: workloadOf(pod.metadata),
    podIP,
    address: servedAddress(podIP),
    ready: run.state === "running" && run.ready,
    restarts,
  };
}

async function write(client: KubernetesClient, entry: Entry, signal: AbortSignal): Promise<void> {
  const { pod } = entry;
  const { name, namespace = "default", uid, resourceVersion } = pod.metadata;
  if (Number(resourceVersion ?? 0) < entry.writtenVersion) return;
  const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
  if (pod.spec.nodeName === undefined) {
    const target = { apiVersion: "v1", kind: "Node", name: nodeName };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name, ...(uid !== undefined && { uid }) }, target };
    await client.raw(`${path}/binding`, { method: "POST", body: binding, signal }).catch((error: unknown) => {
      if (!(error instanceof KubernetesError && error.status === 409)) throw error;
    });
  }
  const status = desiredStatus(pod, entry.local.current(), timestamp(Date.now()));
  if (covers(pod.status, status)) return;
  const body = { metadata: { uid }, status };
  const contentType = "application/strategic-merge-patch+json";
  const written = (await client.raw(`${path}/status`, { method: "PATCH", body, contentType, signal })) as PodObject;
  entry.writtenVersion = Number(written.metadata.resourceVersion ?? 0);
}

/** The last act of a kubelet: the containers have ended, the object may go. */
async function end(client: KubernetesClient, entry: Entry, signal: AbortSignal, onTrouble: (error: unknown) => void): Promise<void> {
  const { name, namespace = "default", uid } = entry.pod.metadata;
  await entry.local.stop(100);
  try {
    const body = { gracePeriodSeconds: 0, preconditions: { uid } };
    await client.raw(`/api/v1/namespaces/${namespace}/pods/${name}`, { method: "DELETE", body, signal });
  } catch (error) {
    if (isGone(error) || signal.aborted) return;
    onTrouble(error);
    setTimeout(() => void end(client, entry, signal, onTrouble), retryMs).unref();
  }
}

/** Deleted, or deleted and created anew under its name (the uid no longer fits). */
function isGone(error: unknown): boolean {
  return error instanceof KubernetesError && (error.status === 404 || error.status === 409);
}
