import { join } from "node:path";
import { request } from "undici";
import { startCluster, type LocalCluster } from "../cluster.ts";
import { startLoad, type Load } from "../load/load.ts";
import { until } from "../processes/until.ts";
import { startWorld, type World } from "../world/world.ts";

export interface Fixture {
  readonly cluster: LocalCluster;
  readonly world: World;
  /** One call of a Service through a proxy. */
  call(proxy: string, host: string, headers?: Readonly<Record<string, string>>): Promise<{ status: number; version: string | undefined }>;
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
  const world = await startWorld({ kubeconfig, runFolder, envoyPath: provided.envoy.path, startProcess, registerScrapeTarget });
  let loads = 0;
  return {
    cluster,
    world,
    async call(proxy, host, headers = {}) {
      const answer = await request(`http://${world.proxy(proxy).port(8080)}/`, { headers: { host, ...headers } });
      await answer.body.dump();
      const version = answer.headers["x-version"];
      return { status: answer.statusCode, version: typeof version === "string" ? version : undefined };
    },
    load(proxy, host, rate, timeoutMs = 5000) {
      loads += 1;
      const proxyAddress = world.proxy(proxy).port(8080);
      return startLoad({ vegetaPath: provided.vegeta.path, startProcess, proxyAddress, host, rate, timeoutMs, name: `load-${loads}` });
    },
    async settled() {
      const before = Date.now();
      // The watch and the debounce come first: a change that was written now is pushed within a quiet time of events.
      await until(
        async () => {
          const { pushedAt, generation, proxies, quiet } = await world.mesh();
          const quietSince = Math.max(pushedAt, before) + 300;
          return quiet && Date.now() > quietSince && Object.values(proxies).every((each) => each.frozen || each.generation === generation);
        },
        { timeout: settleMs, what: "the delivery of the last change" },
      );
    },
    async stop() {
      await world.stop();
      await cluster.stop();
    },
  };
}
