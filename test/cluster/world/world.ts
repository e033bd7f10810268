import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { createEnvoyAdmin, readAdminAddress, type EnvoyAdmin } from "../mesh/envoy-admin.ts";
import type { MeshState, ProxyState } from "../mesh/control.ts";
import { istiodTimes, type DebounceTimes } from "../mesh/debounce.ts";
import { proxyFiles } from "../mesh/local-envoy.ts";
import type { BehaviourOverrides } from "../node-agent/behaviour.ts";
import type { PodSelector, PodSummary } from "../node-agent/node-agent.ts";
import type { SupervisedProcess } from "../processes/supervised.ts";
import { until } from "../processes/until.ts";
import { metricsPath } from "../telemetry/exporter.ts";
import { servedPort } from "./addresses.ts";
import { standardProxies, type ProxySpec, type WorldConfig, type WorldReady, type WorldRequests } from "./config.ts";
import type { RegisterScrapeTarget, StartProcess } from "./ports.ts";
import type { ServedCounts } from "./served.ts";

export interface WorldOptions {
  readonly kubeconfig: string;
  /** A folder of its own: configuration, Envoy's files, access logs. */
  readonly runFolder: string;
  readonly envoyPath: string;
  readonly startProcess: StartProcess;
  readonly registerScrapeTarget?: RegisterScrapeTarget;
  readonly proxies?: readonly ProxySpec[];
  /** How long istiod waits for quiet before it pushes, and at most where changes never cease. */
  readonly debounce?: DebounceTimes;
  /** Whether what pods' proxies report says which pod it was; not, unless told: it costs many series. */
  readonly podsApart?: boolean;
  /** How long a pod goes on serving after its deletion was asked for. */
  readonly drainMs?: number;
}

export interface ProxyHandle {
  readonly name: string;
  readonly address: string;
  readonly admin: EnvoyAdmin;
  /** Where its Envoy exposes Istio's metrics. */
  readonly metrics: string;
  readonly process: SupervisedProcess;
  /** Where it listens for calls to a Service's port. */
  port(servicePort: number): string;
  /** Every snapshot from now on arrives that much later. */
  delay(ms: number): Promise<void>;
  freeze(): Promise<void>;
  unfreeze(): Promise<void>;
  state(): Promise<ProxyState>;
}

export interface World {
  readonly proxies: readonly ProxyHandle[];
  proxy(name: string): ProxyHandle;
  readonly pods: {
    set(selector: PodSelector, overrides: BehaviourOverrides): Promise<void>;
    clear(selector: PodSelector): Promise<void>;
    list(): Promise<readonly PodSummary[]>;
  };
  readonly dependencies: { down(name: string): Promise<void>; up(name: string): Promise<void> };
  served(): Promise<ServedCounts>;
  mesh(): Promise<MeshState>;
  /** The resourceVersions that the mesh has seen: `<kind>/<namespace>/<name>`. */
  seen(): Promise<Readonly<Record<string, string>>>;
  setDebounce(ms: number): Promise<void>;
  /** File with what troubled it. */
  readonly log: string;
  stop(): Promise<void>;
}

const script = fileURLToPath(new URL("../bin/world.ts", import.meta.url));
const startMs = 60_000;

