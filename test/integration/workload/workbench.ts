import { inject } from "vitest";
import type { Rollout } from "../../../src/api/rollout.ts";
import type { RolloutStatus } from "../../../src/api/rollout-status.ts";
import { createCluster } from "../../../src/adapters/kubernetes/cluster.ts";
import { createInformers, type ObjectChange } from "../../../src/adapters/kubernetes/informers.ts";
import { createKubernetesObjects } from "../../../src/adapters/kubernetes/objects.ts";
import { connect } from "../../../src/adapters/kubernetes/transport.ts";
import { deployments, pods, replicaSets, rollouts } from "../../../src/adapters/kubernetes/workload-resources.ts";
import { revisionOf } from "../../../src/domain/revision.ts";
import { isProblem, type ReplicaSet, type Workload } from "../../../src/domain/observation.ts";
import type { Cluster, WorkloadAction } from "../../../src/ports/cluster.ts";
import type { KubernetesObject, KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import { ConflictError } from "../../../src/runtime/errors.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { systemTimers } from "../../../src/runtime/timers.ts";
import { until } from "../../cluster/processes/until.ts";
import { kubectlOutput, serveRollouts } from "../kubectl.ts";
import type {} from "../provided.ts";

/** A namespace of the shared cluster with the real adapters on it. */
export interface Workbench {
  readonly namespace: string;
  readonly objects: KubernetesObjects;
  readonly cluster: Cluster;
  readonly signal: AbortSignal;
  /** Creates a Deployment and its Rollout; resolves when all pods are available and both are in the caches. */
  start(deployment: DeploymentManifest): Promise<Trial>;
  stop(): Promise<void>;
  /** Every version of a Rollout, Deployment, ReplicaSet and pod of the namespace that the watches told, in the order of telling. */
  readonly seen: readonly KubernetesObject[];
}

/** A Deployment with its Rollout. */
export interface Trial {
  readonly name: string;
  rollout(): Rollout;
  deployment(): Promise<KubernetesObject>;
  replicaSets(): Promise<readonly KubernetesObject[]>;
  /** What identifies the pods that exist: name, uid and time of creation. */
  pods(revision?: string): Promise<readonly string[]>;
  workload(): Promise<Workload>;
  /** Resolves with the workload as soon as it is as asked. */
  when(what: string, condition: (workload: Workload) => boolean): Promise<Workload>;
  replicaSet(name: string): Promise<ReplicaSet>;
  /** One action, decided again after a conflict as a reconcile would. */
  act(action: WorkloadAction): Promise<void>;
  /** Unpauses the Deployment with whatever template it has. */
  unpause(): Promise<void>;
  writeStatus(change: Partial<RolloutStatus>): Promise<Rollout>;
  kubectl(...args: readonly string[]): Promise<string>;
}

export type DeploymentManifest = ReturnType<typeof deploymentOf>;

/** A Deployment as a user writes it. */
export function deploymentOf(
  name: string,
  spec: { readonly replicas: number; readonly strategy?: object; readonly minReadySeconds?: number },
  pod: object = {},
) {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      ...spec,
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 1, containers: [{ name: "app", image: "shop/app:v1" }], ...pod },
      },
    },
  };
}

export async function createWorkbench(purpose: string): Promise<Workbench> {
  const namespace = `${purpose}-${process.pid}`;
  await serveRollouts();
  await kubectlOutput(["create", "namespace", namespace]);
  const transport = connect({ kubeconfig: inject("kubeconfig") });
  const stopping = new AbortController();
  const { signal } = stopping;
  const informers = createInformers({ transport, timers: systemTimers });
  const seen: KubernetesObject[] = [];
  const objects = createKubernetesObjects(transport, informers);
  for (const resource of [rollouts, deployments, replicaSets, pods]) {
    const keep = ({ object }: ObjectChange) => {
      seen.push(object);
      if (resource === pods) makeReady(objects, object, signal);
    };
    informers.watch({ resource, optional: false, namespaces: [namespace] }, keep, signal);
  }
  const wait = { timeout: 30_000, what: "the caches to be filled" };
  await until(() => informers.missing().length === 0, wait);
  const cluster = createCluster({ objects, clock: { now: () => Date.now() }, log: silentLogger });
  const bench = { namespace, objects, cluster, signal, seen };
  return {
    ...bench,
    start: (deployment) => start(bench, deployment),
    stop: async () => {
      const withoutFinalizers = { metadata: { finalizers: null } };
      for (const { metadata } of objects.cachedAll(rollouts)) {
        await objects.mergePatch(rollouts, namespace, metadata.name, withoutFinalizers, { signal });
      }
      stopping.abort();
      await kubectlOutput(["delete", "namespace", namespace, "--wait=false"]);
      await transport.close();
    },
  };
}

