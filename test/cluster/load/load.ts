import { createInterface } from "node:readline";
import type { StartProcess } from "../world/ports.ts";
import { createCounting, difference, type CallCounts } from "./counts.ts";

export interface LoadOptions {
  readonly vegetaPath: string;
  readonly startProcess: StartProcess;
  /** `ip:port` that is called; the Host header chooses the Service. */
  readonly proxyAddress: string;
  readonly host: string;
  readonly path?: string;
  /** Requests per second, sent whether or not earlier ones have been answered. */
  readonly rate: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Names the processes; needed only when two loads run at once. */
  readonly name?: string;
}

export interface Load {
  snapshot(): CallCounts;
  /** What has been counted since an earlier snapshot. */
  since(mark: CallCounts): CallCounts;
  /** Sends nothing more, waits for the answers under way, and returns the final counts. */
  stop(): Promise<CallCounts>;
}

/** A line of `vegeta encode --to json`; the latency is in nanoseconds. */
interface VegetaResult {
  readonly code: number;
  readonly timestamp: string;
  readonly latency: number;
  readonly headers: Readonly<Record<string, readonly string[]>> | null;
}

const defaultTimeoutMs = 10_000;
const nanosecondsPerMillisecond = 1e6;

/** Open-loop load at a constant rate through a proxy, counted as the answers come in. */
export async function startLoad(options: LoadOptions): Promise<Load> {
  const { vegetaPath, startProcess, proxyAddress, host, path = "/", rate, headers = {}, name = "load" } = options;
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const counting = createCounting();
  const encoder = await startProcess({
    name: `${name}-results`,
    command: vegetaPath,
    args: ["encode", "--to", "json"],
    stdin: "pipe",
    stdout: "pipe",
  });
  const attack = await startProcess({
    name,
    command: vegetaPath,
    args: [
      "attack",
      "-rate",
      `${rate}/s`,
      "-duration",
      "0",
      "-max-body",
      "0",
      "-timeout",
      `${timeoutMs}ms`,
      "-redirects",
      "-1",
    ],
    stdin: "pipe",
    stdout: "pipe",
    graceMs: timeoutMs + 1000,
  });
  if (!attack.stdin || !attack.stdout || !encoder.stdin || !encoder.stdout) throw new Error("the load needs pipes");
  const lines = Object.entries({ Host: host, ...headers }).map(([key, value]) => `${key}: ${value}`);
  attack.stdin.end(`GET http://${proxyAddress}${path}\n${lines.join("\n")}\n`);
  attack.stdout.pipe(encoder.stdin);
  const counted = new Promise<void>((resolve) => {
    createInterface({ input: encoder.stdout! })
      .on("line", (line) => {
        const { code, timestamp, latency, headers: answered } = JSON.parse(line) as VegetaResult;
        const version = answered?.["X-Version"]?.[0];
        counting.add({
          at: Date.parse(timestamp),
          latencyMs: latency / nanosecondsPerMillisecond,
          status: code,
          version,
        });
      })
      .once("close", () => resolve());
  });
  return {
    snapshot: () => counting.snapshot(),
    since: (mark) => difference(counting.snapshot(), mark),
    async stop() {
      await attack.stop("SIGINT");
      await counted;
      await encoder.stop();
      return counting.snapshot();
    },
  };
}
