// A part of the cluster that tests stop, freeze and start again.
import type { ProcessSpec, SupervisedProcess } from "./supervised.ts";
import type { Supervisor } from "./supervisor.ts";

export interface Part {
  readonly name: string;
  readonly running: boolean;
  readonly pid: number | undefined;
  readonly log: string | undefined;
  /** Starts it as it was, on the same ports and data, and waits until it is ready. Nothing to do when it runs. */
  start(): Promise<void>;
  /** Ends it, by SIGTERM unless told otherwise (SIGKILL for a crash). */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  suspend(): void;
  resume(): void;
}

export function createPart(supervisor: Supervisor, spec: ProcessSpec): Part {
  let current: SupervisedProcess | undefined;
  return {
    name: spec.name,
    get running() {
      return current?.running ?? false;
    },
    get pid() {
      return current?.running === true ? current.pid : undefined;
    },
    get log() {
      return current?.log;
    },
    async start() {
      if (current?.running === true) return;
      current = await supervisor.start(spec);
    },
    async stop(signal) {
      await current?.stop(signal);
    },
    suspend: () => current?.suspend(),
    resume: () => current?.resume(),
  };
}
