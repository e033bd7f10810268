import { describe, expect, test } from "vitest";
import { playRelease, type Played } from "./play.ts";
import { plantedBugs } from "./planted.ts";

/** What is said of a run that went wrong, and how to see it again. */
function told({ seed, isBad, disturbance, violations }: Played): string {
  const what = `${isBad ? "bad" : "good"} release, ${disturbance}: ${violations.join("; ")}`;
  return `seed ${seed} (npm run bench -- faults --seed ${seed} --releases 1): ${what}`;
}

describe("the controller and its adapters over a cluster in memory", () => {
  test.each([0, 0.1, 0.3])(
    "keep every invariant while %d of all writes and looks meet a fault",
    async (faults) => {
      for (let seed = 1; seed <= 40; seed += 1) {
        const played = await playRelease({ seed, faults });
        expect(played.violations, told(played)).toEqual([]);
      }
    },
    120_000,
  );

  test("a bad pod among good ones is ejected, whatever fails, and nothing of it is left", async () => {
    let struck = 0;
    for (let seed = 1; seed <= 30; seed += 1) {
      const played = await playRelease({ seed, isBad: false, disturbance: "badPod" });
      expect(played.violations, told(played)).toEqual([]);
      const tuned = [...played.strikes.keys()].filter((pair) => pair.startsWith("tuneOutliers "));
      struck += tuned.length > 0 ? 1 : 0;
    }
    expect(struck).toBeGreaterThan(5);
  }, 120_000);

  test("a watch that shows the routes of a rollback before its status gives the canary nothing back", async () => {
    const played = await playRelease({ seed: 3_697_435_592 });
    expect(played.violations, told(played)).toEqual([]);
  });

  test("the same seed is the same run", async () => {
    const [first, again] = [await playRelease({ seed: 5 }), await playRelease({ seed: 5 })];
    expect(again).toEqual(first);
    expect([...first.strikes.keys()].length).toBeGreaterThan(0);
  });
});

describe("a mistake that somebody could make is found", () => {
  test.each(Object.entries(plantedBugs))(
    "%s",
    async (_what, { plant, found, ...more }) => {
      for (const seed of [11, 12, 13]) {
        const { violations } = await playRelease({ seed, plant, longest: 600, ...more });
        expect(violations.join("\n")).toMatch(found);
      }
    },
    120_000,
  );
});
