import { join } from "node:path";
import { createKubernetesClient, readConnection } from "../kubernetes.ts";
import { startMeshControl } from "../mesh/control.ts";
import { createEnvoyAdmin, readAdminAddress } from "../mesh/envoy-admin.ts";
import { hasLabels, namespaceOf } from "../mesh/hosts.ts";
import { prepareProxy, createXdsWriter } from "../mesh/xds-files.ts";
import { proxyFiles } from "../mesh/local-envoy.ts";
import type { Answered } from "../node-agent/pod-server.ts";
import type { PodObject } from "../node-agent/pod-status.ts";
import { startNodeAgent } from "../node-agent/node-agent.ts";
import { until } from "../processes/until.ts";
import { followAccessLog, type AccessLogEntry } from "../telemetry/access-log.ts";
import { startExporter, metricsPath } from "../telemetry/exporter.ts";
import { createIstioMetrics } from "../telemetry/istio-metrics.ts";
import { destinationReport, sourceReport, type Source } from "../telemetry/labels.ts";
import { claimAddressSpace } from "./addresses.ts";
import type { ProxySpec, WorldConfig, WorldReady, WorldRequests } from "./config.ts";
import { startControlServer } from "./control-server.ts";
import { startInformer } from "./informer.ts";
import { createServedCounts } from "./served.ts";
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
  const podMetrics = createIstioMetrics();
  const podExporter = await startExporter(addresses.infrastructure(1), podMetrics);
  const stopping: (() => Promise<void>)[] = [];

  const agent = startNodeAgent({ client, addresses, drainMs: config.drainMs, onTrouble, onAnswered: recordAnswer });
  const proxies = await Promise.all(config.proxies.map((spec, index) => prepare(spec, addresses.infrastructure(firstProxyIndex + index))));
  const mesh = startMeshControl({ connection, proxies: proxies.map((each) => each.controlled), pods: () => [...pods.objects.values()], debounceMs: config.debounceMs, onTrouble });
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
      .services.find(({ metadata, spec }) => namespaceOf(metadata) === pod.metadata.namespace && spec.selector && hasLabels(pod.metadata.labels, spec.selector));
    const named = service && { name: service.metadata.name, namespace: namespaceOf(service.metadata) };
    const source = callers.get(answered.remoteAddress);
    podMetrics.record(destinationReport(answered.status, source, pod.metadata, named, answered.authority), answered.durationMs);
  }

  async function prepare(spec: ProxySpec, address: string) {
    const files = proxyFiles(join(config.runFolder, `proxy-${spec.name}`));
    prepareProxy(spec.name, address, files);
    const metrics = createIstioMetrics();
    const exporter = await startExporter(address, metrics);
    const source: Source = { workload: spec.workload, namespace: spec.client.namespace, labels: spec.client.labels };
    callers.set(address, source);
    const admin = until(async () => readAdminAddress(files.adminAddress), { timeout: envoyStartMs, what: `the admin address of ${spec.name}` }).then(createEnvoyAdmin);
    const log = followAccessLog({
      path: files.accessLog,
      reopen: async () => (await admin).reopenLogs(),
      onTrouble,
      onEntry(entry: AccessLogEntry) {
        const pod = entry.host === null ? undefined : agent.podAt(entry.host.split(":")[0] ?? "");
        metrics.record(sourceReport(entry, source, pod?.metadata), entry.duration);
      },
    });
    stopping.push(() => log.stop(), () => exporter.stop());
    const writer = admin.then((ready) => createXdsWriter(address, files, ready));
    const controlled = { name: spec.name, client: spec.client, writer: { deliver: async (next: Parameters<Awaited<typeof writer>["deliver"]>[0]) => (await writer).deliver(next) } };
    return { controlled, ready: { name: spec.name, address, folder: files.folder, metrics: exporter.address } };
  }

  const control = await startControlServer({
    mesh: () => mesh.state(),
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
  });

  return {
    ready: { control: control.address, metrics: `${podExporter.address}${metricsPath}`, proxies: proxies.map((each) => each.ready) },
    async stop() {
      await control.stop();
      await Promise.all([mesh.stop(), pods.stop(), agent.stop(), podExporter.stop(), ...stopping.map((stop) => stop())]);
      await client.close();
      await addresses.release();
    },
  };
}
