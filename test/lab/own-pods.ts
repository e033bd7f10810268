// Plays the kubelet for pods of the product itself: what a pod says is started as a process, with its ServiceAccount's
// token, and probed as the pod says.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import type { LocalCluster } from "../cluster/cluster.ts";
import { writeKubeconfigWithToken } from "../cluster/kubeconfig-with-token.ts";
import { kind, type KubernetesObject } from "../cluster/kubernetes.ts";
import type { SupervisedProcess } from "../cluster/processes/supervised.ts";

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string | number };
}

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}

export interface OwnPod extends KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly serviceAccountName: string;
    readonly restartPolicy: string;
    readonly containers: readonly [Container];
  };
  readonly status?: { readonly phase?: string };
}

interface Running {
  readonly pod: OwnPod;
  readonly address: string;
  readonly process: SupervisedProcess;
  readonly restarts: number;
  /** What was last said of it, so that nothing is written twice. */
  said: string;
}

export interface OwnPods {
  /** Ends all of them, and looks after no more. */
  stop(): Promise<void>;
  /** Logs of every process that was ever started, by pod. */
  readonly logs: ReadonlyMap<string, string>;
  /** Answers of liveness probes other than 200, by pod. */
  readonly unhealthy: readonly string[];
}

const pods = kind<OwnPod>("v1", "Pod");
const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
/** How often pods are looked at. Milliseconds. */
const period = 150;
/** Pods have addresses of their own; those of apps are elsewhere. */
const network = "127.18.0.";

/** Runs all pods with the product's label, from now on. */
export function startOwnPods(cluster: LocalCluster): OwnPods {
  const kubelet = new Kubelet(cluster);
  const looking = kubelet.run();
  return {
    logs: kubelet.logs,
    unhealthy: kubelet.unhealthy,
    async stop() {
      kubelet.isOver = true;
      await looking;
      await Promise.all([...kubelet.running.values()].map(({ process }) => process.stop()));
    },
  };
}

class Kubelet {
  readonly #cluster: LocalCluster;
  readonly running = new Map<string, Running>();
  readonly logs = new Map<string, string>();
  readonly unhealthy: string[] = [];
  isOver = false;
  #addresses = 0;

  constructor(cluster: LocalCluster) {
    this.#cluster = cluster;
  }