/** What matters of a kubelet here: every pod becomes ready. On a cluster with a node agent it does the same twice. */
function makeReady(objects: KubernetesObjects, pod: KubernetesObject, signal: AbortSignal): void {
  const { namespace, name, deletionTimestamp } = pod.metadata;
  if (pod.status?.["phase"] === "Running" || deletionTimestamp !== undefined) return;
  const conditions = [{ type: "Ready", status: "True", lastTransitionTime: new Date().toISOString() }];
  const patch = { status: { phase: "Running", conditions } };
  // A pod that is gone by now is not made ready.
  objects.mergePatch(pods, namespace, name, patch, { signal, subresource: "status" }).catch(() => undefined);
}

type Bench = Omit<Workbench, "start" | "stop">;

async function start(bench: Bench, manifest: DeploymentManifest): Promise<Trial> {
  const { namespace, cluster } = bench;
  const { name } = manifest.metadata;
  const rollout = {
    apiVersion: "serin.dev/v1alpha1",
    kind: "Rollout",
    metadata: { name },
    spec: { targetRef: { name } },
  };
  await kubectlOutput(["-n", namespace, "create", "-f", "-"], rollout);
  await kubectlOutput(["-n", namespace, "apply", "-f", "-"], manifest);
  const key = { namespace, name };
  await until(() => cluster.readRollout(key) !== undefined, { timeout: 10_000, what: `Rollout ${name} in the cache` });
  const trial = trialOf(bench, name);
  await trial.when("all pods to be available", ({ replicas, replicaSets: [only] }) => only?.available === replicas);
  return trial;
}

function trialOf(bench: Bench, name: string): Trial {
  const { namespace, objects, cluster, signal } = bench;
  const key = { namespace, name };
  const rollout = () => {
    const found = cluster.readRollout(key);
    if (found === undefined) throw new Error(`Rollout ${name} is gone`);
    return found;
  };
  const workload = async () => {
    const found = await cluster.readWorkload(rollout(), signal);
    if (isProblem(found)) throw new Error(found.message);
    return found;
  };
  const live = async () => (await objects.read(deployments, namespace, name, signal))!;
  const when = async (what: string, condition: (workload: Workload) => boolean) => {
    let last: Workload | undefined;
    const isSo = async () => {
      last = await workload().catch(() => undefined);
      return last !== undefined && condition(last);
    };
    await until(isSo, { timeout: 30_000, what: `${what} (${name})` });
    return last!;
  };
  return {
    name,
    rollout,
    workload,
    when,
    deployment: live,
    replicaSets: () => objects.list(replicaSets, namespace, "", signal),
    pods: async (revision) => {
      const hash = revision === undefined ? "" : `,pod-template-hash=${revision}`;
      const found = await objects.list(pods, namespace, `app=${name}${hash}`, signal);
      return found.map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.creationTimestamp}`).sort();
    },
    replicaSet: async (wanted) => (await workload()).replicaSets.find((candidate) => candidate.name === wanted)!,
    act: (action) => act(bench, rollout, action),
    unpause: async () => {
      const { spec } = await live();
      await act(bench, rollout, { kind: "pauseWorkload", paused: false, revision: revisionOf(spec?.["template"]) });
    },
    writeStatus: async (change) => {
      const current = rollout();
      const written = await cluster.writeStatus(current, { ...current.status, ...change }, signal);
      const isCached = () => cluster.readRollout(key)?.resourceVersion === written.resourceVersion;
      await until(isCached, { timeout: 10_000, what: "the written status in the cache" });
      return written;
    },
    kubectl: (...args) => kubectlOutput(["-n", namespace, ...args]),
  };
}

async function act({ cluster, signal }: Bench, rollout: () => Rollout, action: WorkloadAction): Promise<void> {
  let refusal: unknown;
  const isDecided = async () => {
    try {
      await cluster.perform(action, rollout(), signal);
    } catch (error) {
      if (error instanceof ConflictError) throw error;
      refusal = error;
    }
    return true;
  };
  await until(isDecided, { timeout: 20_000, what: action.kind });
  if (refusal !== undefined) throw refusal as Error;
}
