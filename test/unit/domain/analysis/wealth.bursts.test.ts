import { expect, test } from "vitest";
import { bet, worth, type Game, type Wealth } from "../../../../src/domain/analysis/wealth.ts";

const requestsPerSecond = 1_000;
const alignments = 40;

/** The most that the wealth comes to, whatever the alignment of a burst of 100 % errors with blocks of `scrape` seconds. */
function mostAfter(burst: number, scrape: number, quiet: number, game: Game): number {
  let most = 0;
  for (let alignment = 0; alignment < alignments; alignment += 1) {
    const from = scrape * (quiet + alignment / alignments);
    let wealth: Wealth | undefined;
    for (let begin = 0; begin < from + burst + 6 * scrape; begin += scrape) {
      const seconds = Math.max(0, Math.min(from + burst, begin + scrape) - Math.max(from, begin));
      const counted = { bad: seconds * requestsPerSecond, total: scrape * requestsPerSecond };
      wealth = bet(wealth, { ...counted, share: 0.01, length: 1_000 * scrape }, game);
      most = Math.max(most, worth(wealth));
    }
  }
  return most;
}

const tolerating = (seconds: number): Game => ({ alpha: 0.01, burstTolerance: 1_000 * seconds });
const fast: Game = { ...tolerating(3), clusterSize: 2, onRequests: 0.9, atOnce: 0.75 };

test.each<[number, string, Game, number, number]>([
  [1, "10 s", tolerating(10), 0, 7],
  [1, "10 s", tolerating(10), 20, 9.4],
  [1, "5 s", tolerating(5), 0, 3],
  [1, "5 s", tolerating(5), 20, 5.2],
  [5, "10 s", tolerating(10), 0, 2.7],
  [5, "10 s", tolerating(10), 20, 11],
  [5, "5 s", tolerating(5), 0, 2.7],
  [5, "5 s", tolerating(5), 20, 8.2],
  [15, "10 s", tolerating(10), 0, 8.3],
  [15, "5 s", tolerating(5), 20, 21.5],
  [30, "10 s", tolerating(10), 0, 16.7],
  [30, "5 s", tolerating(5), 20, 41.7],
  [1, "fast", fast, 0, 1],
])("scrapes every %d s, %s: a burst is harmless up to the documented length, and not for long after", (...args) => {
  const [scrape, , game, quiet, harmless] = args;
  expect(mostAfter(harmless, scrape, quiet, game)).toBeLessThan(100);
  expect(mostAfter(harmless + 0.2, scrape, quiet, game)).toBeGreaterThanOrEqual(100);
});
