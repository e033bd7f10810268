import { until } from "../cluster/processes/until.ts";
import type { Ledger } from "./ledger.ts";
import { appManifest, type PlannedRelease } from "./plan.ts";
import { secondsOf, type ReleaseResult } from "./result.ts";
import type { Stage } from "./stage.ts";

const RELEASE_TIMEOUT_MS = 300_000;
/** What is answered after the end counts too: a release that ended well but left failures behind did not end well. */
const SECONDS_AFTER_THE_END = 2;

/** Applies the changed manifest, waits for the end, and counts. */
export async function carryOut(
  stage: Stage,
  plan: PlannedRelease,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<ReleaseResult> {
  const mark = stage.load.snapshot();
  const startedAt = performance.now();
  await stage.apply(appManifest(plan));
  const ending = await endingOf(ledger, signal);
  const endedAt = performance.now();
  await stage.traffic(SECONDS_AFTER_THE_END);
  const counts = stage.load.since(mark);
  const canary = counts.byVersion[plan.version];
  const exposed = canary === undefined ? 0 : canary.lastAt - canary.firstAt;
  return {
    plan,
    outcome: ending.outcome,
    reason: ending.reason,
    weights: [...ledger.weights()],
    seconds: secondsOf(ending.outcome === "RolledBack" ? exposed : endedAt - startedAt),
    podsRestarted: ledger.podsRestarted(),
    failedRequests: counts.failed,
    requests: counts.total,
  };
}

async function endingOf(ledger: Ledger, signal: AbortSignal): Promise<Pick<ReleaseResult, "outcome" | "reason">> {
  try {
    return await until(() => ledger.ending(), { timeout: RELEASE_TIMEOUT_MS, what: "the end of the release", signal });
  } catch (error) {
    if (signal.aborted) throw error;
    return { outcome: "TimedOut", reason: undefined };
  }
}
