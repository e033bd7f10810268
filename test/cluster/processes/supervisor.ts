// The supervisor of a run: everything that it starts has ended, and everything that it wrote is gone, when it stops or
// when this process dies.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { RUN_VARIABLE } from "./identity.ts";
import type { ProcessIdentity } from "./identity.ts";
import { startGuard } from "./guard-link.ts";
import { collect } from "./collect.ts";
import type { Finished, RunOptions } from "./collect.ts";
import { createRun, sweepRuns, writeRecord } from "./runs.ts";
import { awaitReady, spawnSupervised } from "./supervised.ts";
import type { ProcessSpec, SupervisedProcess } from "./supervised.ts";

export interface Supervisor {
  /** The name that every process of this run carries in its environment. */
  readonly run: string;
  /** Data and logs; removed at the end of the run. */
  readonly folder: string;
  readonly stopping: boolean;
  /** What was started and failed later with nobody having ended it, with its last words. */
  fallen(): readonly string[];
  /** Starts a process and waits until it is ready; when it dies before, the error has its last words. */
  start(spec: ProcessSpec): Promise<SupervisedProcess>;
  /** Runs a command to its end. It rejects only when the command cannot be started or is aborted. */
  execute(spec: ProcessSpec, options?: RunOptions): Promise<Finished>;
  /** A folder outside the run folder that goes away with the run; call the answer to keep it after all. */
  removeWithRun(folder: string): () => void;
  /** Called before the processes are stopped, latest first. */
  onStop(hook: () => Promise<void> | void): void;
  /** Ends everything in reverse order and removes the folders. Calling it again waits for the same end. */
  stop(): Promise<void>;
}

/** Begins a run: cleans up after runs that died, makes the run folder and sets the guard. */
export async function createSupervisor(): Promise<Supervisor> {
  await sweepRuns();
  const { folder, record } = createRun();
  const guard = startGuard(folder, record);
  const processes: SupervisedProcess[] = [];
  const groups = new Map<number, ProcessIdentity>();
  const folders = new Set<string>();
  const started: SupervisedProcess[] = [];
  const hooks: (() => Promise<void> | void)[] = [];
  let ending: Promise<void> | undefined;

  function publish(): void {
    const now = { ...record, groups: [...groups.values()], folders: [...folders] };
    guard.send(now);
    writeRecord(folder, now);
  }

  async function launch(spec: ProcessSpec): Promise<SupervisedProcess> {
    if (ending !== undefined) throw new Error(`${spec.name} was not started: the run is ending`);
    const env = { ...(spec.env ?? process.env), [RUN_VARIABLE]: record.run };
    const log = join(folder, "logs", `${spec.name}.log`);
    const supervised = await spawnSupervised(spec, log, env, (identity) => {
      groups.set(identity.pid, identity);
      publish();
    });
    processes.push(supervised);
    void supervised.exited.then(() => {
      groups.delete(supervised.pid);
      processes.splice(processes.indexOf(supervised), 1);
      if (ending === undefined) publish();
    });
    return supervised;
  }

  async function end(): Promise<void> {
    for (const hook of hooks.reverse()) await hook();
    for (const supervised of [...processes].reverse()) await supervised.stop();
    for (const path of [...folders, folder]) rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    await guard.done();
  }

  return {
    run: record.run,
    folder,
    get stopping() {
      return ending !== undefined;
    },
    fallen: () => started.flatMap(({ fall }) => fall ?? []),
    async start(spec) {
      const supervised = await launch(spec);
      await awaitReady(spec, supervised);
      started.push(supervised);
      return supervised;
    },
    async execute(spec, options = {}) {
      const piped = options.input === undefined ? spec : { ...spec, stdin: "pipe" as const };
      return collect(await launch({ ...piped, stdout: "pipe", stderr: "pipe" }), options);
    },
    removeWithRun(path) {
      folders.add(path);
      publish();
      return () => {
        folders.delete(path);
        if (ending === undefined) publish();
      };
    },
    onStop: (hook) => void hooks.push(hook),
    stop: () => (ending ??= end()),
  };
}
