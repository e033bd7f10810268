// A real control plane without nodes: etcd, the API server and the controllers that make pods of Deployments.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Agent, request } from "undici";
import { certificatePath, writeControlPlaneFiles, writeKubeconfig } from "./control-plane-files.ts";
import type { ControlPlaneFiles } from "./control-plane-files.ts";
import { createKubernetesClient, kind, readConnection } from "./kubernetes.ts";
import type { KubernetesClient, KubernetesObject } from "./kubernetes.ts";
import { createPart } from "./processes/part.ts";
import type { Part } from "./processes/part.ts";
import { onFreePorts } from "./processes/ports.ts";
import type { ProcessSpec } from "./processes/supervised.ts";
import type { Supervisor } from "./processes/supervisor.ts";

export interface ControlPlaneBinaries {
  readonly etcd: string;
  readonly "kube-apiserver": string;
  readonly "kube-controller-manager": string;
}

export interface ControlPlane {
  readonly kubeconfig: string;
  readonly server: string;
  readonly client: KubernetesClient;
  /** What service accounts asked of the API server, a line of JSON each; empty unless it was to be written. */
  readonly auditLog: string;
  readonly etcd: Part;
  readonly apiserver: Part;
  readonly controllerManager: Part;
}

/** What a release and a chart need from the controller manager; nodes, volumes and certificates they do not. */
const CONTROLLERS = [
  "clusterrole-aggregation-controller",
  "deployment-controller",
  "disruption-controller",
  "endpointslice-controller",
  "garbage-collector-controller",
  "job-controller",
  "namespace-controller",
  "replicaset-controller",
  "resourcequota-controller",
  "root-ca-certificate-publisher-controller",
  "serviceaccount-controller",
  "serviceaccount-token-controller",
];

async function answersOk(
  url: string,
  options: { readonly ca?: string; readonly token?: string } = {},
): Promise<boolean> {
  const dispatcher = new Agent(options.ca === undefined ? {} : { connect: { ca: options.ca } });
  try {
    const headers = options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
    const response = await request(url, { dispatcher, headers, headersTimeout: 2000 });
    await response.body.dump();
    return response.statusCode === 200;
  } finally {
    await dispatcher.destroy();
  }
}

function etcdSpec(command: string, folder: string, ports: readonly number[]): ProcessSpec {
  const [client, peer] = ports.map((port) => `http://127.0.0.1:${port}`);
  return {
    name: "etcd",
    command,
    args: [
      `--data-dir=${join(folder, "etcd")}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      // The data does not outlive the run, so it need not survive a power cut.
      "--unsafe-no-fsync",
      // Without it a watch on a quiet kind waits seconds for the version that it asked for.
      "--watch-progress-notify-interval=1s",
      "--log-level=warn",
    ],
    ready: () => answersOk(`${client}/readyz`),
    graceMs: 2000,
  };
}

interface ApiserverPlace {
  readonly etcdPort: number;
  readonly port: number;
  readonly audit: boolean;
}

function apiserverSpec(
  command: string,
  files: ControlPlaneFiles,
  { etcdPort, port, audit }: ApiserverPlace,
): ProcessSpec {
  const certificate = certificatePath(files);
  return {
    name: "kube-apiserver",
    command,
    args: [
      `--etcd-servers=http://127.0.0.1:${etcdPort}`,
      "--bind-address=127.0.0.1",
      "--advertise-address=127.0.0.1",
      `--secure-port=${port}`,
      `--cert-dir=${files.certificates}`,
      `--token-auth-file=${files.tokenFile}`,
      "--authorization-mode=RBAC",
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-signing-key-file=${files.accountKey}`,
      `--service-account-key-file=${files.accountPublicKey}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      // Endpoints may not be on loopback, and nothing here calls the Service "kubernetes".
      "--endpoint-reconciler-type=none",
      "--allow-privileged=true",
      "--profiling=false",
      "--max-requests-inflight=1000",
      "--max-mutating-requests-inflight=500",
      ...(audit ? [`--audit-policy-file=${files.auditPolicy}`, `--audit-log-path=${files.auditLog}`] : []),
    ],
    // Memory is there, processors are what many cases side by side are short of.
    env: { ...process.env, GOGC: "400" },
    ready: async () =>
      existsSync(certificate) &&
      answersOk(`https://127.0.0.1:${port}/readyz`, { ca: readFileSync(certificate, "utf8"), token: files.token }),
    graceMs: 1000,
  };
}

