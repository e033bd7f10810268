import { spawn } from "node:child_process";
import { dirname } from "node:path";

/** The repository. */
export const root = dirname(dirname(import.meta.dirname));

/** One thing that a change must pass: a program of the project that Node runs. */
export interface Step {
  readonly name: string;
  /** Script and arguments, the script relative to the repository. */
  readonly command: readonly string[];
  /** What to do about a failure, when its output does not say. */
  readonly remedy?: string;
}

export interface StepResult {
  readonly name: string;
  readonly passed: boolean;
  /** Everything that it printed; empty when it printed to the terminal itself. */
  readonly output: string;
}

interface RunOptions {
  readonly signal: AbortSignal;
  /** `inherit`: the step prints to the terminal itself. */
  readonly stdio?: "collect" | "inherit";
}

/** Runs one step; resolves whether it passed or not, and rejects only when it was ended from outside. */
export async function runStep(step: Step, { signal, stdio = "collect" }: RunOptions): Promise<StepResult> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const child = spawn(process.execPath, [...step.command], {
    cwd: root,
    stdio: stdio === "inherit" ? ["ignore", "inherit", "inherit"] : ["ignore", "pipe", "pipe"],
    signal,
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  child.on("error", reject);
  child.on("close", (code) => resolve(code ?? 1));
  const code = await promise;
  signal.throwIfAborted();
  return { name: step.name, passed: code === 0, output };
}

/** Runs the steps, two at a time, and prints a line for each with its time, and the output of those that fail. */
export async function runSteps(steps: readonly Step[], signal: AbortSignal): Promise<readonly StepResult[]> {
  const waiting = [...steps];
  const results: StepResult[] = [];
  const worker = async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const begin = performance.now();
      const result = await runStep(step, { signal });
      results.push(result);
      report(step, result, performance.now() - begin);
    }
  };
  await Promise.all([worker(), worker()]);
  return results;
}

function report(step: Step, { passed, output }: StepResult, milliseconds: number) {
  const time = `${(milliseconds / 1_000).toFixed(1)} s`;
  console.log(`${passed ? "ok    " : "FAILED"} ${step.name.padEnd(10)} ${time.padStart(7)}`);
  if (passed) return;
  console.log(output.trimEnd().replaceAll(/^/gm, "    "));
  if (step.remedy !== undefined) console.log(`    → ${step.remedy}`);
}
