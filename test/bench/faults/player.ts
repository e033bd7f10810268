// A thread that plays some of the releases, and tells of them a few at a time.
import { parentPort, workerData } from "node:worker_threads";
import { playRelease } from "../../simulation/cluster/play.ts";

export interface PlayerOptions {
  readonly seeds: readonly number[];
}

/** What some releases came to. */
export interface Heard {
  readonly releases: number;
  /** `rule kind` → how often it struck. */
  readonly strikes: readonly (readonly [string, number])[];
  readonly violations: readonly string[];
  /** Of virtual time. */
  readonly seconds: number;
  readonly bad: number;
}

const together = 20;

export async function playAll(seeds: readonly number[], tell: (heard: Heard) => void): Promise<void> {
  for (let at = 0; at < seeds.length; at += together) {
    const strikes = new Map<string, number>();
    const violations: string[] = [];
    let [seconds, bad] = [0, 0];
    const batch = seeds.slice(at, at + together);
    for (const seed of batch) {
      const played = await playRelease({ seed });
      seconds += played.seconds;
      bad += played.isBad ? 1 : 0;
      for (const [struck, often] of played.strikes) strikes.set(struck, (strikes.get(struck) ?? 0) + often);
      const kind = `${played.isBad ? "bad" : "good"} release, ${played.disturbance}`;
      violations.push(...played.violations.map((violation) => `seed ${seed}, ${kind}: ${violation}`));
    }
    tell({ releases: batch.length, strikes: [...strikes], violations, seconds, bad });
  }
}

if (parentPort !== null) {
  const { seeds } = workerData as PlayerOptions;
  const port = parentPort;
  await playAll(seeds, (heard) => {
    port.postMessage(heard);
  });
}
