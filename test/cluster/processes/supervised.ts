// One supervised process: in a group of its own, with its log, its readiness and its end.
import { spawn } from "node:child_process";
import type { ChildProcess, StdioOptions } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { groupLives, identityOf, signalGroup } from "./identity.ts";
import type { ProcessIdentity } from "./identity.ts";
import { until } from "./until.ts";

export interface ProcessSpec {
  /** Names the process in messages and names its log file. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The whole environment; that of this process when left out. */
  readonly env?: NodeJS.ProcessEnv;
  /** "pipe" hands the stream to the caller; otherwise output goes to the log file and input is empty. */
  readonly stdin?: "pipe";
  readonly stdout?: "pipe";
  readonly stderr?: "pipe";
  /** True once the process can be used. */
  readonly ready?: () => Promise<boolean>;
  readonly readyTimeoutMs?: number;
  /** How long it may take to end by itself before it is killed. */
  readonly graceMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SupervisedProcess {
  readonly name: string;
  readonly pid: number;
  readonly identity: ProcessIdentity;
  readonly log: string;
  readonly running: boolean;
  readonly exited: Promise<Exit>;
  /** What it said when it failed with nobody having ended it; undefined as long as nothing of the kind happened. */
  readonly fall: string | undefined;
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Ends the whole group: `signal` first (SIGTERM), SIGKILL after the grace period. Returns when nobody is left. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  suspend(): void;
  resume(): void;
}

/** A process that ended or did not get ready; the message ends with its last words. */
export class ProcessFailed extends Error {
  readonly log: string;
  constructor(message: string, log: string) {
    super(message);
    this.name = "ProcessFailed";
    this.log = log;
  }
}

const LAST_LINES = 12;

export function lastLines(path: string, count = LAST_LINES): string {
  try {
    return readFileSync(path, "utf8").trimEnd().split("\n").slice(-count).join("\n");
  } catch {
    return "";
  }
}

function failure(spec: ProcessSpec, what: string, log: string): ProcessFailed {
  const words = lastLines(log);
  return new ProcessFailed(`${spec.name} ${what}${words === "" ? "" : `; its last words:\n${words}`}`, log);
}

function launch(spec: ProcessSpec, log: string, env: NodeJS.ProcessEnv): ChildProcess {
  mkdirSync(dirname(log), { recursive: true });
  const file = openSync(log, "a");
  const stdio: StdioOptions = [spec.stdin ?? "ignore", spec.stdout ?? file, spec.stderr ?? file];
  try {
    return spawn(spec.command, spec.args, {
      detached: true,
      stdio,
      env,
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    });
  } finally {
    closeSync(file);
  }
}

/** Starts the process; rejects with `ProcessFailed` when there is no such program. */
export async function spawnSupervised(
  spec: ProcessSpec,
  log: string,
  env: NodeJS.ProcessEnv,
  onPid: (identity: ProcessIdentity) => void,
): Promise<SupervisedProcess> {
  const child = launch(spec, log, env);
  const { pid } = child;
  if (pid === undefined) {
    const error = await new Promise<Error>((resolve) => child.once("error", resolve));
    throw failure(spec, `could not be started (${error.message})`, log);
  }
  const identity = identityOf(pid);
  onPid(identity);
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.on("error", () => undefined);

  let running = true;
  let wanted = false;
  let fall: string | undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      running = false;
      if (!wanted && code !== 0) fall = failure(spec, `ended (${signal ?? `code ${code}`}) by itself`, log).message;
      // Whatever the leader left behind ends with it.
      signalGroup(pid, "SIGKILL");
      resolve({ code, signal });
    });
  });

  async function stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (running) {
      wanted = true;
      signalGroup(pid!, signal);
      signalGroup(pid!, "SIGCONT");
      const timer = setTimeout(() => signalGroup(pid!, "SIGKILL"), spec.graceMs ?? 3000);
      await exited;
      clearTimeout(timer);
    }
    await until(() => !groupLives(pid!), { timeout: 10_000, every: 5, what: `the end of ${spec.name}` });
  }

  return {
    name: spec.name,
    pid,
    identity,
    log,
    exited,
    get running() {
      return running;
    },
    get fall() {
      return fall;
    },
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? undefined,
    stderr: child.stderr ?? undefined,
    stop,
    suspend() {
      if (running) signalGroup(pid, "SIGSTOP");
    },
    resume() {
      if (running) signalGroup(pid, "SIGCONT");
    },
  };
}

/** Waits for the spec's readiness; when the process ends first or time is up, rejects with its last words. */
export async function awaitReady(spec: ProcessSpec, supervised: SupervisedProcess): Promise<void> {
  const { ready } = spec;
  if (ready === undefined) return;
  const abort = new AbortController();
  const ended = supervised.exited.then(({ code, signal }) => {
    throw failure(spec, `ended (${signal ?? `code ${code}`}) before it was ready`, supervised.log);
  });
  const timeout = spec.readyTimeoutMs ?? 60_000;
  try {
    await Promise.race([ended, until(ready, { timeout, every: 25, what: `${spec.name} ready`, signal: abort.signal })]);
  } catch (error) {
    if (supervised.running) await supervised.stop();
    if (error instanceof ProcessFailed) throw error;
    throw failure(spec, `was not ready within ${timeout / 1000} s`, supervised.log);
  } finally {
    abort.abort();
    ended.catch(() => undefined);
  }
}
