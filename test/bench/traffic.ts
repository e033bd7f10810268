// Rollbacks under load: how long requests still reach the canary, and what is written on the way.
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import type { Lab, Operator } from "../lab/lab.ts";
import { openShop, type Shop, type Stored } from "../lab/shop.ts";
import { counting, shareOut, startBenchLab, versionsOf, type BenchRun } from "./bench-lab.ts";
import type { BenchOptions } from "./options.ts";

export interface RollbackResult {
  readonly image: string;
  readonly reason: string | undefined;
  /** From the decision to the last request that the canary got, milliseconds. */
  readonly milliseconds: number;
  /** Versions of the VirtualService and of the DestinationRule that were stored in the release. */
  readonly istioWrites: number;
}

export interface TrafficAppResult {
  readonly namespace: string;
  readonly rollbacks: readonly RollbackResult[];
  readonly foreignWrites: number;
  readonly rewrites: number;
  readonly requests: number;
  readonly failed: number;
  readonly failures: readonly string[];
}

export interface TrafficOutcome {
  readonly apps: readonly TrafficAppResult[];
  /** Writes of every kind that the operator asked the API server for: status, events and its Lease included. */
  readonly writes: number;
  readonly versions: Readonly<Record<string, string>>;
}

const virtualServices = kind<Stored>("networking.istio.io/v1", "VirtualService");
const destinationRules = kind<Stored>("networking.istio.io/v1", "DestinationRule");

const weight = 50;
const spec = {
  steps: [{ weight }, { pause: {} }, { weight: 100 }],
  analysis: { minStepDuration: "1s", maxStepDuration: "2s", onInsufficientTraffic: "promote" },
};

/** Resolves with what became of each app; what was started belongs to the supervisor. */
export async function runTraffic(options: BenchOptions, run: BenchRun): Promise<TrafficOutcome> {
  const { signal, onProgress } = run;
  const { lab, operator, ended } = await startBenchLab(run, { "evidence-period": "2s" });
  const tell = counting(onProgress, "traffic", "rollbacks", options.rollbacks);
  const shares = shareOut(options.rollbacks, options.apps);
  const apps = shares.map((rollbacks, index) => runApp({ lab, rate: options.rate, signal, rollbacks, index, tell }));
  const results = await Promise.race([Promise.all(apps), ended]);
  return { apps: results, writes: await writesOf(operator), versions: versionsOf(lab) };
}

interface AppRun {
  readonly lab: Lab;
  readonly rate: number;
  readonly signal: AbortSignal;
  readonly rollbacks: number;
  readonly index: number;
  readonly tell: () => void;
}

async function runApp({ lab, rate, signal, rollbacks, index, tell }: AppRun): Promise<TrafficAppResult> {
  const namespace = `bench-${index + 1}`;
  const shop = await openShop(lab, namespace, { spec, rate });
  const ended = new AbortController();
  const versions = countVersions(lab, namespace, AbortSignal.any([signal, ended.signal]));
  const results: RollbackResult[] = [];
  let foreign = { foreignWrites: 0, rewrites: 0 };
  for (let number = 2; number < rollbacks + 2; number += 1) {
    signal.throwIfAborted();
    const before = versions.stored;
    await shop.release(`product:v${number}`);
    await shop.untilRollout("the pause", ({ status }) => status.phase === "Paused");
    const disturbed = versions.stored;
    if (number === 2) foreign = await disturb(lab, shop, versions);
    const extra = versions.stored - disturbed;
    const { reason, milliseconds } = await rollBack(shop, number);
    results.push({ image: `product:v${number}`, reason, milliseconds, istioWrites: versions.stored - before - extra });
    tell();
  }
  ended.abort();
  const { total, failed } = await shop.load.stop();
  const failures = failed === 0 ? [] : lab.failedCalls(namespace);
  return { namespace, rollbacks: results, ...foreign, requests: total, failed, failures };
}

async function rollBack(shop: Shop, number: number): Promise<{ reason: string | undefined; milliseconds: number }> {
  await shop.ask("abort");
  const { status } = await shop.untilRollout("the decision", (found) => found.status.release?.decidedAt !== undefined);
  const decidedAt = Date.parse(status.release?.decidedAt ?? "");
  const { reason } = await shop.outcome(`product:v${number}`);
  const last = shop.load.snapshot().byVersion[`v${number}`]?.lastAt ?? decidedAt;
  return { reason, milliseconds: Math.max(0, last - decidedAt) };
}

const foreignWrites = 10;

/** Somebody else writes the weights again and again; each time they are put back before the next. */
async function disturb(lab: Lab, shop: Shop, versions: Versions) {
  const place = { namespace: shop.namespace, name: "product" };
  const before = versions.stored;
  for (let written = 1; written <= foreignWrites; written += 1) {
    const found = await shop.route();
    const http = structuredClone(found?.spec["http"]) as { route: { weight: number }[] }[];
    for (const { route } of http) for (const [at, entry] of route.entries()) entry.weight = at === 0 ? 80 : 20;
    await lab.cluster.client.patch(virtualServices, place, { spec: { http } });
    await until(async () => weightIn(await shop.route()) === weight, { timeout: 30_000, what: "the weight again" });
  }
  // A rewrite too many would come within the next requests.
  const mark = shop.load.snapshot();
  await until(() => shop.load.since(mark).total > 200, { timeout: 30_000, what: "200 requests" });
  return { foreignWrites, rewrites: versions.stored - before - foreignWrites };
}

function weightIn(route: Stored | undefined): number | undefined {
  const [first] = (route?.spec["http"] ?? []) as readonly { readonly route: readonly { readonly weight?: number }[] }[];
  return first?.route[1]?.weight;
}

interface Versions {
  readonly stored: number;
}

/** Counts the versions of Istio's objects that are stored from now on. */
function countVersions(lab: Lab, namespace: string, signal: AbortSignal): Versions {
  const seen = new Set<string>();
  const follow = (watched: typeof virtualServices) =>
    lab.cluster.client.watchUntil({ kind: watched, namespace, timeout: 86_400_000 }, (objects) => {
      for (const { metadata } of objects) seen.add(`${metadata.uid} ${metadata.generation ?? 0}`);
      return signal.aborted;
    });
  for (const each of [virtualServices, destinationRules]) follow(each).catch(() => undefined);
  return {
    get stored() {
      return seen.size;
    },
  };
}

async function writesOf({ metricsUrl }: Operator): Promise<number> {
  const text = await (await fetch(`${metricsUrl}/metrics`)).text();
  const counts = text.matchAll(/^serin_kubernetes_requests_total\{verb="(?:POST|PUT|PATCH|DELETE)"[^}]*\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}
