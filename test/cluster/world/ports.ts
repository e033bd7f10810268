import type { Readable, Writable } from "node:stream";

/**
 * What the data plane needs from whoever composes the cluster. `stdin` stays an open pipe for the life of the
 * process (the world ends when it closes); `stdout` is a pipe that this side reads.
 */
export interface StartedProcess {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Settles with the exit code, or null after a signal. */
  readonly exited: Promise<number | null>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a process that ends with its owner at the latest. stderr goes to the run folder. */
export type StartProcess = (spec: ProcessSpec) => Promise<StartedProcess>;

/** Asks the cluster's Prometheus to scrape `http://<address><path>` from now on. */
export interface ScrapeTarget {
  readonly job: string;
  readonly address: string;
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
}

export type RegisterScrapeTarget = (target: ScrapeTarget) => Promise<void>;
