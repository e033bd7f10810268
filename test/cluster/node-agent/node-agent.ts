import { KubernetesError, type KubernetesClient } from "../kubernetes.ts";
import { podAddress, servedAddress, type AddressSpace } from "../world/addresses.ts";
import { keyOf, type InformerEvent } from "../world/informer.ts";
import { workloadOf } from "../world/workload.ts";
import type { BehaviourOverrides } from "./behaviour.ts";
import { registerNode } from "./node.ts";
import type { Answered } from "./pod-server.ts";
import { covers, desiredStatus, timestamp, unschedulable, type PodObject } from "./pod-status.ts";
import { createLocalPod, type LocalPod } from "./pod.ts";
import { firstMissing } from "./references.ts";
import { startScheduler } from "./scheduling.ts";

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

interface WriteContext {
  readonly client: KubernetesClient;
  readonly signal: AbortSignal;
  readonly onTrouble: (error: unknown) => void;
}

const nodeName = "local";
/** What answers under way get when a pod ends. */
const lastAnswersMs = 100;
const retryMs = 300;
/** Access logs arrive late: an address is remembered after its pod has gone. */
const rememberedMs = 30_000;
const defaultGraceSeconds = 30;

interface Override {
  readonly selector: PodSelector;
  readonly overrides: BehaviourOverrides;
}

/** Plays a node without containers: every pod is an HTTP server in this process. */
export function startNodeAgent(options: NodeAgentOptions): NodeAgent {
  const { client, addresses, onTrouble, drainMs } = options;
  const entries = new Map<string, Entry>();
  const byAddress = new Map<string, Entry>();
  const down = new Set<string>();
  const abort = new AbortController();
  const hostIP = podAddress(addresses.infrastructure(1));
  const context: WriteContext = { client, signal: abort.signal, onTrouble };
  let overrides: Override[] = [];
  const node = registerNode(client, nodeName, hostIP, abort.signal);
  const scheduler = startScheduler({
    client,
    node: nodeName,
    bound: () => [...entries.values()].map((entry) => entry.pod),
    refused: (pod, message) => void refuse(context, pod, message),
    tryAgain: (pod) => agent.handle({ type: "set", object: pod, before: pod }),
    onTrouble,
  });

  const overridesFor = (pod: PodObject): BehaviourOverrides => overridesOf(pod, overrides);
  const begin = (pod: PodObject): Entry => {
    const podIP = addresses.takePodIP(pod.status?.podIP);
    const local = createLocalPod(pod, overridesFor(pod), {
      podIP,
      hostIP,
      isDown: (name) => down.has(name),
      firstMissing: (waiting) => firstMissing(client, waiting),
      onAnswered: (answered) => options.onAnswered(entry.pod, answered),
      onChange: () => sync(context, entry),
      onTrouble,
    });
    const entry: Entry = { pod, local, busy: false, dirty: false, writtenVersion: 0, drain: undefined };
    byAddress.set(servedAddress(podIP), entry);
    entry.local.start();
    return entry;
  };

  const agent: NodeAgent = {
    handle(event) {
      const { object: pod } = event;
      const key = `${keyOf(pod)}/${pod.metadata.uid ?? ""}`;
      const known = entries.get(key);
      if (event.type === "gone") {
        scheduler.forget(key);
        entries.delete(key);
        if (known !== undefined) finish(known, drainMs, ({ local }) => forgetAddress(local, addresses, byAddress));
        return;
      }
      if (!isOurs(pod) || !(entries.has(key) || scheduler.takes(key, pod))) return;
      const entry = known ?? begin(pod);
      entries.set(key, entry);
      entry.pod = pod;
      if (known !== undefined) entry.local.update(pod, overridesFor(pod));
      if (pod.metadata.deletionTimestamp !== undefined) drain(context, entry, drainMs);
      sync(context, entry);
    },
    override(selector, set) {
      const same = JSON.stringify(selector);
      overrides = overrides.filter((each) => JSON.stringify(each.selector) !== same);
      if (set !== undefined) overrides.push({ selector, overrides: set });
      for (const entry of entries.values()) {
        if (!selects(selector, entry.pod)) continue;
        entry.local.update(entry.pod, overridesFor(entry.pod));
        sync(context, entry);
      }
    },
    setDependency(name, isDown) {
      if (isDown) down.add(name);
      else down.delete(name);
    },
    podAt: (address) => byAddress.get(address)?.pod,
    pods: () => [...entries.values()].map(summary),
    async stop() {
      abort.abort();
      scheduler.stop();
      await Promise.all([node, ...[...entries.values()].map((entry) => entry.local.stop(0))]);
    },
  };
  return agent;
}

function forgetAddress({ podIP }: LocalPod, addresses: AddressSpace, byAddress: Map<string, Entry>): void {
  addresses.givePodIP(podIP);
  byAddress.delete(servedAddress(podIP));
}

