// The demo: sets the stage, makes the releases one after the other, and shows them.
import { lastLines } from "../cluster/processes/supervised.ts";
import { goLive, type Live, type Viewer } from "./live.ts";
import type { DemoOptions } from "./options.ts";
import { FIRST_VERSION, planReleases, type PlannedRelease } from "./plan.ts";
import { carryOut } from "./release.ts";
import { secondsOf, type DemoResult, type ReleaseResult } from "./result.ts";
import { setStage, type Stage, type StageOptions } from "./stage.ts";

export interface Audience extends Viewer {
  released(result: ReleaseResult): void;
  /** What went wrong, with the last words of the operator. */
  trouble(text: string): void;
}

export interface DemoRun extends Omit<StageOptions, "rate"> {
  readonly audience: Audience;
  /** `performance.now()` when the demo began. */
  readonly beganAt: number;
  /** Called once, between the last progress of the stage and the first scene. */
  readonly onReady: () => void;
}

const OPERATOR_LINES = 20;

/** Rejects when the demo cannot go on; what it started ends with the supervisor either way. */
export async function runDemo(options: DemoOptions, run: DemoRun): Promise<DemoResult> {
  const plans = planReleases(options);
  const stage = await setStage({ ...run, rate: options.rate });
  const provisionedSeconds = secondsOf(performance.now() - run.beganAt);
  run.onReady();
  const live = goLive(stage, options, plans.length, run.audience);
  run.supervisor.onStop(live.stop);
  try {
    const releases = await Promise.race([makeReleases(stage, plans, live, run), endOfOperator(stage)]);
    return { releases, planned: plans.length, provisionedSeconds };
  } finally {
    live.stop();
  }
}

/** Rejects when the operator ends, which it does not do by itself. */
async function endOfOperator({ operator }: Stage): Promise<never> {
  const { code, signal } = await operator.process.exited;
  throw new Error(
    `the operator ended (${signal ?? `code ${code}`}); its last words:\n${lastWords(operator.process.log)}`,
  );
}

function lastWords(log: string): string {
  return lastLines(log, OPERATOR_LINES);
}

/** One after the other; none after one that did not end in time, because it is still under way. */
async function makeReleases(
  stage: Stage,
  plans: readonly PlannedRelease[],
  live: Live,
  { audience, signal }: DemoRun,
): Promise<readonly ReleaseResult[]> {
  const results: ReleaseResult[] = [];
  let stable = FIRST_VERSION;
  for (const plan of plans) {
    const ledger = live.begin(plan, stable);
    const result = await carryOut(stage, plan, ledger, signal);
    results.push(result);
    live.show();
    audience.released(result);
    if (result.outcome === "TimedOut") {
      const log = stage.operator.process.log;
      audience.trouble(`${plan.image} had no outcome in time; the operator's last words:\n${lastWords(log)}`);
      break;
    }
    if (result.outcome === "Promoted") stable = plan.version;
  }
  return results;
}
