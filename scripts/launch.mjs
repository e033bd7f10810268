// The first thing that every npm script runs. It works on the Node that the machine has, provides the project's own
// packages when they are missing or out of date, and hands over to the task on the Node that came with them.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".serin-installed");
const lock = join(root, "package-lock.json");

const tasks = {
  check: "scripts/check.ts",
  test: "scripts/test.ts",
  demo: "scripts/demo.ts",
  cluster: "scripts/cluster.ts",
  generate: "scripts/generate.ts",
  format: "scripts/format.ts",
  build: "scripts/build.ts",
  serin: "src/main.ts",
};

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === readFileSync(lock, "utf8");
}

function install() {
  process.stderr.write("serin: installing packages (npm ci), about a minute the first time …\n");
  const done = spawnSync("npm", ["ci", "--loglevel=error"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (done.error !== undefined || done.status !== 0) {
    const why = done.error?.message ?? `npm ci ended with ${done.status ?? done.signal}`;
    process.stderr.write(
      `serin: packages could not be installed (${why}); check the network and run the command again\n`,
    );
    process.exit(1);
  }
  writeFileSync(stamp, readFileSync(lock, "utf8"));
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
if (!isInstalled()) install();

// The channel is the leash: when this process is gone, however it went, the task sees it closed and ends what it started.
const child = spawn(ownNode(), ["--disable-warning=ExperimentalWarning", join(root, script), ...args], {
  stdio: ["inherit", "inherit", "inherit", "ipc"],
  env: { ...process.env, SERIN_LAUNCHED: "1", PATH: `${dirname(ownNode())}:${process.env.PATH ?? ""}` },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));

// npm can be killed without a word to its children; then this process has been handed to another parent.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid !== parent) child.kill("SIGTERM");
}, 500);
watch.unref();

child.on("error", (error) => {
  process.stderr.write(`serin: ${error.message}\n`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  process.exit(code ?? (signal === "SIGINT" ? 130 : signal === "SIGTERM" ? 143 : 1));
});
