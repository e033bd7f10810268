// The folders of runs, and what to do with those whose owner is gone.
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { identityOf, isAlive, markedProcesses, signalGroupOf } from "./identity.ts";
import type { ProcessIdentity } from "./identity.ts";
import { until } from "./until.ts";

/** What is written in `run.json`: enough for a stranger to clean up. */
export interface RunRecord {
  readonly run: string;
  readonly owner: ProcessIdentity;
  readonly groups: readonly ProcessIdentity[];
  /** Folders outside the run folder that go away with the run. */
  readonly folders: readonly string[];
}

/** A folder between `mkdir` and its record is nobody's after this long. */
const UNFINISHED_MS = 60_000;

/** The folder of this user's runs; refuses one that somebody else prepared. */
export function runsFolder(): string {
  const { uid } = userInfo();
  const folder = join(tmpdir(), `serin-${uid}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stat = lstatSync(folder);
  if (!stat.isDirectory() || (uid >= 0 && stat.uid !== uid)) {
    throw new Error(`${folder} belongs to another user; remove it or set TMPDIR to a folder of your own`);
  }
  chmodSync(folder, 0o700);
  return folder;
}

/** A new run folder that holds its record from the first moment it has its name. */
export function createRun(): { readonly folder: string; readonly record: RunRecord } {
  const run = `run-${process.pid}-${randomBytes(4).toString("hex")}`;
  const folder = join(runsFolder(), run);
  const record: RunRecord = { run, owner: identityOf(process.pid), groups: [], folders: [] };
  mkdirSync(`${folder}.new`);
  writeFileSync(join(`${folder}.new`, "run.json"), JSON.stringify(record));
  renameSync(`${folder}.new`, folder);
  return { folder, record };
}

export function writeRecord(folder: string, record: RunRecord): void {
  const path = join(folder, "run.json");
  writeFileSync(`${path}.new`, JSON.stringify(record));
  renameSync(`${path}.new`, path);
}

export function readRecord(folder: string): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, "run.json"), "utf8")) as RunRecord;
  } catch {
    return undefined;
  }
}

/** Ends every process of the run at once and removes its folders. Returns false while a process is still dying. */
export function endRun(folder: string, record: RunRecord): boolean {
  for (const group of record.groups) signalGroupOf(group, "SIGKILL");
  const left = markedProcesses(record.run);
  for (const pid of left) kill(pid);
  if (left.length > 0 || record.groups.some(isAlive)) return false;
  for (const extra of record.folders) rmSync(extra, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  return true;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself between being seen and being signalled.
  }
}

/** Cleans up after runs whose owner is gone; returns the folders that it ended. */
export async function sweepRuns(): Promise<string[]> {
  const swept: string[] = [];
  const parent = runsFolder();
  for (const entry of readdirSync(parent)) {
    const folder = join(parent, entry);
    const record = readRecord(folder);
    if (record === undefined ? isAbandoned(folder) : !isAlive(record.owner)) {
      if (record === undefined) rmSync(folder, { recursive: true, force: true });
      else await until(() => endRun(folder, record), { timeout: 10_000, every: 20, what: `the end of ${entry}` });
      swept.push(folder);
    }
  }
  return swept;
}

function isAbandoned(folder: string): boolean {
  try {
    return Date.now() - lstatSync(folder).mtimeMs > UNFINISHED_MS;
  } catch {
    return false;
  }
}
