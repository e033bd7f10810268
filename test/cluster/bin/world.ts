// The world process: node agent, mesh control and telemetry of one local cluster.
// Usage: world.ts CONFIG.json. It prints one JSON line when it is ready and ends when its input closes.
import { readFileSync } from "node:fs";
import type { WorldConfig } from "../world/config.ts";
import { runWorld } from "../world/run-world.ts";

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error("usage: world.ts CONFIG.json");
  process.exit(2);
}

const troubles = new Map<string, number>();
const repeatMs = 5000;

/** The same trouble is said once in a while, not at each retry. */
function onTrouble(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  const now = performance.now();
  if (now - (troubles.get(text) ?? -repeatMs) < repeatMs) return;
  troubles.set(text, now);
  console.error(`${new Date().toISOString()} ${text}`);
}

const world = await runWorld(JSON.parse(readFileSync(path, "utf8")) as WorldConfig, onTrouble);
console.log(JSON.stringify(world.ready));

const end = (): void => void world.stop().finally(() => process.exit(0));
process.stdin.once("end", end).once("close", end).resume();
process.once("SIGTERM", end);
process.once("SIGINT", end);