function selects({ namespace, workload, pod }: PodSelector, { metadata }: PodObject): boolean {
  if (metadata.namespace !== namespace) return false;
  if (pod !== undefined && metadata.name !== pod) return false;
  return workload === undefined || workloadOf(metadata) === workload;
}

/** What was set last wins. */
function overridesOf(pod: PodObject, all: readonly Override[]): BehaviourOverrides {
  const matching = all.filter(({ selector }) => selects(selector, pod));
  return Object.assign({}, ...matching.map(({ overrides }) => overrides)) as BehaviourOverrides;
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

/** On pods that run a real program, by whoever has it: this node's pods are all apps that it plays itself. */
const realProgram = { key: "app.kubernetes.io/name", value: "serin" } as const;

function isOurs({ metadata, spec, status }: PodObject): boolean {
  if (metadata.labels?.[realProgram.key] === realProgram.value) return false;
  if (spec.nodeName !== undefined && spec.nodeName !== nodeName) return false;
  return status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

/** Brings the status up to date: one write at a time per pod, again for as long as it fails. */
function sync(context: WriteContext, entry: Entry): void {
  entry.dirty = true;
  if (entry.busy || context.signal.aborted) return;
  entry.busy = true;
  void (async () => {
    while (entry.dirty && !context.signal.aborted) {
      entry.dirty = false;
      await write(context, entry).catch((error: unknown) => {
        if (isGone(error) || context.signal.aborted) return;
        context.onTrouble(error);
        setTimeout(() => sync(context, entry), retryMs).unref();
      });
    }
    entry.busy = false;
  })();
}

function podPath({ metadata }: PodObject): string {
  return `/api/v1/namespaces/${metadata.namespace ?? "default"}/pods/${metadata.name}`;
}

async function write({ client, signal }: WriteContext, entry: Entry): Promise<void> {
  const { pod } = entry;
  const { name, uid, resourceVersion } = pod.metadata;
  if (Number(resourceVersion ?? 0) < entry.writtenVersion) return;
  if (pod.spec.nodeName === undefined) {
    const target = { apiVersion: "v1", kind: "Node", name: nodeName };
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name, ...(uid !== undefined && { uid }) },
      target,
    };
    await client.raw(`${podPath(pod)}/binding`, { method: "POST", body: binding, signal }).catch((error: unknown) => {
      if (!(error instanceof KubernetesError && error.status === 409)) throw error;
    });
  }
  const status = desiredStatus(pod, entry.local.current(), timestamp(Date.now()));
  if (covers(pod.status, status)) return;
  const body = { metadata: { uid }, status };
  const contentType = "application/strategic-merge-patch+json";
  const written = (await client.raw(`${podPath(pod)}/status`, {
    method: "PATCH",
    body,
    contentType,
    signal,
  })) as PodObject;
  entry.writtenVersion = Number(written.metadata.resourceVersion ?? 0);
}

/** Says of a pod why no node takes it. */
async function refuse({ client, signal, onTrouble }: WriteContext, pod: PodObject, message: string): Promise<void> {
  const status = unschedulable(pod, message, timestamp(Date.now()));
  if (pod.metadata.deletionTimestamp !== undefined || covers(pod.status, status)) return;
  const contentType = "application/strategic-merge-patch+json";
  const body = { metadata: { uid: pod.metadata.uid }, status };
  await client
    .raw(`${podPath(pod)}/status`, { method: "PATCH", body, contentType, signal })
    .catch((error: unknown) => (isGone(error) || signal.aborted ? undefined : onTrouble(error)));
}

/** Serves on for a while (callers learn late), then ends the pod as a kubelet does. */
function drain(context: WriteContext, entry: Entry, drainMs: number): void {
  const asked = (entry.pod.metadata.deletionGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
  entry.drain ??= setTimeout(() => void end(context, entry), Math.min(drainMs, asked));
}

/** The object is gone. One that went without warning serves on for a while; its address is remembered longer. */
function finish(entry: Entry, drainMs: number, forget: (entry: Entry) => void): void {
  const grace = entry.drain === undefined ? drainMs : 0;
  clearTimeout(entry.drain);
  setTimeout(() => {
    void entry.local.stop(0);
    setTimeout(() => forget(entry), rememberedMs).unref();
  }, grace).unref();
}

/** The last act of a kubelet: the containers have ended, the object may go. */
async function end(context: WriteContext, entry: Entry): Promise<void> {
  await entry.local.stop(lastAnswersMs);
  try {
    const body = { gracePeriodSeconds: 0, preconditions: { uid: entry.pod.metadata.uid } };
    await context.client.raw(podPath(entry.pod), { method: "DELETE", body, signal: context.signal });
  } catch (error) {
    if (isGone(error) || context.signal.aborted) return;
    context.onTrouble(error);
    setTimeout(() => void end(context, entry), retryMs).unref();
  }
}

/** Deleted, or deleted and created anew under its name (the uid no longer fits). */
function isGone(error: unknown): boolean {
  return error instanceof KubernetesError && (error.status === 404 || error.status === 409);
}
