import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isAlive, identityOf, type ProcessIdentity } from "../../cluster/processes/identity.ts";
import { until } from "../../cluster/processes/until.ts";

const scripts = join(import.meta.dirname, "../../../scripts");

/** A repository whose `npm ci` is a script of ours and whose check says that it ran. */
function createRepository(npmCi: string): string {
  const root = mkdtempSync(join(tmpdir(), "serin-launch-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  for (const script of ["launch.mjs", "run/leashed.mjs"]) cpSync(join(scripts, script), join(root, "scripts", script));
  writeFileSync(join(root, "scripts/check.ts"), `console.log("checked");`);
  writeFileSync(join(root, "package-lock.json"), "{}");
  mkdirSync(join(root, "bin"));
  writeFileSync(join(root, "bin/npm"), `#!/bin/sh\necho $$ >> "${root}/installs"\n${npmCi}\n`, { mode: 0o755 });
  return root;
}

interface Launch {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  readonly output: () => string;
}

function launch(root: string): Launch {
  const PATH = [join(root, "bin"), dirname(process.execPath), process.env["PATH"]].join(":");
  const child = spawn(process.execPath, [join(root, "scripts/launch.mjs"), "check"], { env: { ...process.env, PATH } });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const exit = new Promise<number | null>((resolve) => child.on("close", resolve));
  onTestFinished(() => void child.kill("SIGKILL"));
  return { child, exit, output: () => output };
}

const install = `mkdir -p node_modules`;
/** A child of the install that no signal of its parent's reaches. */
const endless = `sleep 300 &\necho $! >> installs\nwait`;

async function installing(root: string): Promise<readonly ProcessIdentity[]> {
  const pids = () =>
    existsSync(join(root, "installs")) ? readFileSync(join(root, "installs"), "utf8").trim().split("\n") : [];
  await until(() => pids().length === 2, { timeout: 10_000, every: 5, what: "an install" });
  return pids().map((pid) => identityOf(Number(pid)));
}

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGKILL", null],
] as const)("%s ends an install with all that it started, and the next launch installs", async (signal, code) => {
  const root = createRepository(endless);
  const first = launch(root);
  const processes = await installing(root);
  first.child.kill(signal);
  expect(await first.exit).toBe(code);
  await until(() => !processes.some(isAlive), { timeout: 1_000, every: 5, what: "the end of the install" });
  writeFileSync(join(root, "bin/npm"), `#!/bin/sh\n${install}\n`, { mode: 0o755 });
  const second = launch(root);
  expect(await second.exit).toBe(0);
  expect(second.output()).toContain("checked");
  expect(existsSync(join(root, ".serin-installing"))).toBe(false);
});

test("of several launches one installs and the others wait", async () => {
  const root = createRepository(`sleep 0.5\n${install}`);
  const all = Array.from({ length: 3 }, () => launch(root));
  expect(await Promise.all(all.map(({ exit }) => exit))).toEqual([0, 0, 0]);
  expect(readFileSync(join(root, "installs"), "utf8").trim().split("\n")).toHaveLength(1);
  expect(all.filter(({ output }) => output().includes("waiting for process")).length).toBe(2);
});

test("a lock that nobody touches any more is broken, also when its process number is in use again", async () => {
  const root = createRepository(install);
  const lock = join(root, ".serin-installing");
  writeFileSync(lock, String(process.pid));
  const longAgo = new Date(Date.now() - 60_000);
  utimesSync(lock, longAgo, longAgo);
  const { exit } = launch(root);
  expect(await exit).toBe(0);
});

test("an install that fails says so and leaves no lock", async () => {
  const root = createRepository("exit 7");
  const { exit, output } = launch(root);
  expect(await exit).toBe(1);
  expect(output()).toContain("npm ci ended with 7");
  expect(existsSync(join(root, ".serin-installing"))).toBe(false);
});
