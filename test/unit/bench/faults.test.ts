import { describe, expect, test } from "vitest";
import { playAll, type Heard } from "../../bench/faults/player.ts";
import { enoughReleases, faultsLines, impossible, judgeFaults, rulesInRelease } from "../../bench/faults/result.ts";
import type { FaultsOutcome } from "../../bench/faults/run.ts";
import { readBenchOptions } from "../../bench/options.ts";
import { faultKinds } from "../../simulation/cluster/faults.ts";

const options = readBenchOptions(["faults"], 7);
if (options === "help") throw new Error("help");
const pairs = rulesInRelease.flatMap((rule) => faultKinds.map((kind) => [rule, kind] as const));
const possible = pairs.filter(([rule, kind]) => impossible[rule]?.includes(kind) !== true);
const good: FaultsOutcome = {
  releases: enoughReleases,
  bad: 2_500,
  violations: [],
  strikes: new Map(possible.map(([rule, kind]) => [`${rule} ${kind}`, 3])),
  planted: [{ bug: "an event is lost", tried: 3, found: 3 }],
  hours: 200,
};
const judged = (change: Partial<FaultsOutcome> = {}) => judgeFaults(options, { ...good, ...change }, 60);

describe("the bar of the faults", () => {
  test("is met", () => {
    const result = judged();
    expect(result.passed).toBe(true);
    expect(result.strikes["passStep"]?.["late"]).toBe(3);
    expect(faultsLines(result).join("\n")).toMatch(
      /^5000 releases \(2500 of bad revisions\)[^]*1 of 1 planted[^]*passed$/,
    );
  });

  test.each<[string, Partial<FaultsOutcome>]>([
    ["a violation", { violations: ["seed 3: weights"] }],
    ["a mistake that was not found each time", { planted: [{ bug: "an event is lost", tried: 3, found: 2 }] }],
    ["a fault that never struck a rule", { strikes: new Map([["passStep late", 3]]) }],
  ])("is missed with %s", (_what, change) => {
    const result = judged(change);
    expect(result.passed).toBe(false);
    expect(faultsLines(result).at(-1)).toContain("missed the bar");
  });

  test("does not ask of a few releases that everything happened", () => {
    expect(judged({ releases: enoughReleases - 1, strikes: new Map() }).passed).toBe(true);
  });
});

test("a player tells of all its releases", async () => {
  const told: Heard[] = [];
  await playAll([1, 2, 3], (heard) => told.push(heard));
  expect(told).toMatchObject([{ releases: 3, violations: [] }]);
  expect(told[0]?.strikes.length).toBeGreaterThan(0);
});
