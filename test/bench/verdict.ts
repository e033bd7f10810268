// Verdicts on real parts that take longer than a test may: a weak version for ten minutes, Prometheus away for two.
import { until } from "../cluster/processes/until.ts";
import type { Lab } from "../lab/lab.ts";
import { openShop, type Shop, type StoredRollout } from "../lab/shop.ts";
import { counting, startBenchLab, versionsOf, type BenchRun } from "./bench-lab.ts";

export interface VerdictCase {
  readonly name: string;
  readonly passed: boolean;
  /** What was seen, with its numbers. */
  readonly seen: string;
}

export interface VerdictOutcome {
  readonly cases: readonly VerdictCase[];
  readonly requests: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** To both versions together; at weight 50 each of them gets 5 a second. */
const quiet = 10;
const busy = 100;
const half = { steps: [{ weight: 50 }, { weight: 100 }], analysis: { minStepDuration: "20m" } };
const tenMinutes = 600_000;
const away = 120_000;

/** Resolves with what became of each case; what was started belongs to the supervisor. */
export async function runVerdict(run: BenchRun): Promise<VerdictOutcome> {
  const { lab, ended } = await startBenchLab(run, { "evidence-period": "2s" });
  const tell = counting(run.onProgress, "verdict", "cases", 4);
  const counted = async (one: (lab: Lab) => Promise<{ shop: Shop; result: VerdictCase }>) => {
    const { shop, result } = await one(lab);
    tell();
    return { result, requests: (await shop.load.stop()).total };
  };
  const together = [weakVersion, brokenVersion, badVersion].map(counted);
  const first = await Promise.race([Promise.all(together), ended]);
  const last = await Promise.race([counted(withoutPrometheus), ended]);
  const all = [...first, last];
  const requests = all.reduce((sum, one) => sum + one.requests, 0);
  return { cases: all.map(({ result }) => result), requests, versions: versionsOf(lab) };
}

async function weakVersion(lab: Lab) {
  const shop = await openShop(lab, "weak", { spec: half, rate: quiet });
  await shop.release("product:v2", { ERROR_RATE: "0.005" });
  await hasWeight(shop, 50);
  const since = Date.now();
  const { status } = await shop.untilRollout(
    "ten minutes or the end",
    (stored) => stored.status.release === undefined || Date.now() - since > tenMinutes,
    900,
  );
  const passed = status.release !== undefined && status.release.decision === undefined;
  const seen = status.release?.analysis?.judgement ?? status.history?.[0]?.explanation ?? "";
  return { shop, result: { name: "0.5 % errors at 5 requests/s: not rolled back in ten minutes", passed, seen } };
}

async function brokenVersion(lab: Lab) {
  const shop = await openShop(lab, "broken", { spec: half, rate: quiet });
  await shop.release("product:v2", { ERROR_RATE: "0.5" });
  const result = await rolledBack(shop, 50, 60);
  return { shop, result: { ...result, name: `50 % errors at 5 requests/s: rolled back` } };
}

async function badVersion(lab: Lab) {
  const shop = await openShop(lab, "bad", { rate: busy });
  await shop.release("product:v2", { ERROR_RATE: "0.2" });
  const result = await rolledBack(shop, 10, 30);
  return { shop, result: { ...result, name: "20 % errors at 10 requests/s: rolled back within 30 s" } };
}

/** `most` seconds from the first traffic to the decision. */
async function rolledBack(shop: Shop, weight: number, most: number): Promise<Omit<VerdictCase, "name">> {
  await hasWeight(shop, weight);
  const since = Date.now();
  const decided = ({ status }: StoredRollout) =>
    status.release?.decision === "Rollback" || status.history !== undefined;
  await shop.untilRollout("the decision", decided);
  const seconds = (Date.now() - since) / 1_000;
  const { outcome, reason, explanation = "" } = await shop.outcome("product:v2");
  const isRight = outcome === "RolledBack" && reason === "ErrorRateTooHigh";
  return {
    passed: isRight && seconds <= most,
    seen: `${reason ?? outcome} after ${seconds.toFixed(1)} s: ${explanation}`,
  };
}

async function withoutPrometheus(lab: Lab) {
  const shop = await openShop(lab, "without-metrics", { rate: busy });
  await shop.release("product:v2");
  await hasWeight(shop, 10);
  await lab.cluster.parts.prometheus.stop();
  const since = Date.now();
  await shop.untilRollout("the hold", ({ status }) => conditionReason(status) === "MetricsUnavailable");
  await until(() => Date.now() - since > away, { timeout: 2 * away, every: 1_000, what: "two minutes" });
  const { status } = await shop.rollout();
  const isHeld = status.weight === 10 && status.release !== undefined && status.release.decision === undefined;
  await lab.cluster.parts.prometheus.start();
  const { outcome, explanation = "" } = await shop.outcome("product:v2", 600);
  const seen = `${isHeld ? "held" : "not held"} at ${status.weight ?? 0} % for two minutes, then ${outcome}: ${explanation}`;
  return {
    shop,
    result: {
      name: "Prometheus away for two minutes: held, then promoted",
      passed: isHeld && outcome === "Promoted",
      seen,
    },
  };
}

function conditionReason({ conditions = [] }: StoredRollout["status"]): string | undefined {
  return conditions.find(({ type }) => type === "Ready")?.reason;
}

function hasWeight(shop: Shop, weight: number): Promise<StoredRollout> {
  return shop.untilRollout(`weight ${weight}`, ({ status }) => status.weight === weight);
}
