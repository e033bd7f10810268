// A command that is run to its end: its output, gathered and passed on line by line.
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Exit, SupervisedProcess } from "./supervised.ts";

export interface RunOptions {
  readonly input?: string;
  readonly onLine?: (line: string, from: "stdout" | "stderr") => void;
  /** Ends the command; `execute` then rejects with the reason. */
  readonly signal?: AbortSignal;
}

export interface Finished extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

async function gather(stream: Readable | undefined, onLine?: (line: string) => void): Promise<string> {
  if (stream === undefined) return "";
  stream.setEncoding("utf8");
  const chunks: string[] = [];
  stream.on("data", (chunk: string) => chunks.push(chunk));
  if (onLine !== undefined) createInterface({ input: stream }).on("line", onLine);
  await new Promise<void>((resolve) => stream.once("close", () => resolve()));
  return chunks.join("");
}

export async function collect(command: SupervisedProcess, options: RunOptions): Promise<Finished> {
  const { input, onLine, signal } = options;
  const out = gather(command.stdout, onLine && ((line) => onLine(line, "stdout")));
  const err = gather(command.stderr, onLine && ((line) => onLine(line, "stderr")));
  const abort = (): void => void command.stop();
  if (signal?.aborted === true) abort();
  signal?.addEventListener("abort", abort, { once: true });
  command.stdin?.end(input ?? "");
  const [exit, stdout, stderr] = await Promise.all([command.exited, out, err]);
  signal?.removeEventListener("abort", abort);
  signal?.throwIfAborted();
  return { ...exit, stdout, stderr };
}
