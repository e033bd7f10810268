import { join } from "node:path";
import { request } from "undici";
import { startCluster, type LocalCluster } from "../cluster.ts";
import { kind, type KubernetesClient, type KubernetesObject } from "../kubernetes.ts";
import { startLoad, type Load } from "../load/load.ts";
import type { MeshState } from "../mesh/control.ts";
import { until } from "../processes/until.ts";
import { startWorld, type World } from "../world/world.ts";
import { DestinationRules, VirtualServices } from "./web.ts";

export interface Fixture {
  readonly cluster: LocalCluster;
  readonly world: World;
  /** One call of a Service through a proxy. */
  call(
    proxy: string,
    host: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; version: string | undefined }>;
  load(proxy: string, host: string, rate: number, timeoutMs?: number): Promise<Load>;
  /** Resolves when every proxy uses what was last written. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

const settleMs = 20_000;

/** A cluster with its data plane. */
export async function startFixture(): Promise<Fixture> {
  const cluster = await startCluster();
  const { kubeconfig, startProcess, registerScrapeTarget, provided } = cluster;
  const runFolder = join(cluster.runFolder, "world");
  const world = await startWorld({
    kubeconfig,
    runFolder,
    envoyPath: provided.envoy.path,
    startProcess,
    registerScrapeTarget,
  });
  let loads = 0;
  return {
    cluster,
    world,
    async call(proxy, host, headers = {}) {
      const answer = await request(`http://${world.proxy(proxy).port(8080)}/`, {
        headers: { host, ...headers },
        headersTimeout: 5000,
      });
      await answer.body.dump();
      const version = answer.headers["x-version"];
      return { status: answer.statusCode, version: typeof version === "string" ? version : undefined };
    },
    load(proxy, host, rate, timeoutMs = 5000) {
      loads += 1;
      const proxyAddress = world.proxy(proxy).port(8080);
      return startLoad({
        vegetaPath: provided.vegeta.path,
        startProcess,
        proxyAddress,
        host,
        rate,
        timeoutMs,
        name: `load-${loads}`,
      });
    },
    settled: () =>
      until(async () => (await hasSeenAll(cluster.client, world)) && hasDelivered(await world.mesh()), {
        timeout: settleMs,
        what: "the delivery of the last change",
      }).then(() => undefined),
    async stop() {
      await world.stop();
      await cluster.stop();
    },
  };
}

const meshKinds = [
  kind<KubernetesObject>("v1", "Service"),
  kind<KubernetesObject>("discovery.k8s.io/v1", "EndpointSlice"),
  VirtualServices,
  DestinationRules,
];

/** Whether the mesh knows every object in the version that the API server has. */
async function hasSeenAll(client: KubernetesClient, world: World): Promise<boolean> {
  const live = await Promise.all(meshKinds.map((each) => client.list<KubernetesObject>(each)));
  const seen = await world.seen();
  const objects = live.flatMap(({ items }) => items);
  return objects.every(({ kind: name, metadata }) => {
    const key = `${name ?? ""}/${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
    return seen[key] === metadata?.resourceVersion;
  });
}

function hasDelivered({ quiet, generation, proxies }: MeshState): boolean {
  return quiet && Object.values(proxies).every((proxy) => proxy.frozen || proxy.generation === generation);
}
