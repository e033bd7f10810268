// npm run bench -- NAME: figures of what the product promises, measured on this machine.
import { progressPrinter } from "../test/cluster/parts/progress.ts";
import { stopOnSignals } from "../test/cluster/processes/signals.ts";
import { createSupervisor } from "../test/cluster/processes/supervisor.ts";
import { runAdoption } from "../test/bench/adoption.ts";
import { BENCH_HELP, readBenchOptions, WrongOption, type BenchOptions } from "../test/bench/options.ts";
import { judgeBench, summaryLines } from "../test/bench/result.ts";

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
  const began = performance.now();
  try {
    const run = { supervisor, signal: interrupted.signal, onProgress: progress.show };
    const { apps, versions } = await runAdoption(options, run);
    const seconds = (performance.now() - began) / 1_000;
    const result = judgeBench(options, apps, { seconds, versions });
    progress.end();
    await supervisor.stop();
    for (const { failures } of apps) for (const line of failures) process.stderr.write(`failed: ${line}\n`);
    const summary = options.json ? process.stderr : process.stdout;
    summary.write(`${summaryLines(result).join("\n")}\n`);
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
