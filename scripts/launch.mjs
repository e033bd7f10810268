// The first thing that every npm script runs. It works on the Node that the machine has, provides the project's own
// packages when they are missing or out of date, and hands over to the task on the Node that came with them.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, renameSync, rmSync, statSync, utimes, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".serin-installed");
const lock = join(root, "package-lock.json");
const turn = join(root, ".serin-installing");
const leashed = join(root, "scripts", "run", "leashed.mjs");

const tasks = {
  check: "scripts/check.ts",
  test: "scripts/test.ts",
  bench: "scripts/bench.ts",
  demo: "scripts/demo.ts",
  cluster: "scripts/cluster.ts",
  generate: "scripts/generate.ts",
  format: "scripts/format.ts",
  build: "scripts/build.ts",
  site: "scripts/site.ts",
  serin: "src/main.ts",
};

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === readFileSync(lock, "utf8");
}

/** What runs at the moment; signals are passed on to it, and it goes when this process goes. */
let current;
/** The signal by which this process was told to end. */
let ending;

const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

function endCurrent(signal) {
  ending = signal;
  current?.(signal);
}

function exitIfEnding() {
  if (ending !== undefined) process.exit(exitCodes[ending]);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => endCurrent(signal));

// npm can be killed without a word to its children; then this process has been handed to another parent.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) endCurrent("SIGTERM");
}, 500).unref();

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** A holder that has not touched its lock for so long is gone, whoever has its process number now. Milliseconds. */
const untouched = 10_000;

function takeTurn(text) {
  try {
    writeFileSync(turn, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

/** The process whose turn it is, 0 for one that has not written its number yet; a lock that is left of a dead one goes. */
function turnHolder() {
  const text = readOr(turn, undefined);
  if (text === undefined) return undefined;
  const holder = Number(text);
  const touched = statSync(turn, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if ((holder === 0 || isAlive(holder)) && Date.now() - touched < untouched) return holder;
  const aside = `${turn}.${process.pid}`;
  try {
    renameSync(turn, aside);
  } catch {
    return undefined;
  }
  // Another one that waits was faster, and it is its lock that was put aside.
  const taken = readOr(aside, text);
  if (taken !== text) takeTurn(taken);
  rmSync(aside, { force: true });
  return undefined;
}

function endTurn() {
  if (readOr(turn, "") === String(process.pid)) rmSync(turn, { force: true });
}

/** Two installs in one folder would break each other: the second one waits. */
async function withInstallLock(work) {
  let isTold = false;
  while (!takeTurn(String(process.pid))) {
    const holder = turnHolder();
    if (holder === undefined) continue;
    if (!isTold && holder !== 0) {
      process.stderr.write(`serin: waiting for process ${holder}, which installs packages\n`);
      isTold = true;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    exitIfEnding();
  }
  process.once("exit", endTurn);
  const touching = setInterval(() => utimes(turn, new Date(), new Date(), () => {}), untouched / 10);
  try {
    await work();
  } finally {
    clearInterval(touching);
    endTurn();
  }
}

async function install() {
  if (isInstalled()) return;
  process.stderr.write("serin: installing packages (npm ci), about a minute the first time …\n");
  const child = spawn(process.execPath, [leashed, "npm", "ci", "--loglevel=error"], {
    cwd: root,
    detached: true,
    stdio: ["pipe", 2, 2],
  });
  current = () => child.stdin.end();
  const code = await new Promise((resolve) => {
    child.on("error", () => resolve(1));
    child.on("exit", (status) => resolve(status ?? 1));
  });
  exitIfEnding();
  if (code !== 0) {
    process.stderr.write(
      `serin: packages could not be installed (npm ci ended with ${code}); check the network and run the command again\n`,
    );
    process.exit(1);
  }
  writeFileSync(stamp, readFileSync(lock, "utf8"));
}

function readOr(path, otherwise) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}

/** The node that the `node` package brought; the task needs its type stripping. */
function ownNode() {
  const path = join(root, "node_modules", "node", "bin", "node");
  return existsSync(path) && statSync(path).size > 0 ? path : process.execPath;
}

const [task, ...args] = process.argv.slice(2);
const script = tasks[task];
if (script === undefined) {
  process.stderr.write(`serin: no task ${JSON.stringify(task ?? "")}; there are: ${Object.keys(tasks).join(", ")}\n`);
  process.exit(2);
}
if (!isInstalled()) await withInstallLock(install);
exitIfEnding();

// Many processes are started from the same sources, operators and commands in tests above all: they are compiled once.
const NODE_COMPILE_CACHE = process.env.NODE_COMPILE_CACHE ?? join(root, "node_modules", ".cache", "node");

// The channel is the leash: when this process is gone, however it went, the task sees it closed and ends what it started.
const child = spawn(ownNode(), ["--disable-warning=ExperimentalWarning", join(root, script), ...args], {
  stdio: ["inherit", "inherit", "inherit", "ipc"],
  env: {
    ...process.env,
    NODE_COMPILE_CACHE,
    SERIN_LAUNCHED: "1",
    PATH: `${dirname(ownNode())}:${process.env.PATH ?? ""}`,
  },
});
current = (signal) => child.kill(signal);

child.on("error", (error) => {
  process.stderr.write(`serin: ${error.message}\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(code ?? exitCodes[signal] ?? 1);
});
