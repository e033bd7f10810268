#!/usr/bin/env node
// Runs the compiled program where there is one, else the source as it stands. Either needs a Node that knows type
// stripping and the packages' own minimum; on an older one the Node that was installed with the project takes over.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const compiled = here("../dist/main.js");
const entry = existsSync(compiled) ? compiled : here("../src/main.ts");
const ownNode = here("../node_modules/node/bin/node");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major > 22 || (major === 22 && minor >= 18)) {
  process.argv[1] = entry;
  await import(new URL(`file://${entry}`).href);
} else if (existsSync(ownNode)) {
  const child = spawn(ownNode, [entry, ...process.argv.slice(2)], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("exit", (code) => process.exit(code ?? 1));
} else {
  process.stderr.write(`serin: Node ${process.versions.node} is too old; install Node 24\n`);
  process.exit(1);
}