function controllerManagerSpec(command: string, files: ControlPlaneFiles, port: number): ProcessSpec {
  const certificates = join(files.folder, "controller-manager");
  const certificate = join(certificates, "kube-controller-manager.crt");
  return {
    name: "kube-controller-manager",
    command,
    args: [
      `--kubeconfig=${files.kubeconfig}`,
      "--bind-address=127.0.0.1",
      `--secure-port=${port}`,
      `--cert-dir=${certificates}`,
      `--controllers=${CONTROLLERS.join(",")}`,
      "--leader-elect=false",
      `--service-account-private-key-file=${files.accountKey}`,
      `--root-ca-file=${certificatePath(files)}`,
      "--concurrent-deployment-syncs=10",
      "--concurrent-replicaset-syncs=10",
      "--concurrent-service-endpoint-syncs=10",
      "--kube-api-qps=500",
      "--kube-api-burst=1000",
      "--profiling=false",
    ],
    ready: async () =>
      existsSync(certificate) &&
      answersOk(`https://127.0.0.1:${port}/healthz`, { ca: readFileSync(certificate, "utf8") }),
    graceMs: 1000,
  };
}

/** Starts the part that `specOn` describes, on other ports when somebody else took one first. */
async function startOnFreePorts(
  supervisor: Supervisor,
  count: number,
  specOn: (ports: readonly number[]) => ProcessSpec,
): Promise<{ readonly part: Part; readonly ports: readonly number[] }> {
  return onFreePorts(count, async (ports) => {
    const part = createPart(supervisor, specOn(ports));
    await part.start();
    return { part, ports };
  });
}

const Accounts = kind<KubernetesObject>("v1", "ServiceAccount");

/** Resolves when pods can be created: the controllers have given the namespace `default` its service account. */
export async function startControlPlane(
  supervisor: Supervisor,
  binaries: ControlPlaneBinaries,
  onStep: (step: string) => void = () => undefined,
  { audit = false }: { readonly audit?: boolean } = {},
): Promise<ControlPlane> {
  const folder = join(supervisor.folder, "control-plane");
  mkdirSync(folder);
  const files = writeControlPlaneFiles(folder);
  onStep("starting etcd");
  const etcd = await startOnFreePorts(supervisor, 2, (ports) => etcdSpec(binaries.etcd, folder, ports));
  onStep("starting kube-apiserver");
  const apiserver = await startOnFreePorts(supervisor, 1, ([port = 0]) =>
    apiserverSpec(binaries["kube-apiserver"], files, { etcdPort: etcd.ports[0] ?? 0, port, audit }),
  );
  const server = `https://127.0.0.1:${apiserver.ports[0] ?? 0}`;
  writeKubeconfig(files, server);
  const client = createKubernetesClient(readConnection(files.kubeconfig));
  supervisor.onStop(() => client.close());
  onStep("starting kube-controller-manager");
  const controllerManager = await startOnFreePorts(supervisor, 1, ([port = 0]) =>
    controllerManagerSpec(binaries["kube-controller-manager"], files, port),
  );
  await client.watchUntil(
    { kind: Accounts, namespace: "default", what: "the service account of the namespace default" },
    (accounts) => accounts.some((account) => account.metadata?.name === "default"),
  );
  return {
    kubeconfig: files.kubeconfig,
    server,
    client,
    auditLog: files.auditLog,
    etcd: etcd.part,
    apiserver: apiserver.part,
    controllerManager: controllerManager.part,
  };
}
