import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { groupLives, identityOf, isAlive, markedProcesses } from "../processes/identity.ts";
import { freePorts, onFreePorts } from "../processes/ports.ts";
import { createRun, endRun, sweepRuns } from "../processes/runs.ts";
import { createSupervisor } from "../processes/supervisor.ts";
import type { Supervisor } from "../processes/supervisor.ts";
import { until } from "../processes/until.ts";
import { startScript } from "./fixtures/child.ts";

const supervisors: Supervisor[] = [];

async function newSupervisor(): Promise<Supervisor> {
  const supervisor = await createSupervisor();
  supervisors.push(supervisor);
  return supervisor;
}

afterEach(async () => {
  for (const supervisor of supervisors.splice(0)) await supervisor.stop();
});

function sh(name: string, script: string): { name: string; command: string; args: string[] } {
  return { name, command: "/bin/sh", args: ["-c", script] };
}

async function awaitNothingLeft(run: string, folder: string): Promise<void> {
  await until(() => markedProcesses(run).length === 0 && !existsSync(folder), {
    timeout: 15_000,
    what: `the end of ${run} (${markedProcesses(run).join(" ")})`,
  });
}

/** The guard of the run in this folder; it is not marked, but names the folder on its command line. */
function guardOf(folder: string): number | undefined {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .find((pid) => commandLine(pid).endsWith(`guard.ts\0${folder}\0`));
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

describe("a supervised process", () => {
  it("is ready when its condition holds", async () => {
    const supervisor = await newSupervisor();
    const mark = join(supervisor.folder, "mark");
    await supervisor.start({
      ...sh("marker", `sleep 0.2; touch ${mark}; sleep 1000`),
      ready: () => Promise.resolve(existsSync(mark)),
    });
    expect(existsSync(mark)).toBe(true);
  });

  it("that dies before it is ready is reported with its last words", async () => {
    const supervisor = await newSupervisor();
    const spec = { ...sh("feeble", "echo first; echo no disk left >&2; exit 3"), ready: () => Promise.resolve(false) };
    await expect(supervisor.start(spec)).rejects.toThrow(/^feeble ended \(code 3\) before .*:\nfirst\nno disk left$/s);
  });

  it("that fails later, with nobody having ended it, is told with its last words", async () => {
    const supervisor = await newSupervisor();
    const ended = await supervisor.start(sh("ended", "sleep 1000"));
    await ended.stop("SIGKILL");
    await (
      await supervisor.start(sh("done", "exit 0"))
    ).exited;
    const fallen = await supervisor.start(sh("fallen", "echo out of luck >&2; kill -SEGV $$"));
    await fallen.exited;
    expect(supervisor.fallen()).toEqual(["fallen ended (SIGSEGV) by itself; its last words:\nout of luck"]);
  });

  it("that is not ready in time is reported and ended", async () => {
    const supervisor = await newSupervisor();
    const spec = {
      ...sh("slow", "echo waiting; sleep 1000"),
      ready: () => Promise.resolve(false),
      readyTimeoutMs: 200,
    };
    await expect(supervisor.start(spec)).rejects.toThrow(/slow was not ready within 0\.2 s; .*waiting/s);
    expect(markedProcesses(supervisor.run)).toEqual([]);
  });

  it("that does not exist is reported", async () => {
    const supervisor = await newSupervisor();
    await expect(supervisor.start({ name: "none", command: "/does/not/exist", args: [] })).rejects.toThrow(
      /none could not be started/,
    );
  });

  it("ends with all of its group, also when it ignores SIGTERM or is frozen", async () => {
    const supervisor = await newSupervisor();
    const stubborn = await supervisor.start({
      ...sh("stubborn", "trap '' TERM; sleep 1000 & sleep 1000"),
      graceMs: 100,
    });
    const frozen = await supervisor.start(sh("frozen", "sleep 1000 & sleep 1000"));
    frozen.suspend();
    await Promise.all([stubborn.stop(), frozen.stop()]);
    expect(groupLives(stubborn.pid) || groupLives(frozen.pid)).toBe(false);
  });

  it("takes its children with it when it ends by itself", async () => {
    const supervisor = await newSupervisor();
    await (
      await supervisor.start(sh("parent", "sleep 1000 & exit 0"))
    ).exited;
    await until(() => markedProcesses(supervisor.run).length === 0, { timeout: 5000, what: "the end of the child" });
  });
});

describe("a command", () => {
  it("returns what it said and how it ended", async () => {
    const supervisor = await newSupervisor();
    const lines: string[] = [];
    const done = await supervisor.execute(sh("cat", "cat; echo oops >&2; exit 4"), {
      input: "a\nb\n",
      onLine: (line, from) => lines.push(`${from} ${line}`),
    });
    expect(done).toEqual({ code: 4, signal: null, stdout: "a\nb\n", stderr: "oops\n" });
    expect(lines.sort()).toEqual(["stderr oops", "stdout a", "stdout b"]);
  });

  it("ends when it is aborted", async () => {
    const supervisor = await newSupervisor();
    const abort = new AbortController();
    const running = supervisor.execute(sh("long", "echo on; sleep 1000"), {
      signal: abort.signal,
      onLine: () => abort.abort(new Error("enough")),
    });
    await expect(running).rejects.toThrow("enough");
    expect(markedProcesses(supervisor.run)).toEqual([]);
  });
});

describe("a run", () => {
  it("ends in reverse order and leaves nothing", async () => {
    const supervisor = await newSupervisor();
    const order: string[] = [];
    const own = mkdtempSync(join(tmpdir(), "serin-test-"));
    supervisor.removeWithRun(own);
    supervisor.onStop(() => void order.push("hook"));
    for (const name of ["first", "second"]) {
      const { exited } = await supervisor.start(sh(name, "sleep 1000"));
      void exited.then(() => order.push(name));
    }
    const guard = await until(() => guardOf(supervisor.folder), { timeout: 5000, what: "the guard" });
    await supervisor.stop();
    expect(order).toEqual(["hook", "second", "first"]);
    expect([supervisor.folder, own].filter((path) => existsSync(path))).toEqual([]);
    expect(identityOf(guard).started).toBe("");
    await expect(supervisor.start(sh("late", "true"))).rejects.toThrow(/the run is ending/);
  });

  it.each(["SIGKILL", "SIGTERM", "SIGINT"] as const)("leaves nothing when its owner ends by %s", async (signal) => {
    const script = startScript("run-that-dies.ts");
    const { run, folder, pid } = await script.awaitNews<{ run: string; folder: string; pid: number }>("folder");
    script.kill(signal);
    await awaitNothingLeft(run, folder);
    expect(groupLives(pid)).toBe(false);
    await until(() => guardOf(folder) === undefined, { timeout: 5000, what: "the end of the guard" });
  });

  it("gets another guard when its guard is killed", async () => {
    const supervisor = await newSupervisor();
    const guard = await until(() => guardOf(supervisor.folder), { timeout: 5000, what: "the guard" });
    process.kill(guard, "SIGKILL");
    const next = (): number | false => {
      const pid = guardOf(supervisor.folder);
      return pid !== undefined && pid !== guard && pid;
    };
    expect(await until(next, { timeout: 5000, what: "another guard" })).not.toBe(guard);
  });

  it("is cleaned up by the next one when owner and guard were killed together", async () => {
    const script = startScript("run-that-dies.ts");
    const { run, folder } = await script.awaitNews<{ run: string; folder: string }>("folder");
    const guard = await until(() => guardOf(folder), { timeout: 5000, what: "the guard" });
    // Frozen first, so that neither sees the other die.
    process.kill(guard, "SIGSTOP");
    script.kill("SIGKILL");
    await script.exited;
    process.kill(guard, "SIGKILL");
    expect(markedProcesses(run).length).toBeGreaterThan(0);
    await newSupervisor();
    await awaitNothingLeft(run, folder);
  });
});

describe("cleaning up", () => {
  it("spares a process that only has the pid of one that is meant", () => {
    const stranger = spawn("sleep", ["1000"], { detached: true });
    const identity = identityOf(stranger.pid ?? 0);
    const { folder, record } = createRun();
    const recycled = { pid: identity.pid, started: `${identity.started}1` };
    expect(endRun(folder, { ...record, groups: [recycled] })).toBe(true);
    expect(isAlive(identity)).toBe(true);
    stranger.kill("SIGKILL");
  });

  it("spares the run of a living owner", async () => {
    const { folder } = createRun();
    expect(await sweepRuns()).not.toContain(folder);
    expect(existsSync(folder)).toBe(true);
    rmSync(folder, { recursive: true });
  });
});

describe("ports", () => {
  it("are different ones", async () => {
    const ports = await freePorts(20);
    expect(new Set(ports).size).toBe(20);
  });

  it("are chosen again when one was taken meanwhile", async () => {
    const supervisor = await newSupervisor();
    const tried: (readonly number[])[] = [];
    await onFreePorts(1, async (ports) => {
      tried.push(ports);
      const script = tried.length < 3 ? "echo listen: address already in use; exit 1" : "sleep 1000";
      const ready = (): Promise<boolean> => Promise.resolve(tried.length === 3);
      await supervisor.start({ ...sh(`server-${tried.length}`, script), ready });
    });
    expect(tried).toHaveLength(3);
  });
});
