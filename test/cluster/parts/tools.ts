// The tools that parts are made with, found on the PATH of the given environment.
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, isAbsolute, join } from "node:path";
import type { ProcessSpec } from "../processes/supervised.ts";
import type { Supervisor } from "../processes/supervisor.ts";
import type { Finished, RunOptions } from "../processes/collect.ts";
import type { OnProgress } from "./progress.ts";

export interface Workshop {
  readonly supervisor: Supervisor;
  readonly env: NodeJS.ProcessEnv;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal | undefined;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** The programs of this name in the folders of a PATH, best first. */
export function findPrograms(name: string, path: string | undefined): string[] {
  return (path ?? "")
    .split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name))
    .filter(isExecutable);
}

/** Runs a tool with the workshop's environment; it ends with the run and when the workshop is told to stop. */
export function runTool(shop: Workshop, spec: ProcessSpec, onLine?: RunOptions["onLine"]): Promise<Finished> {
  return shop.supervisor.execute(
    { env: shop.env, ...spec },
    {
      ...(shop.signal === undefined ? {} : { signal: shop.signal }),
      ...(onLine === undefined ? {} : { onLine }),
    },
  );
}