/** Starts the data plane of a local cluster and waits until every proxy has its first configuration. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const { startProcess, registerScrapeTarget } = options;
  const { process: world, ready } = await startWorldProcess(options);
  const call = caller(ready.control);
  const proxies: ProxyHandle[] = [];
  for (const each of ready.proxies) proxies.push(await startProxy(each, options.envoyPath, startProcess, call));
  await until(
    async () => Object.values((await call<MeshState>("mesh")).proxies).every(({ generation }) => generation > 0),
    {
      timeout: startMs,
      what: "the first configuration of every proxy",
    },
  );
  if (registerScrapeTarget !== undefined) await registerAll(ready, registerScrapeTarget);

  return {
    proxies,
    log: world.log,
    proxy(name) {
      const found = proxies.find((each) => each.name === name);
      if (found === undefined) throw new Error(`no proxy ${name}`);
      return found;
    },
    pods: {
      set: (selector, overrides) => call("setPods", { selector, overrides } satisfies WorldRequests["pods"]),
      clear: (selector) => call("setPods", { selector, overrides: null } satisfies WorldRequests["pods"]),
      list: () => call("pods"),
    },
    dependencies: {
      down: (name) => call("setDependency", { name, down: true } satisfies WorldRequests["dependency"]),
      up: (name) => call("setDependency", { name, down: false } satisfies WorldRequests["dependency"]),
    },
    served: () => call("served"),
    mesh: () => call("mesh"),
    seen: () => call("objects"),
    setDebounce: (ms) => call("setDebounce", { ms } satisfies WorldRequests["debounce"]),
    async stop() {
      await Promise.all(proxies.map((proxy) => proxy.process.stop()));
      world.stdin?.end();
      await world.stop();
    },
  };
}

async function startWorldProcess(options: WorldOptions): Promise<{ process: SupervisedProcess; ready: WorldReady }> {
  const { kubeconfig, runFolder, proxies = standardProxies, debounce = istiodTimes, drainMs = 2000 } = options;
  const { podsApart = false } = options;
  mkdirSync(runFolder, { recursive: true });
  const config: WorldConfig = { kubeconfig, runFolder, proxies, debounce, drainMs, podsApart };
  const path = join(runFolder, "world.json");
  writeFileSync(path, JSON.stringify(config, undefined, 2));
  const started = await options.startProcess({
    name: "world",
    command: process.execPath,
    args: [script, path],
    stdin: "pipe",
    stdout: "pipe",
  });
  if (started.stdout === undefined) throw new Error("the world's output is not a pipe");
  const line = await Promise.race([
    firstLine(started.stdout),
    started.exited.then(({ code }) => {
      throw new Error(`the world ended (code ${code}) before it was ready; see ${started.log}`);
    }),
  ]);
  return { process: started, ready: JSON.parse(line) as WorldReady };
}

function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve) => createInterface({ input: stream }).once("line", resolve));
}

type Call = <T>(name: string, body?: unknown) => Promise<T>;

function caller(control: string): Call {
  return async <T>(name: string, body?: unknown) => {
    const response = await request(`http://${control}/${name}`, {
      method: body === undefined ? "GET" : "POST",
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.body.text();
    if (response.statusCode !== 200) throw new Error(text);
    return JSON.parse(text) as T;
  };
}

async function startProxy(
  { name, address, folder, metrics }: WorldReady["proxies"][number],
  envoyPath: string,
  startProcess: StartProcess,
  call: Call,
): Promise<ProxyHandle> {
  const files = proxyFiles(folder);
  const once = [
    "--disable-hot-restart",
    "--concurrency",
    "1",
    "--log-level",
    "warning",
    "--file-flush-interval-msec",
    "100",
  ];
  const supervised = await startProcess({
    name: `envoy-${name}`,
    command: envoyPath,
    args: ["-c", files.bootstrap, "--admin-address-path", files.adminAddress, ...once],
    ready: async () => (await readAdminAddress(files.adminAddress)) !== undefined,
    readyTimeoutMs: startMs,
  });
  const adminAddress = await readAdminAddress(files.adminAddress);
  const set = (change: Omit<WorldRequests["proxy"], "name">): Promise<void> => call("setProxy", { name, ...change });
  return {
    name,
    address,
    admin: createEnvoyAdmin(adminAddress ?? ""),
    metrics: `http://${metrics}${metricsPath}`,
    process: supervised,
    port: (servicePort) => `${address}:${servedPort(servicePort)}`,
    delay: (delayMs) => set({ delayMs }),
    freeze: () => set({ frozen: true }),
    unfreeze: () => set({ frozen: false }),
    async state() {
      const state = (await call<MeshState>("mesh")).proxies[name];
      if (state === undefined) throw new Error(`the mesh does not know ${name}`);
      return state;
    },
  };
}

async function registerAll(ready: WorldReady, register: RegisterScrapeTarget): Promise<void> {
  for (const { name, metrics } of ready.proxies) {
    await register({ job: "istio-proxies", address: metrics, path: metricsPath, labels: { proxy: name } });
  }
  const [address = ""] = ready.metrics.split("/");
  await register({ job: "istio-pods", address, path: metricsPath, labels: {} });
}
