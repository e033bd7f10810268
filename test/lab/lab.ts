import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { startCluster, type ClusterOptions, type LocalCluster } from "../cluster/cluster.ts";
import { startLoad, type Load } from "../cluster/load/load.ts";
import { istiodTimes } from "../cluster/mesh/debounce.ts";
import { onFreePorts } from "../cluster/processes/ports.ts";
import type { SupervisedProcess } from "../cluster/processes/supervised.ts";
import { standardProxies } from "../cluster/world/config.ts";
import { startWorld, type World, type WorldOptions } from "../cluster/world/world.ts";
import { installSerin, kubectl as runKubectl, operatorKubeconfig } from "./installation.ts";

const root = new URL("../../", import.meta.url);

/**
 * Cases share one mesh and change it all the time, so istiod's wait for a quiet moment would end at its limit of 10 s
 * for every one of them. No cluster of that size has so many changes; a proxy that is late is a case of its own.
 */
const debounce = { ...istiodTimes, maxMs: 1_000 };

/** The one proxy through which the load comes; every other costs the machine as much again. */
const callers = standardProxies.filter(({ name }) => name === "client");

/** The local cluster with pods, proxies and metrics, and the product installed in it as its README says. */
export interface Lab {
  readonly cluster: LocalCluster;
  readonly world: World;
  /** kubectl with what it printed; rejects with its own words when it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  apply(manifest: string): Promise<void>;
  /** Applies what the product consists of beside its pods, as was done when the lab was started. */
  install(): Promise<void>;
  startOperator(flags?: Readonly<Record<string, string>>, name?: string): Promise<Operator>;
  /** Path of a kubeconfig of the operator's ServiceAccount. */
  operatorKubeconfig(): Promise<string>;
  startLoad(options: {
    namespace: string;
    rate: number;
    service?: string;
    headers?: Record<string, string>;
    /** Whose proxy the requests go through; `client` unless told. */
    proxy?: string;
  }): Promise<Load>;
  /** Whether the callers' proxy has an answer for a Service: it learns of pods a moment after they are ready. */
  isReached(namespace: string, service?: string, proxy?: string): Promise<boolean>;
  /** What the callers' proxies logged about the failed requests to the Services of a namespace, a line each. */
  failedCalls(namespace: string): readonly string[];
  stop(): Promise<void>;
}

/** An operator as a process of its own, started with public flags only. */
export interface Operator {
  readonly process: SupervisedProcess;
  readonly metricsUrl: string;
  stop(): Promise<void>;
}

/** The callers' proxies; one unless told. */
export type LabMesh = Pick<WorldOptions, "proxies" | "podsApart"> & {
  /** Whether the product is not installed: the test does that itself. */
  readonly bare?: boolean;
};

/** Starts the lab; when that fails, nothing of it is left. The operator is not part of it: start one. */
export async function startLab(options: ClusterOptions = {}, mesh: LabMesh = {}): Promise<Lab> {
  const cluster = await startCluster(options);
  try {
    if (mesh.bare !== true) await installSerin(cluster, options.kubernetes ?? "1.36");
    const world = await startWorld({
      kubeconfig: cluster.kubeconfig,
      runFolder: join(cluster.runFolder, "world"),
      envoyPath: cluster.provided.envoy.path,
      startProcess: cluster.startProcess,
      registerScrapeTarget: cluster.registerScrapeTarget,
      debounce,
      proxies: mesh.proxies ?? callers,
      ...(mesh.podsApart === undefined ? {} : { podsApart: mesh.podsApart }),
    });
    return labOf(cluster, world, options.kubernetes ?? "1.36");
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function labOf(cluster: LocalCluster, world: World, kubernetes: "1.34" | "1.36"): Lab {
  const kubectl = (args: readonly string[], input?: string) => runKubectl(cluster, args, input);
  return {
    cluster,
    world,
    kubectl,
    apply: async (manifest) => {
      await kubectl(["apply", "--server-side", "--field-manager=git", "--force-conflicts", "-f", "-"], manifest);
    },
    install: () => installSerin(cluster, kubernetes),
    startOperator: (flags = {}, name = "operator") =>
      startOperator(cluster, { hold: kubernetes === "1.36" ? "policy" : "webhook", ...flags }, name),
    operatorKubeconfig: () => operatorKubeconfig(cluster),
    startLoad: ({ namespace, rate, service = "product", headers = {}, proxy = "client" }) =>
      startLoad({
        vegetaPath: cluster.provided.vegeta.path,
        startProcess: cluster.startProcess,
        proxyAddress: world.proxy(proxy).port(8080),
        host: `${service}.${namespace}:8080`,
        rate,
        headers,
        name: `load-${namespace}-${service}-${proxy}`,
      }),
    async isReached(namespace, service = "product", proxy = "client") {
      const { fall } = world.proxy(proxy).process;
      if (fall !== undefined) throw new Error(fall);
      const url = `http://${world.proxy(proxy).port(8080)}/`;
      const { statusCode, body } = await request(url, { headers: { host: `${service}.${namespace}:8080` } });
      await body.dump();
      return statusCode !== 503 && statusCode !== 404;
    },
    failedCalls(namespace) {
      const logs = world.proxies.map(({ name }) => join(cluster.runFolder, "world", `proxy-${name}`, "access.log"));
      const log = logs.map((path) => readFileSync(path, "utf8")).join("\n");
      const lines = log.split("\n").filter((line) => line.includes(`.${namespace}:`));
      return lines.filter((line) => /"code":(0|[45]\d\d)\b/.test(line));
    },
    stop: () => cluster.stop(),
  };
}

async function startOperator(
  cluster: LocalCluster,
  flags: Readonly<Record<string, string>>,
  name: string,
): Promise<Operator> {
  const kubeconfig = flags["kubeconfig"] ?? (await operatorKubeconfig(cluster));
  return onFreePorts(2, async ([port = 0, webhookPort = 0]) => {
    const settings: Record<string, string> = {
      "prometheus-address": cluster.prometheusUrl,
      "metrics-address": `127.0.0.1:${port}`,
      "webhook-address": `127.0.0.1:${webhookPort}`,
      "webhook-url": `https://127.0.0.1:${webhookPort}`,
      ...flags,
      kubeconfig,
    };
    const args = Object.entries(settings).flatMap(([flag, value]) =>
      value === "true" ? [`--${flag}`] : [`--${flag}`, value],
    );
    const metricsUrl = `http://127.0.0.1:${port}`;
    const process = await cluster.startProcess({
      name,
      command: globalThis.process.execPath,
      args: [fileURLToPath(new URL("src/main.ts", root)), "operator", ...args],
      ready: () => isReady(metricsUrl),
      readyTimeoutMs: 60_000,
    });
    return { process, metricsUrl, stop: () => process.stop() };
  });
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}
