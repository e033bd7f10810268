// Promotions under load while a scaler writes the scale subresource at random moments, as an HPA does.
import { setTimeout as delay } from "node:timers/promises";
import { kind } from "../cluster/kubernetes.ts";
import { watchCapacity, type Capacity } from "../lab/capacity.ts";
import type { Lab } from "../lab/lab.ts";
import { openShop, type Shop, type Stored } from "../lab/shop.ts";
import { counting, shareOut, startBenchLab, versionsOf, type BenchRun } from "./bench-lab.ts";
import type { BenchOptions } from "./options.ts";
import { keepLedger, restartsIn, type Entry } from "./pod-ledger.ts";
import { randomFrom } from "../support/random.ts";
import type { AppResult, PromotionResult } from "./result.ts";

const deployments = kind<Stored>("apps/v1", "Deployment");
const operatorFlags = { "evidence-period": "2s", "rollback-deadline": "10s" };

/** Passes without a verdict: what is measured is the hand-over. */
const spec = {
  steps: [{ weight: 50 }, { weight: 100 }],
  bake: "1s",
  analysis: { minStepDuration: "1s", maxStepDuration: "2s", onInsufficientTraffic: "promote" },
};
/** Git says no size where a scaler does. */
const app = { fields: { deployment: { replicas: undefined } } };

const smallest = 2;
const largest = 8;
/** Between two writes of the scaler, in milliseconds. */
const shortest = 1_000;
const longest = 8_000;

export interface BenchOutcome {
  readonly apps: readonly AppResult[];
  /** Of the parts that it ran on. */
  readonly versions: Readonly<Record<string, string>>;
}

/** Resolves with what became of each app; what was started belongs to the supervisor. */
export async function runAdoption(options: BenchOptions, run: BenchRun): Promise<BenchOutcome> {
  const { signal, onProgress } = run;
  const { lab, ended } = await startBenchLab(run, operatorFlags);
  const tell = counting(onProgress, "adoption", "promotions", options.promotions);
  const shares = shareOut(options.promotions, options.apps);
  const apps = shares.map((promotions, index) => runApp({ lab, options, signal, promotions, index, tell }));
  return { apps: await Promise.race([Promise.all(apps), ended]), versions: versionsOf(lab) };
}

interface AppRun {
  readonly lab: Lab;
  readonly options: BenchOptions;
  readonly signal: AbortSignal;
  readonly promotions: number;
  readonly index: number;
  readonly tell: () => void;
}

async function runApp({ lab, options, signal, promotions, index, tell }: AppRun): Promise<AppResult> {
  const namespace = `bench-${index + 1}`;
  const shop = await openShop(lab, namespace, { spec, app, rate: options.rate });
  const ended = new AbortController();
  const stopped = AbortSignal.any([signal, ended.signal]);
  const capacity = watchCapacity(lab.cluster, namespace);
  const ledger = keepLedger(lab.cluster, namespace, stopped);
  const scaling = scaleAtRandom(lab, namespace, randomFrom(options.seed + index), stopped);
  const results: PromotionResult[] = [];
  for (let number = 2; number < promotions + 2; number += 1) {
    signal.throwIfAborted();
    results.push(await promote(shop, ledger, `product:v${number}`));
    tell();
  }
  ended.abort();
  const scalings = await scaling;
  return conclude({ lab, shop, capacity, results, scalings });
}

async function conclude(app_: {
  readonly lab: Lab;
  readonly shop: Shop;
  readonly capacity: Capacity;
  readonly results: readonly PromotionResult[];
  readonly scalings: number;
}): Promise<AppResult> {
  const { lab, shop, capacity, results, scalings } = app_;
  const { total, failed } = await shop.load.stop();
  const failures = failed === 0 ? [] : lab.failedCalls(shop.namespace);
  await capacity.stop();
  const { ratio, at } = capacity.lowest();
  return {
    namespace: shop.namespace,
    promotions: results,
    requests: total,
    failed,
    failures,
    lowest: ratio,
    lowestAt: at,
    scalings,
  };
}

async function promote(shop: Shop, ledger: readonly Entry[], image: string): Promise<PromotionResult> {
  const began = Date.now();
  await shop.release(image);
  const full = await shop.untilRollout(
    `all traffic at ${image}`,
    ({ status }) => (status.weight === 100 && status.canary?.image === image) || status.history?.[0]?.image === image,
  );
  const begun = Date.now();
  const { outcome } = await shop.outcome(image);
  const ended = Date.now();
  const replicaSet = full.status.canary?.replicaSet ?? "";
  const old = full.status.stable?.replicaSet ?? "";
  const restarts = outcome === "Promoted" ? restartsIn(ledger, { replicaSet, old, begun, ended }) : 0;
  return { image, outcome, restarts, seconds: (ended - began) / 1_000 };
}

/** Resolves with how often it scaled. */
async function scaleAtRandom(lab: Lab, namespace: string, random: () => number, signal: AbortSignal): Promise<number> {
  let count = 0;
  while (!signal.aborted) {
    const replicas = smallest + Math.floor(random() * (largest - smallest + 1));
    const wait = shortest + random() * (longest - shortest);
    const place = { namespace, name: "product" };
    await lab.cluster.client.patch(deployments, place, { spec: { replicas } }, { subresource: "scale" });
    count += 1;
    await delay(wait, undefined, { signal }).catch(() => undefined);
  }
  return count;
}
