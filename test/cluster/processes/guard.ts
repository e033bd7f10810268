// The guard: a process of its own that outlives the run only to clean up after it.
//
// It reads the run's record, line by line, from a pipe that the run holds open. "done" says that all is cleaned up
// already. When the pipe closes without that word the run has died, however it died: the guard ends every process of
// the last record and removes its folders.
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { endRun } from "./runs.ts";
import type { RunRecord } from "./runs.ts";

// A terminal's Ctrl-C or a service manager's SIGTERM is for the run; the guard leaves after it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

const ROUNDS = 400;

/** The run may have died in the middle of a line; the record before it still counts. */
function parse(line: string): RunRecord | undefined {
  try {
    return JSON.parse(line) as RunRecord;
  } catch {
    return undefined;
  }
}

async function guard(folder: string): Promise<void> {
  let record: RunRecord | undefined;
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "done") return;
    record = parse(line) ?? record;
  }
  if (record === undefined) return;
  for (let round = 0; round < ROUNDS && !endRun(folder, record); round += 1) await delay(25);
}

await guard(process.argv[2] ?? "");
process.exit(0);
