import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { runStep, type Step } from "./steps.ts";

/** The levels of tests, from the least that is needed to the most. */
export const projects = ["unit", "cluster", "integration", "releases", "workload", "traffic"] as const;

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Each failed test or file by its name, with the first line of what it said. */
  readonly failures: readonly string[];
  /** The files that took longest, each with its minutes. */
  readonly slowest: readonly string[];
}

/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  readonly testResults: readonly FileReport[];
}

export interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message?: string;
  /** When its first test began and its last one ended, in ms; what was set up for them is not in it. */
  readonly startTime: number;
  readonly endTime: number;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages?: readonly string[] | null;
  }[];
}

/** Characters of a failure's first line that are repeated at the end of a run. */
const LONGEST_LINE = 300;

/** Files that are named for the time they took: whoever makes the tests faster begins there. */
const SLOWEST_FILES = 12;

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
    return { passed: 0, failed: 1, skipped: 0, failures: [], slowest: [] };
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
    failures: report.testResults.flatMap(failuresOf),
    slowest: report.testResults
      .toSorted((a, b) => duration(b) - duration(a))
      .slice(0, SLOWEST_FILES)
      .map((file) => `${(duration(file) / 60_000).toFixed(1)} min ${relative(process.cwd(), file.name)}`),
  };
}

const duration = ({ startTime, endTime }: FileReport): number => endTime - startTime;

/** Whoever sees only the end of a long log must find there what to look at. */
function failuresOf({ name, status, message = "", assertionResults }: FileReport): readonly string[] {
  const failed = assertionResults.filter((test) => test.status === "failed");
  if (status === "failed" && failed.length === 0) return [`${name}: ${firstLine(message)}`];
  return failed.map((test) => `${test.fullName}: ${firstLine(test.failureMessages?.[0] ?? "")}`);
}

function firstLine(text: string): string {
  const line = text.split("\n", 1)[0] ?? "";
  return line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line;
}
