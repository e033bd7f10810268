// npm run bench -- NAME: figures of what the product promises, measured on this machine.
import { progressPrinter } from "../test/cluster/parts/progress.ts";
import { stopOnSignals } from "../test/cluster/processes/signals.ts";
import { createSupervisor } from "../test/cluster/processes/supervisor.ts";
import { runAdoption } from "../test/bench/adoption.ts";
import type { BenchRun } from "../test/bench/bench-lab.ts";
import { BENCH_HELP, readBenchOptions, WrongOption, type BenchOptions } from "../test/bench/options.ts";
import { crashesLines, judgeCrashes } from "../test/bench/crashes-result.ts";
import { runCrashes } from "../test/bench/crashes.ts";
import { faultsLines, judgeFaults } from "../test/bench/faults/result.ts";
import { runFaults } from "../test/bench/faults/run.ts";
import { judgeBenchResult, judgeLines } from "../test/bench/judge/result.ts";
import { runJudge } from "../test/bench/judge/run.ts";
import { judgeBench, summaryLines } from "../test/bench/result.ts";
import { judgeOutlier, outlierLines } from "../test/bench/outlier/result.ts";
import { runOutlier } from "../test/bench/outlier/run.ts";
import { judgeQueries, queriesLines } from "../test/bench/queries/result.ts";
import { runQueries } from "../test/bench/queries/run.ts";
import { runTraffic } from "../test/bench/traffic.ts";
import { judgeTraffic, trafficLines } from "../test/bench/traffic-result.ts";
import { runVerdict } from "../test/bench/verdict.ts";
import { judgeVerdict, verdictLines } from "../test/bench/verdict-result.ts";

function fail(message: string, code: number): never {
  process.stderr.write(`serin: ${message}\n`);
  process.exit(code);
}

function readOptions(): BenchOptions | "help" {
  try {
    return readBenchOptions(process.argv.slice(2), Math.floor(Math.random() * 2 ** 32));
  } catch (error) {
    if (error instanceof WrongOption) return fail(`${error.message} (see --help)`, 2);
    throw error;
  }
}

interface Measured {
  readonly result: { readonly passed: boolean };
  readonly lines: readonly string[];
  /** What proxies logged about failed requests. */
  readonly failures: readonly string[];
}

async function measure(options: BenchOptions, run: BenchRun): Promise<Measured> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1_000;
  if (options.bench === "judge") {
    const result = judgeBenchResult(options.seed, await runJudge(options, run), seconds());
    return { result, lines: judgeLines(result), failures: [] };
  }
  if (options.bench === "verdict") {
    const result = judgeVerdict(await runVerdict(run), seconds());
    return { result, lines: verdictLines(result), failures: [] };
  }
  if (options.bench === "queries") {
    const result = judgeQueries(options, await runQueries(options, run), seconds());
    return { result, lines: queriesLines(result), failures: result.strayed };
  }
  if (options.bench === "faults") {
    const result = judgeFaults(options, await runFaults(options, run), seconds());
    return { result, lines: faultsLines(result), failures: result.violations };
  }
  if (options.bench === "crashes") {
    const result = judgeCrashes(await runCrashes(run), seconds());
    return { result, lines: crashesLines(result), failures: [] };
  }
  if (options.bench === "outlier") {
    const result = judgeOutlier(options, await runOutlier(options, run), seconds());
    return { result, lines: outlierLines(result), failures: [] };
  }
  if (options.bench === "traffic") {
    const outcome = await runTraffic(options, run);
    const result = judgeTraffic(options, outcome, seconds());
    return { result, lines: trafficLines(result), failures: outcome.apps.flatMap(({ failures }) => failures) };
  }
  const { apps, versions } = await runAdoption(options, run);
  const result = judgeBench(options, apps, { seconds: seconds(), versions });
  return { result, lines: summaryLines(result), failures: apps.flatMap(({ failures }) => failures) };
}

async function main(options: BenchOptions): Promise<void> {
  const progress = progressPrinter();
  const supervisor = await createSupervisor();
  const interrupted = new AbortController();
  stopOnSignals(() => {
    interrupted.abort();
    progress.end();
    return supervisor.stop();
  });
  process.stderr.write(`seed ${options.seed}\n`);
  try {
    const run = { supervisor, signal: interrupted.signal, onProgress: progress.show };
    const { result, lines, failures } = await measure(options, run);
    progress.end();
    await supervisor.stop();
    for (const line of failures) process.stderr.write(`failed: ${line}\n`);
    const summary = options.json ? process.stderr : process.stdout;
    summary.write(`${lines.join("\n")}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
    process.exit(result.passed ? 0 : 1);
  } catch (error) {
    // When it is being stopped, whatever goes on fails, and that is no news.
    if (interrupted.signal.aborted) return;
    progress.end();
    await supervisor.stop();
    fail(error instanceof Error ? error.message : String(error), 1);
  }
}

const options = readOptions();
if (options === "help") process.stdout.write(BENCH_HELP);
else await main(options);
