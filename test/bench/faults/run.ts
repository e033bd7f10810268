// Releases under random faults in virtual time, with the real controller and adapters over a cluster in memory.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { playRelease } from "../../simulation/cluster/play.ts";
import { plantedBugs } from "../../simulation/cluster/planted.ts";
import type { BenchRun } from "../bench-lab.ts";
import type { BenchOptions } from "../options.ts";
import type { Heard, PlayerOptions } from "./player.ts";

export interface FaultsOutcome {
  readonly releases: number;
  /** Of them, those of a revision that fails requests. */
  readonly bad: number;
  readonly violations: readonly string[];
  /** `rule kind` → how often it struck in mid-release. */
  readonly strikes: ReadonlyMap<string, number>;
  /** Mistakes that were planted, and of how many seeds each was found. */
  readonly planted: readonly { readonly bug: string; readonly tried: number; readonly found: number }[];
  /** Hours of virtual time. */
  readonly hours: number;
}

const largest = 2 ** 32;
const triesPerBug = 3;

/** Plays as many releases as are asked for, side by side on all cores, and then looks for every planted mistake. */
export async function runFaults({ seed, releases }: BenchOptions, run: BenchRun): Promise<FaultsOutcome> {
  const seeds = Array.from({ length: releases }, (_none, index) => (seed + index) % largest);
  const threads = Math.min(releases, availableParallelism());
  const strikes = new Map<string, number>();
  const violations: string[] = [];
  let [done, seconds, bad] = [0, 0, 0];
  const onHeard = (heard: Heard) => {
    done += heard.releases;
    seconds += heard.seconds;
    bad += heard.bad;
    violations.push(...heard.violations);
    for (const [struck, often] of heard.strikes) strikes.set(struck, (strikes.get(struck) ?? 0) + often);
    run.onProgress({ subject: "faults", text: `${done} of ${releases} releases`, share: done / releases });
  };
  const shares = Array.from({ length: threads }, (_none, thread) => seeds.filter((_, at) => at % threads === thread));
  await Promise.all(shares.map((share) => play(share, onHeard, run.signal)));
  const planted = await findPlanted(seed, run);
  return { releases, bad, violations, strikes, planted, hours: Math.round(seconds / 3_600) };
}

function play(seeds: readonly number[], onHeard: (heard: Heard) => void, signal: AbortSignal): Promise<void> {
  const workerData: PlayerOptions = { seeds };
  const worker = new Worker(new URL("player.ts", import.meta.url), { workerData });
  const stop = () => void worker.terminate();
  signal.addEventListener("abort", stop, { once: true });
  return new Promise((resolve, reject) => {
    worker.on("message", onHeard);
    worker.on("error", reject);
    worker.on("exit", () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
  });
}

async function findPlanted(seed: number, { onProgress, signal }: BenchRun): Promise<FaultsOutcome["planted"]> {
  const bugs = Object.entries(plantedBugs);
  const results: { bug: string; tried: number; found: number }[] = [];
  for (const [bug, { plant, found: sign, ...more }] of bugs) {
    let found = 0;
    for (let tried = 0; tried < triesPerBug; tried += 1) {
      signal.throwIfAborted();
      const { violations } = await playRelease({ seed: (seed + tried) % largest, plant, longest: 600, ...more });
      if (violations.some((violation) => sign.test(violation))) found += 1;
    }
    results.push({ bug, tried: triesPerBug, found });
    onProgress({ subject: "faults", text: `${results.length} of ${bugs.length} planted mistakes` });
  }
  return results;
}
