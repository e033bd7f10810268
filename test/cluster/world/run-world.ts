import { join } from "node:path";
import { createKubernetesClient, readConnection } from "../kubernetes.ts";
import { startMeshControl, type ControlledProxy, type MeshControl } from "../mesh/control.ts";
import { createEnvoyAdmin, readAdminAddress } from "../mesh/envoy-admin.ts";
import { hasLabels, namespaceOf } from "../mesh/hosts.ts";
import type { ObjectMeta } from "../mesh/objects.ts";
import { prepareProxy, createXdsWriter, type XdsWriter } from "../mesh/xds-files.ts";
import { proxyFiles } from "../mesh/local-envoy.ts";
import type { Answered } from "../node-agent/pod-server.ts";
import type { PodObject } from "../node-agent/pod-status.ts";
import { startNodeAgent, type NodeAgent } from "../node-agent/node-agent.ts";
import { until } from "../processes/until.ts";
import { followAccessLog } from "../telemetry/access-log.ts";
import { startExporter, metricsPath } from "../telemetry/exporter.ts";
import { createIstioMetrics } from "../telemetry/istio-metrics.ts";
import { destinationReport, sourceReport, type Source } from "../telemetry/labels.ts";
import { claimAddressSpace } from "./addresses.ts";
import type { ProxySpec, WorldConfig, WorldReady, WorldRequests } from "./config.ts";
import { startControlServer, type Handler } from "./control-server.ts";
import { startInformer } from "./informer.ts";
import { createServedCounts, type ServedCounter } from "./served.ts";
import { workloadOf } from "./workload.ts";

const firstProxyIndex = 10;
const envoyStartMs = 60_000;

export interface RunningWorld {
  readonly ready: WorldReady;
  stop(): Promise<void>;
}

/**
 * Node agent, mesh control and telemetry of one cluster, in this process. It announces its addresses before the Envoys
 * run (they need their bootstrap files first) and then waits for each Envoy's admin address.
 */
export async function runWorld(config: WorldConfig, onTrouble: (error: unknown) => void): Promise<RunningWorld> {
  const connection = readConnection(config.kubeconfig);
  const client = createKubernetesClient(connection);
  const addresses = await claimAddressSpace();
  const callers = new Map<string, Source>();
  const served = createServedCounts();
  const podMetrics = createIstioMetrics(Date.now, config.podsApart);
  const podExporter = await startExporter(addresses.infrastructure(1), podMetrics);

  const agent = startNodeAgent({ client, addresses, drainMs: config.drainMs, onTrouble, onAnswered: recordAnswer });
  const proxies = await Promise.all(
    config.proxies.map((spec, index) =>
      prepareProxyOf(spec, {
        address: addresses.infrastructure(firstProxyIndex + index),
        runFolder: config.runFolder,
        podAt: (address) => agent.podAt(address)?.metadata,
        onTrouble,
      }),
    ),
  );
  for (const { ready, source } of proxies) callers.set(ready.address, source);
  const mesh = startMeshControl({
    connection,
    proxies: proxies.map((each) => each.controlled),
    pods: () => [...pods.objects.values()],
    debounce: config.debounce,
    onTrouble,
  });
  const pods = startInformer<PodObject>({
    connection,
    path: "/api/v1/pods",
    onTrouble,
    onEvent(event) {
      agent.handle(event);
      const before = event.type === "set" ? event.before : undefined;
      const relabelled = JSON.stringify(before?.metadata.labels) !== JSON.stringify(event.object.metadata.labels);
      if (event.type === "gone" || relabelled) mesh.changed();
    },
  });

  function recordAnswer(pod: PodObject, answered: Answered): void {
    served.count(workloadOf(pod.metadata), answered);
    const service = mesh
      .objects()
      .services.find(
        ({ metadata, spec }) =>
          namespaceOf(metadata) === pod.metadata.namespace &&
          spec.selector &&
          hasLabels(pod.metadata.labels, spec.selector),
      );
    const named = service && { name: service.metadata.name, namespace: namespaceOf(service.metadata) };
    const source = callers.get(answered.remoteAddress);
    podMetrics.record(
      destinationReport(answered.status, source, pod.metadata, named, answered.authority),
      answered.durationMs,
      pod.metadata.name,
    );
  }

  const control = await startControlServer(controlHandlers(mesh, agent, served));
  return {
    ready: {
      control: control.address,
      metrics: `${podExporter.address}${metricsPath}`,
      proxies: proxies.map((each) => each.ready),
    },
    async stop() {
      await control.stop();
      await Promise.all([
        mesh.stop(),
        pods.stop(),
        agent.stop(),
        podExporter.stop(),
        ...proxies.map((each) => each.stop()),
      ]);
      await client.close();
      await addresses.release();
    },
  };
}

interface ProxyContext {
  readonly address: string;
  readonly runFolder: string;
  readonly podAt: (address: string) => ObjectMeta | undefined;
  readonly onTrouble: (error: unknown) => void;
}

interface PreparedProxy {
  readonly controlled: ControlledProxy;
  readonly source: Source;
  readonly ready: WorldReady["proxies"][number];
  stop(): Promise<void>;
}

/** Writes the files that an Envoy starts from, serves its metrics, and follows its access log. */
async function prepareProxyOf(spec: ProxySpec, context: ProxyContext): Promise<PreparedProxy> {
  const { address, onTrouble } = context;
  const files = proxyFiles(join(context.runFolder, `proxy-${spec.name}`));
  prepareProxy(spec.name, address, files);
  const metrics = createIstioMetrics();
  const exporter = await startExporter(address, metrics);
  const source: Source = { workload: spec.workload, namespace: spec.client.namespace, labels: spec.client.labels };
  const admin = until(() => readAdminAddress(files.adminAddress), {
    timeout: envoyStartMs,
    what: `the admin address of ${spec.name}`,
  }).then(createEnvoyAdmin);
  const log = followAccessLog({
    path: files.accessLog,
    reopen: async () => (await admin).reopenLogs(),
    onTrouble,
    onEntry(entry) {
      const pod = entry.host === null ? undefined : context.podAt(entry.host.split(":")[0] ?? "");
      metrics.record(sourceReport(entry, source, pod), entry.duration);
    },
  });
  const writer = admin.then((ready) => createXdsWriter(address, files, ready));
  const deliver: XdsWriter["deliver"] = async (next) => (await writer).deliver(next);
  return {
    controlled: { name: spec.name, client: spec.client, writer: { deliver } },
    source,
    ready: { name: spec.name, address, folder: files.folder, metrics: exporter.address },
    async stop() {
      await Promise.all([log.stop(), exporter.stop()]);
    },
  };
}

function controlHandlers(
  mesh: MeshControl,
  agent: NodeAgent,
  served: ServedCounter,
): Readonly<Record<string, Handler>> {
  return {
    mesh: () => mesh.state(),
    objects: () => mesh.versions(),
    pods: () => agent.pods(),
    served: () => served.snapshot(),
    setProxy(body) {
      const { name, delayMs, frozen } = body as WorldRequests["proxy"];
      if (delayMs !== undefined) mesh.setDelay(name, delayMs);
      if (frozen !== undefined) mesh.setFrozen(name, frozen);
    },
    setPods(body) {
      const { selector, overrides } = body as WorldRequests["pods"];
      agent.override(selector, overrides ?? undefined);
    },
    setDependency(body) {
      const { name, down } = body as WorldRequests["dependency"];
      agent.setDependency(name, down);
    },
    setDebounce: (body) => mesh.setDebounce((body as WorldRequests["debounce"]).ms),
  };
}
