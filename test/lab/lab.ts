import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { parse, parseAllDocuments, stringify } from "yaml";
import { startCluster, type ClusterOptions, type LocalCluster } from "../cluster/cluster.ts";
import { startLoad, type Load } from "../cluster/load/load.ts";
import { istiodTimes } from "../cluster/mesh/debounce.ts";
import { freePorts } from "../cluster/processes/ports.ts";
import type { SupervisedProcess } from "../cluster/processes/supervised.ts";
import { startWorld, type World } from "../cluster/world/world.ts";

const root = new URL("../../", import.meta.url);

/**
 * Cases share one mesh and change it all the time, so istiod's wait for a quiet moment would end at its limit of 10 s
 * for every one of them. No cluster of that size has so many changes; a proxy that is late is a case of its own.
 */
const debounce = { ...istiodTimes, maxMs: 1_000 };

/** The local cluster with pods, proxies and metrics, and the product installed in it as its README says. */
export interface Lab {
  readonly cluster: LocalCluster;
  readonly world: World;
  /** kubectl with what it printed; rejects with its own words when it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  apply(manifest: string): Promise<void>;
  startOperator(flags?: Readonly<Record<string, string>>, name?: string): Promise<Operator>;
  startLoad(options: {
    namespace: string;
    rate: number;
    service?: string;
    headers?: Record<string, string>;
  }): Promise<Load>;
  /** Whether the callers' proxy has an answer for a Service: it learns of pods a moment after they are ready. */
  isReached(namespace: string, service?: string): Promise<boolean>;
  /** What the callers' proxy logged about the failed requests to the Services of a namespace, a line each. */
  failedCalls(namespace: string): readonly string[];
  stop(): Promise<void>;
}

/** An operator as a process of its own, started with public flags only. */
export interface Operator {
  readonly process: SupervisedProcess;
  readonly metricsUrl: string;
  stop(): Promise<void>;
}

/** Starts the lab; when that fails, nothing of it is left. The operator is not part of it: start one. */
export async function startLab(options: ClusterOptions = {}): Promise<Lab> {
  const cluster = await startCluster(options);
  try {
    await install(cluster);
    const world = await startWorld({
      kubeconfig: cluster.kubeconfig,
      runFolder: join(cluster.runFolder, "world"),
      envoyPath: cluster.provided.envoy.path,
      startProcess: cluster.startProcess,
      registerScrapeTarget: cluster.registerScrapeTarget,
      debounce,
    });
    return labOf(cluster, world);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function labOf(cluster: LocalCluster, world: World): Lab {
  const kubectl = (args: readonly string[], input?: string) => runKubectl(cluster, args, input);
  return {
    cluster,
    world,
    kubectl,
    apply: async (manifest) => {
      await kubectl(["apply", "--server-side", "--field-manager=git", "--force-conflicts", "-f", "-"], manifest);
    },
    startOperator: (flags = {}, name = "operator") => startOperator(cluster, flags, name),
    startLoad: ({ namespace, rate, service = "product", headers = {} }) =>
      startLoad({
        vegetaPath: cluster.provided.vegeta.path,
        startProcess: cluster.startProcess,
        proxyAddress: world.proxy("client").port(8080),
        host: `${service}.${namespace}:8080`,
        rate,
        headers,
        name: `load-${namespace}-${service}`,
      }),
    async isReached(namespace, service = "product") {
      const url = `http://${world.proxy("client").port(8080)}/`;
      const { statusCode, body } = await request(url, { headers: { host: `${service}.${namespace}:8080` } });
      await body.dump();
      return statusCode !== 503 && statusCode !== 404;
    },
    failedCalls(namespace) {
      const log = readFileSync(join(cluster.runFolder, "world", "proxy-client", "access.log"), "utf8");
      const lines = log.split("\n").filter((line) => line.includes(`.${namespace}:`));
      return lines.filter((line) => /"code":(0|[45]\d\d)\b/.test(line));
    },
    stop: () => cluster.stop(),
  };
}

async function runKubectl(cluster: LocalCluster, args: readonly string[], input: string | undefined): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input === undefined ? {} : { input });
  if (code === 0) return stdout;
  throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
}

/**
 * What the README tells a user to apply, all but the Deployment: the operator runs beside the cluster, as the
 * ServiceAccount and with the rights that it would have in it.
 */
async function install(cluster: LocalCluster): Promise<void> {
  const definitions = readFileSync(new URL("crds/rollouts.serin.dev.yaml", root), "utf8");
  await runKubectl(cluster, ["apply", "--server-side", "-f", "-"], definitions);
  await runKubectl(
    cluster,
    ["wait", "--for=condition=Established", "crd/rollouts.serin.dev", "--timeout=30s"],
    undefined,
  );
}

/** A kubeconfig of the operator's ServiceAccount, as a pod of it would have. */
async function operatorKubeconfig(cluster: LocalCluster): Promise<string> {
  const manifests = parseAllDocuments(readFileSync(new URL("deploy/operator.yaml", root), "utf8"));
  const rights = manifests
    .map((document) => document.toJS() as { readonly kind: string })
    .filter(({ kind }) => kind !== "Deployment");
  await runKubectl(
    cluster,
    ["apply", "--server-side", "-f", "-"],
    rights.map((object) => stringify(object)).join("---\n"),
  );
  const token = await runKubectl(
    cluster,
    ["create", "token", "serin-operator", "-n", "serin-system", "--duration=6h"],
    undefined,
  );
  const config = parse(readFileSync(cluster.kubeconfig, "utf8")) as { users: { user: object }[] };
  for (const entry of config.users) entry.user = { token: token.trim() };
  const path = join(cluster.runFolder, "operator.kubeconfig");
  writeFileSync(path, stringify(config));
  return path;
}

async function startOperator(
  cluster: LocalCluster,
  flags: Readonly<Record<string, string>>,
  name: string,
): Promise<Operator> {
  const [port = 0, webhookPort = 0] = await freePorts(2);
  const settings: Record<string, string> = {
    kubeconfig: await operatorKubeconfig(cluster),
    "prometheus-address": cluster.prometheusUrl,
    "metrics-address": `127.0.0.1:${port}`,
    "webhook-address": `127.0.0.1:${webhookPort}`,
    "webhook-url": `https://127.0.0.1:${webhookPort}`,
    ...flags,
  };
  const args = Object.entries(settings).flatMap(([flag, value]) => [`--${flag}`, value]);
  const metricsUrl = `http://127.0.0.1:${port}`;
  const process = await cluster.startProcess({
    name,
    command: globalThis.process.execPath,
    args: [fileURLToPath(new URL("src/main.ts", root)), "operator", ...args],
    ready: () => isReady(metricsUrl),
    readyTimeoutMs: 60_000,
  });
  return { process, metricsUrl, stop: () => process.stop() };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`)).ok;
  } catch {
    return false;
  }
}
