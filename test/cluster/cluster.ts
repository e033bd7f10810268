// The local cluster: the real control plane with the definitions of Istio and the Gateway API, and a real Prometheus.
import { startControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { installDefinitions, readDefinitions } from "./crds.ts";
import type { KubernetesClient } from "./kubernetes.ts";
import { CURRENT_PARTS, OLDER_PARTS } from "./parts/catalog.ts";
import type { OnProgress } from "./parts/progress.ts";
import { provideParts } from "./parts/provide.ts";
import type { ProvidedPart, ProvideOptions } from "./parts/provide.ts";
import type { Part } from "./processes/part.ts";
import { createSupervisor } from "./processes/supervisor.ts";
import type { Supervisor } from "./processes/supervisor.ts";
import { startPrometheus } from "./prometheus.ts";
import type { Prometheus } from "./prometheus.ts";
import type { RegisterScrapeTarget, StartProcess } from "./world/ports.ts";

export interface ClusterOptions {
  /** "1s" when left out. */
  readonly prometheusScrapeInterval?: string;
  /** What the API server and the controllers are; the newest when left out. */
  readonly kubernetes?: "1.34" | "1.36";
  /** Whether the API server logs what service accounts ask of it. */
  readonly audit?: boolean;
  /** How far the parts and then the start have come. */
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
  /** What owns the processes; one of its own when left out. Either way it ends with the cluster. */
  readonly supervisor?: Supervisor;
}

type ClusterParts = Readonly<Record<(typeof CURRENT_PARTS)[number], ProvidedPart>>;

export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

export interface LocalCluster {
  /** The path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly server: string;
  readonly client: KubernetesClient;
  readonly kubectlPath: string;
  kubectl(args: readonly string[], options?: { readonly input?: string }): Promise<CommandResult>;
  /** Of the API server, where it was asked for. */
  readonly auditLog: string;
  readonly prometheusUrl: string;
  readonly prometheus: Prometheus;
  /** To be stopped, frozen and started again by tests. */
  readonly parts: Readonly<Record<"etcd" | "apiserver" | "controllerManager" | "prometheus", Part>>;
  /** The binaries that the cluster runs on. */
  readonly provided: ClusterParts;
  readonly runFolder: string;
  readonly supervisor: Supervisor;
  /** For those who add processes and metrics to the cluster. */
  readonly startProcess: StartProcess;
  readonly registerScrapeTarget: RegisterScrapeTarget;
  stop(): Promise<void>;
}

/** Starts the cluster; when that fails, nothing of it is left. */
export async function startCluster(options: ClusterOptions = {}): Promise<LocalCluster> {
  const supervisor = options.supervisor ?? (await createSupervisor());
  try {
    return await compose(supervisor, options);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

async function compose(supervisor: Supervisor, options: ClusterOptions): Promise<LocalCluster> {
  const onProgress = options.onProgress ?? (() => undefined);
  const provided = await provide(options.kubernetes ?? "1.36", {
    supervisor,
    onProgress,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const onStep = (text: string): void => onProgress({ subject: "cluster", text });
  const [controlPlane, prometheus] = await Promise.all([
    startControlPlaneWithDefinitions(supervisor, provided, onStep, options),
    startPrometheus(supervisor, {
      binary: provided.prometheus.path,
      scrapeInterval: options.prometheusScrapeInterval ?? "1s",
    }),
  ]);
  onStep("ready");
  const kubectlPath = provided.kubectl.path;
  return {
    kubeconfig: controlPlane.kubeconfig,
    server: controlPlane.server,
    client: controlPlane.client,
    auditLog: controlPlane.auditLog,
    kubectlPath,
    kubectl(args, input = {}) {
      // Its cache of discovery documents belongs to the run, not to the person.
      const env = { ...process.env, KUBECONFIG: controlPlane.kubeconfig, HOME: supervisor.folder };
      return supervisor.execute({ name: "kubectl", command: kubectlPath, args, env }, input);
    },
    prometheusUrl: prometheus.url,
    prometheus,
    parts: {
      etcd: controlPlane.etcd,
      apiserver: controlPlane.apiserver,
      controllerManager: controlPlane.controllerManager,
      prometheus: prometheus.part,
    },
    provided,
    runFolder: supervisor.folder,
    supervisor,
    startProcess: (spec) => supervisor.start(spec),
    registerScrapeTarget(target) {
      prometheus.addTarget(target);
      return Promise.resolve();
    },
    stop: () => supervisor.stop(),
  };
}

async function provide(kubernetes: "1.34" | "1.36", how: ProvideOptions): Promise<ClusterParts> {
  if (kubernetes === "1.36") return provideParts(CURRENT_PARTS, how);
  const all = await provideParts([...CURRENT_PARTS, ...OLDER_PARTS], how);
  return {
    ...all,
    "kube-apiserver": all["kube-apiserver-1.34"],
    "kube-controller-manager": all["kube-controller-manager-1.34"],
  };
}

async function startControlPlaneWithDefinitions(
  supervisor: Supervisor,
  provided: ClusterParts,
  onStep: (step: string) => void,
  { audit = false }: ClusterOptions,
): Promise<ControlPlane> {
  const pathOf = (name: keyof ClusterParts): string => provided[name].path;
  const starting = startControlPlane(
    supervisor,
    {
      etcd: pathOf("etcd"),
      "kube-apiserver": pathOf("kube-apiserver"),
      "kube-controller-manager": pathOf("kube-controller-manager"),
    },
    onStep,
    { audit },
  );
  // Read while the API server starts.
  const [definitions, controlPlane] = await Promise.all([
    Promise.resolve().then(() => readDefinitions(pathOf("crds"))),
    starting,
  ]);
  onStep("installing the custom resource definitions");
  await installDefinitions(controlPlane.client, definitions);
  return controlPlane;
}