  async run(): Promise<void> {
    while (!this.isOver) {
      await this.#look().catch((error: unknown) => {
        if (!this.isOver) process.stderr.write(`own pods: ${String(error)}\n`);
      });
      await delay(period);
    }
  }

  async #look(): Promise<void> {
    const labelSelector = "app.kubernetes.io/name=serin";
    const { items } = await this.#cluster.client.list(pods, { labelSelector });
    for (const pod of items) await this.#serve(pod);
    const present = new Set(items.map(({ metadata }) => metadata.uid));
    for (const [uid, { process }] of this.running) {
      if (present.has(uid)) continue;
      this.running.delete(uid);
      await process.stop("SIGKILL");
    }
  }

  async #serve(pod: OwnPod): Promise<void> {
    const { uid, deletionTimestamp } = pod.metadata;
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return;
    if (deletionTimestamp !== undefined) return this.#end(pod);
    const known = this.running.get(uid) ?? (await this.#start(pod));
    const isOver = !known.process.running && pod.spec.restartPolicy !== "Never";
    const current = isOver ? await this.#restart(known) : known;
    this.running.set(uid, current);
    await this.#report(current);
  }

  async #start(pod: OwnPod): Promise<Running> {
    this.#addresses += 1;
    const address = `${network}${this.#addresses}`;
    if (pod.spec.nodeName === undefined) await this.#bind(pod);
    return { pod, address, process: await this.#launch(pod, address), restarts: 0, said: "" };
  }

  /** As a kubelet does with a container that has ended; the pod keeps its address. */
  async #restart({ pod, address, restarts }: Running): Promise<Running> {
    return { pod, address, process: await this.#launch(pod, address), restarts: restarts + 1, said: "" };
  }

  async #launch(pod: OwnPod, address: string): Promise<SupervisedProcess> {
    const { name, namespace } = pod.metadata;
    const [container] = pod.spec.containers;
    const settings = Object.fromEntries((container.env ?? []).map(({ name: key, value = "" }) => [key, value]));
    const process = await this.#cluster.startProcess({
      name: `pod-${namespace}-${name}`,
      command: globalThis.process.execPath,
      args: [main, ...(container.args ?? [])],
      env: {
        PATH: globalThis.process.env["PATH"],
        HOME: this.#cluster.runFolder,
        ...settings,
        KUBECONFIG: await this.#kubeconfigOf(pod),
        // In a cluster each pod has its own address; here all share the machine's, and the ports are the pod's.
        SERIN_METRICS_ADDRESS: `${address}:8080`,
        SERIN_WEBHOOK_ADDRESS: `${address}:9443`,
      },
    });
    this.logs.set(name, process.log);
    return process;
  }

  async #bind({ metadata: { name, namespace, uid } }: OwnPod): Promise<void> {
    const target = { apiVersion: "v1", kind: "Node", name: "local" };
    const body = { apiVersion: "v1", kind: "Binding", metadata: { name, uid }, target };
    await this.#cluster.client.raw(`/api/v1/namespaces/${namespace}/pods/${name}/binding`, { method: "POST", body });
  }

  /** With a token that is bound to the pod, as a kubelet asks for it. */
  async #kubeconfigOf({ metadata: { name, namespace, uid }, spec }: OwnPod): Promise<string> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${spec.serviceAccountName}/token`;
    const boundObjectRef = { apiVersion: "v1", kind: "Pod", name, uid };
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { expirationSeconds: 3_600, boundObjectRef },
    };
    const { status } = (await this.#cluster.client.raw(path, { method: "POST", body })) as {
      readonly status: { readonly token: string };
    };
    const target = join(this.#cluster.runFolder, `pod-${name}.kubeconfig`);
    return writeKubeconfigWithToken(this.#cluster.kubeconfig, status.token, target);
  }

  /** Says of a pod what a kubelet would: whether it is ready, or how it ended. */
  async #report(running: Running): Promise<void> {
    const { pod, process } = running;
    const [container] = pod.spec.containers;
    if (process.running) {
      const isReady = await this.#isReady(running, container);
      return this.#say(running, {
        phase: "Running",
        isReady,
        state: { running: { startedAt: this.#startedAt(running) } },
      });
    }
    const { code } = await process.exited;
    const terminated = { exitCode: code ?? 137, reason: code === 0 ? "Completed" : "Error" };
    await this.#say(running, { phase: code === 0 ? "Succeeded" : "Failed", isReady: false, state: { terminated } });
  }

  readonly #started = new Map<string, string>();

  #startedAt({ pod }: Running): string {
    const { uid } = pod.metadata;
    const at = this.#started.get(uid) ?? `${new Date().toISOString().slice(0, 19)}Z`;
    this.#started.set(uid, at);
    return at;
  }

  async #isReady({ address, pod }: Running, container: Container): Promise<boolean> {
    const ask = async (probe: Probe | undefined) => {
      if (probe === undefined) return 200;
      const { path, port } = probe.httpGet;
      const number = container.ports?.find(({ name }) => name === port)?.containerPort ?? port;
      return fetch(`http://${address}:${number}${path}`).then(
        ({ status }) => status,
        () => 0,
      );
    };
    const [ready, live] = await Promise.all([ask(container.readinessProbe), ask(container.livenessProbe)]);
    // 0: it does not listen yet, which a kubelet would wait for.
    if (live !== 200 && live !== 0) this.unhealthy.push(`${pod.metadata.name}: ${live}`);
    return ready === 200;
  }

  async #say(
    running: Running,
    { phase, isReady, state }: { readonly phase: string; readonly isReady: boolean; readonly state: object },
  ): Promise<void> {
    const { pod, address, restarts } = running;
    const [container] = pod.spec.containers;
    const isTrue = isReady ? "True" : "False";
    const status = {
      phase,
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: ["Ready", "ContainersReady", "Initialized", "PodScheduled"].map((type) => ({
        type,
        status: type === "Initialized" || type === "PodScheduled" ? "True" : isTrue,
      })),
      containerStatuses: [
        {
          name: container.name,
          image: container.image,
          imageID: container.image,
          ready: isReady,
          restartCount: restarts,
          state,
        },
      ],
    };
    const said = JSON.stringify(status);
    if (said === running.said) return;
    const { name, namespace } = pod.metadata;
    await this.#cluster.client.raw(`/api/v1/namespaces/${namespace}/pods/${name}/status`, {
      method: "PATCH",
      contentType: "application/strategic-merge-patch+json",
      body: { status },
    });
    running.said = said;
  }

  /** Asked to end, it ends its process and then the object, as a kubelet does. */
  async #end({ metadata: { name, namespace, uid } }: OwnPod): Promise<void> {
    const known = this.running.get(uid);
    if (known?.process.running === true) await known.process.stop("SIGTERM");
    this.running.delete(uid);
    const body = { gracePeriodSeconds: 0, preconditions: { uid } };
    await this.#cluster.client.raw(`/api/v1/namespaces/${namespace}/pods/${name}`, { method: "DELETE", body });
  }
}
