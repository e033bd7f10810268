import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runStep, type Step } from "./steps.ts";

/** The levels of tests, from the least that is needed to the most. */
export const projects = ["unit", "cluster", "integration", "releases", "workload"] as const;

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
}

/** How to run vitest for some projects and, if given, only the files whose path contains a filter. */
export function vitestStep(names: readonly string[], filters: readonly string[], report?: string): Step {
  const json = report === undefined ? [] : ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const only = names.map((name) => `--project=${name}`);
  return { name: names.join("+"), command: ["node_modules/vitest/vitest.mjs", "run", ...only, ...json, ...filters] };
}

/** Runs the tests with their progress on the terminal and counts how they went. */
export async function runTests(
  names: readonly string[],
  filters: readonly string[],
  signal: AbortSignal,
): Promise<Tally> {
  const folder = await mkdtemp(join(tmpdir(), "serin-tests-"));
  try {
    const report = join(folder, "report.json");
    const { passed } = await runStep(vitestStep(names, filters, report), { signal, stdio: "inherit" });
    return tally(JSON.parse(await readFile(report, "utf8")) as VitestReport, passed);
  } catch (error) {
    signal.throwIfAborted();
    console.error(`the tests left no report: ${String(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A file that failed before its first test counts as a failure, and so does a run that ended badly or ran nothing. */
export function tally(report: VitestReport, runPassed: boolean): Tally {
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  const failed = report.numFailedTests + broken.length;
  const isSound = runPassed && report.numPassedTests > 0;
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && !isSound ? 1 : failed,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
