// One build at a time: a second process waits for the first instead of compiling the same again.
//
// The lock only saves work. Correctness does not rest on it: every build has a folder of its own and is renamed into
// place whole, so two builds at once, after a lock was broken twice in the same instant, would still be safe.
import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { identityOf, isAlive } from "../processes/identity.ts";
import type { ProcessIdentity } from "../processes/identity.ts";
import { until } from "../processes/until.ts";

interface Holder extends ProcessIdentity {
  readonly nonce: string;
}

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once when somebody else holds the lock. */
  readonly onWait?: (pid: number) => void;
}

const DAY_MS = 86_400_000;

function holderOf(path: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

/** Takes the lock whole or not at all: the file appears with its content. */
function tryTake(path: string, mine: Holder): boolean {
  const draft = `${path}.${mine.nonce}`;
  writeFileSync(draft, JSON.stringify(mine));
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes the lock of a process that is gone. */
function breakStale(path: string): void {
  const holder = holderOf(path);
  if (holder !== undefined && isAlive(holder)) return;
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch {
    return;
  }
  rmSync(aside, { force: true });
}

export async function withLock<T>(path: string, options: LockOptions, action: () => Promise<T>): Promise<T> {
  const mine: Holder = { ...identityOf(process.pid), nonce: randomUUID() };
  let told = false;
  await until(
    () => {
      if (tryTake(path, mine)) return true;
      breakStale(path);
      const holder = holderOf(path);
      if (holder !== undefined && !told) {
        told = true;
        options.onWait?.(holder.pid);
      }
      return false;
    },
    {
      timeout: DAY_MS,
      every: 200,
      what: `the lock ${path}`,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    },
  );
  try {
    return await action();
  } finally {
    if (holderOf(path)?.nonce === mine.nonce) rmSync(path, { force: true });
  }
}
