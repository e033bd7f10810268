// The run's end of the pipe to its guard.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { RUN_VARIABLE } from "./identity.ts";
import type { RunRecord } from "./runs.ts";

export interface GuardLink {
  /** Tells the guard what to clean up if this process dies now. */
  send(record: RunRecord): void;
  /** The run has cleaned up itself; the guard leaves. */
  done(): Promise<void>;
}

function spawnGuard(folder: string): ChildProcess {
  const env = { ...process.env };
  // The guard is not part of the run it ends, and no debugger or loader of the run's is its business.
  delete env[RUN_VARIABLE];
  delete env["NODE_OPTIONS"];
  const guard = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", fileURLToPath(new URL("guard.ts", import.meta.url)), folder],
    { detached: true, stdio: ["pipe", "ignore", "ignore"], cwd: "/", env },
  );
  guard.unref();
  if (guard.stdin instanceof Socket) guard.stdin.unref();
  // A guard that died is noticed by its exit; what could not be written to it is sent to its successor.
  guard.stdin.on("error", () => undefined);
  return guard;
}

/** Starts the guard of the run in `folder`, and another one whenever it dies before its time. */
export function startGuard(folder: string, first: RunRecord): GuardLink {
  let record = first;
  let finished = false;
  let guard = launch();

  function launch(): ChildProcess {
    const child = spawnGuard(folder);
    child.on("exit", () => {
      if (!finished) guard = launch();
    });
    child.on("error", () => undefined);
    child.stdin?.write(`${JSON.stringify(record)}\n`);
    return child;
  }

  return {
    send(next) {
      record = next;
      guard.stdin?.write(`${JSON.stringify(record)}\n`);
    },
    async done() {
      finished = true;
      if (guard.exitCode !== null || guard.signalCode !== null) return;
      const gone = new Promise<void>((resolve) => guard.once("exit", () => resolve()));
      guard.ref();
      guard.stdin?.end("done\n");
      await gone;
    },
  };
}
