// Who a process is: a pid alone is not enough, the kernel gives it to somebody else later.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";

/** A pid together with the moment that process started; no later holder of the pid has the same. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly started: string;
}

/** Carried by every process of a run and inherited by its children, so that none is overlooked. */
export const RUN_VARIABLE = "SERIN_RUN";

const hasProc = existsSync("/proc/self/stat");

/** The state letter and the start time, or undefined when there is no such process. */
function statOf(pid: number): { readonly state: string; readonly ticks: string; readonly group: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The command in parentheses may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", ticks: fields[19] ?? "", group: Number(fields[2]) };
}

/** Start times are counted from the boot, so the boot belongs to them. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** When the process with this pid started; undefined when there is none, or only the husk of one. */
export function startedAt(pid: number): string | undefined {
  if (hasProc) {
    const stat = statOf(pid);
    return stat === undefined || stat.state === "Z" ? undefined : `${bootId()}:${stat.ticks}`;
  }
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, started: startedAt(pid) ?? "" };
}

export function isAlive(identity: ProcessIdentity): boolean {
  return identity.started !== "" && startedAt(identity.pid) === identity.started;
}

/** The pids of live processes that carry this run's mark, whatever group they moved to. */
export function markedProcesses(run: string): number[] {
  if (!hasProc) return [];
  const mark = `${RUN_VARIABLE}=${run}`;
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => pid !== process.pid && carries(pid, mark));
}

function carries(pid: number, mark: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0").includes(mark) && statOf(pid)?.state !== "Z";
  } catch {
    return false;
  }
}

/** Sends to a whole group; false when nobody is left in it. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

/** Whether the group still has a member that is more than a husk waiting to be reaped. */
export function groupLives(group: number): boolean {
  if (!signalGroup(group, 0)) return false;
  if (!hasProc) return true;
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => statOf(Number(entry)))
    .some((stat) => stat?.group === group && stat.state !== "Z");
}

/**
 * Signals the group of this leader, never that of a later holder of its pid. Members that outlived their leader are
 * found by their mark instead.
 */
export function signalGroupOf(leader: ProcessIdentity, signal: NodeJS.Signals): void {
  if (isAlive(leader)) signalGroup(leader.pid, signal);
}
