// Many releases of Services with many callers at once: from the sample that completes the evidence to the write.
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { kind } from "../../cluster/kubernetes.ts";
import { until } from "../../cluster/processes/until.ts";
import { deployment, manifest, namespaceObject, rollout, service } from "../../lab/app.ts";
import type { Lab, Operator } from "../../lab/lab.ts";
import type { Stored, StoredRollout } from "../../lab/shop.ts";
import { counting, startBenchLab, versionsOf, type BenchRun } from "../bench-lab.ts";
import type { BenchOptions } from "../options.ts";
import type { Split } from "./caller-metrics.ts";
import type { CallersOptions } from "./callers-process.ts";

export interface QueriesOutcome {
  /** Of every rollback: from the date of the sample that completed the evidence to the write of the routes. Milliseconds. */
  readonly latencies: readonly number[];
  /** Releases that ended otherwise than by the verdict on their errors. */
  readonly strayed: readonly string[];
  /** Series of the callers that Prometheus had. */
  readonly series: number;
  /** Of the operator, MiB: before any release, and the most in each wave. */
  readonly memory: { readonly before: number; readonly waves: readonly number[] };
  readonly versions: Readonly<Record<string, string>>;
}

/** One that was just made has no status. */
type Watched = Stored & Partial<Pick<StoredRollout, "status">>;

const rollouts = kind<Watched>("serin.dev/v1alpha1", "Rollout");
const virtualServices = kind<Stored>("networking.istio.io/v1", "VirtualService");
const deployments = kind<Stored>("apps/v1", "Deployment");
const app = { replicas: 2 };
const waves = ["product:v2", "product:v3"];
const canaryFails = 0.2;
const spec = {
  steps: [{ weight: 50 }, { weight: 100 }],
  analysis: { latency: { max: "500ms" }, minStepDuration: "30s" },
};

/** Resolves with what was measured; what was started belongs to the supervisor. */
export async function runQueries(options: BenchOptions, run: BenchRun): Promise<QueriesOutcome> {
  const { lab, operator, ended } = await startBenchLab(run, {}, { prometheusScrapeInterval: "5s", proxies: [] });
  return Promise.race([measure(lab, operator, options, run), ended]);
}

async function measure(lab: Lab, operator: Operator, options: BenchOptions, run: BenchRun): Promise<QueriesOutcome> {
  const namespaces = Array.from({ length: options.apps }, (_none, index) => `queries-${index + 1}`);
  const callers = await startCallers(lab, { ...options, services: namespaces });
  const follow = followReleases(lab, callers, run.signal);
  await lab.apply(manifest(...namespaces.map(namespaceObject)));
  await deploy(lab, namespaces, "product:v1");
  await lab.apply(manifest(...namespaces.map((namespace) => rollout({ namespace }, spec))));
  await follow.all("Ready", namespaces, ({ conditions = [] }) =>
    conditions.some(({ type, status }) => type === "Ready" && status === "True"),
  );
  const memory = watchMemory(operator);
  const before = await memory.most();
  const tell = counting(run.onProgress, "queries", "rollbacks", waves.length * namespaces.length);
  const most: number[] = [];
  for (const image of waves) {
    const ended = follow.ended(image, namespaces, tell);
    await deployInTurn(lab, namespaces, image, { spread: options.spread, signal: run.signal });
    await ended;
    most.push(await memory.most());
  }
  const series = await countSeries(lab);
  memory.stop();
  return {
    latencies: follow.latencies,
    strayed: follow.strayed,
    series,
    memory: { before, waves: most },
    versions: versionsOf(lab),
  };
}

/** One after the other within `spread` seconds; they are under way together all the same. */
async function deployInTurn(
  lab: Lab,
  namespaces: readonly string[],
  image: string,
  { spread, signal }: { readonly spread: number; readonly signal: AbortSignal },
): Promise<void> {
  const began = performance.now();
  for (const [index, namespace] of namespaces.entries()) {
    const left = began + (index / namespaces.length) * spread * 1_000 - performance.now();
    await pause(Math.max(0, left), undefined, { signal });
    await setImage(lab, namespace, image);
  }
}

/** By a client that is there already: a kubectl for each would take the machine from what is measured. */
async function setImage(lab: Lab, namespace: string, image: string): Promise<void> {
  const { spec: changed } = deployment({ ...app, namespace, image }) as {
    readonly spec: { readonly template: object };
  };
  const place = { namespace, name: "product" };
  await lab.cluster.client.patch(deployments, place, { spec: { template: changed.template } });
}

function deploy(lab: Lab, namespaces: readonly string[], image: string): Promise<void> {
  const objects = namespaces.flatMap((namespace) => {
    return [service({ namespace }), deployment({ ...app, namespace, image })];
  });
  return lab.apply(manifest(...objects));
}

interface Callers {
  split(splits: Readonly<Record<string, Split>>): void;
}

async function startCallers(lab: Lab, { callers, services, calls, rate }: CallersOptions): Promise<Callers> {
  const options: CallersOptions = { callers, services, calls, rate };
  const started = await lab.cluster.startProcess({
    name: "callers",
    command: process.execPath,
    args: [fileURLToPath(new URL("callers-process.ts", import.meta.url)), JSON.stringify(options)],
    stdin: "pipe",
    stdout: "pipe",
  });
  const { stdin, stdout } = started;
  if (stdin === undefined || stdout === undefined) throw new Error("the callers need pipes");
  const line = await new Promise<string>((resolve) => createInterface({ input: stdout }).once("line", resolve));
  const addresses = JSON.parse(line) as readonly string[];
  for (const address of addresses) lab.cluster.prometheus.addTarget({ job: "callers", address });
  await lab.cluster.prometheus.awaitScraped(addresses.at(-1) ?? "", 120_000);
  return { split: (splits) => void stdin.write(`${JSON.stringify(splits)}\n`) };
}

interface Release {
  /** When the last block of samples ended that was judged. */
  watermark?: number;
  /** When the routes were seen to be back. */
  backAt?: number;
}

/**
 * Callers split their requests as the routes say, and what the operator writes is noted when it comes: both by one watch
 * over all namespaces.
 */
function followReleases(lab: Lab, callers: Callers, signal: AbortSignal) {
  const latest = new Map<string, Watched>();
  const weights = new Map<string, number>();
  const releases = new Map<string, Release>();
  const latencies: number[] = [];
  const strayed: string[] = [];
  const split = (namespace: string) => {
    const { stable, canary } = latest.get(namespace)?.status ?? {};
    const share = (weights.get(namespace) ?? 0) / 100;
    const name = stable?.workload ?? "product";
    callers.split({
      [namespace]: { stable: name, canary: canary?.workload ?? "product-a", share, failing: canaryFails },
    });
  };
  const noteRollouts = (all: readonly Watched[]) => {
    for (const one of all) {
      const { namespace = "", resourceVersion } = one.metadata;
      if (latest.get(namespace)?.metadata.resourceVersion === resourceVersion) continue;
      const isFirst = !latest.has(namespace);
      latest.set(namespace, one);
      if (isFirst) split(namespace);
      const { release } = one.status ?? {};
      if (release?.decision === "Rollback" && release.analysis !== undefined)
        note(namespace, { watermark: Date.parse(release.analysis.watermark) });
    }
    return signal.aborted;
  };
  const noteRoutes = (all: readonly Stored[]) => {
    for (const one of all) {
      const { namespace = "" } = one.metadata;
      const weight = canaryWeight(one);
      const before = weights.get(namespace);
      if (weight === before) continue;
      weights.set(namespace, weight);
      split(namespace);
      if (before !== undefined && before > 0 && weight === 0) note(namespace, { backAt: Date.now() });
    }
    return signal.aborted;
  };
  const note = (namespace: string, found: Release) => {
    const known = releases.get(namespace) ?? {};
    const release = { ...found, ...known };
    releases.set(namespace, release);
    const isNew = known.watermark === undefined || known.backAt === undefined;
    if (isNew && release.watermark !== undefined && release.backAt !== undefined)
      latencies.push(release.backAt - release.watermark);
  };
  const day = 86_400_000;
  const { client } = lab.cluster;
  const watching = Promise.all([
    client.watchUntil({ kind: rollouts, timeout: day }, noteRollouts),
    client.watchUntil({ kind: virtualServices, timeout: day }, noteRoutes),
  ]);
  // A watch that broke is told by whoever waits for what it should see.
  let broken: unknown;
  watching.catch((error: unknown) => (broken = error));

  function all(
    what: string,
    namespaces: readonly string[],
    isSo: (status: StoredRollout["status"], namespace: string) => boolean,
  ): Promise<boolean> {
    const found = () => {
      if (broken !== undefined) throw new Error("a watch broke", { cause: broken });
      return namespaces.every((namespace) => {
        const one = latest.get(namespace);
        return one?.status !== undefined && isSo(one.status, namespace);
      });
    };
    return until(found, { timeout: 300_000, every: 100, what: `${namespaces.length} Rollouts: ${what}`, signal });
  }
  return {
    latencies,
    strayed,
    all,
    async ended(image: string, namespaces: readonly string[], tell: () => void) {
      releases.clear();
      const told = new Set<string>();
      await all(`the end of ${image}`, namespaces, ({ release, history = [] }, namespace) => {
        const [entry] = history;
        const isOver = release === undefined && entry?.image === image;
        if (!isOver || told.has(namespace)) return isOver;
        told.add(namespace);
        tell();
        if (entry.reason !== "ErrorRateTooHigh")
          strayed.push(`${namespace} ${image}: ${entry.reason ?? entry.outcome}`);
        return true;
      });
    },
  };
}

function canaryWeight({ spec: { http } }: Stored): number {
  const [first] = (http ?? []) as readonly {
    readonly route: readonly { readonly weight?: number; readonly destination: { readonly subset?: string } }[];
  }[];
  return first?.route.find(({ destination }) => destination.subset === "canary")?.weight ?? 0;
}

/** The operator's memory, twice a second. */
function watchMemory({ metricsUrl }: Operator) {
  let most = 0;
  const look = async () => {
    const text = await (await fetch(`${metricsUrl}/metrics`)).text();
    const bytes = Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1] ?? 0);
    most = Math.max(most, bytes / 2 ** 20);
  };
  const timer = setInterval(() => void look().catch(() => undefined), 500);
  return {
    /** MiB, the most since it was asked last. */
    async most() {
      await look();
      const seen = Math.round(most);
      most = 0;
      return seen;
    },
    stop: () => clearInterval(timer),
  };
}

async function countSeries(lab: Lab): Promise<number> {
  const query = new URLSearchParams({ query: 'count({job="callers",__name__=~"istio_.*"})' });
  const answer = (await (await fetch(`${lab.cluster.prometheusUrl}/api/v1/query?${query.toString()}`)).json()) as {
    data: { result: readonly { value: readonly [number, string] }[] };
  };
  return Number(answer.data.result[0]?.value[1] ?? 0);
}
