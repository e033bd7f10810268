import { describe, expect, test } from "vitest";
import { shareOut } from "../../bench/bench-lab.ts";
import { readBenchOptions, WrongOption, type BenchOptions } from "../../bench/options.ts";
import { restartsIn, type Entry } from "../../bench/pod-ledger.ts";
import { randomFrom } from "../../support/random.ts";
import { judgeBench, summaryLines, type AppResult } from "../../bench/result.ts";
import type { TrafficAppResult } from "../../bench/traffic.ts";
import { judgeTraffic, trafficLines } from "../../bench/traffic-result.ts";

describe("options", () => {
  test("have defaults, and a seed of their own unless one is given", () => {
    const expected = {
      bench: "adoption",
      json: false,
      promotions: 50,
      rollbacks: 40,
      seed: 7,
      apps: 4,
      rate: 20,
      callers: 500,
      calls: 5,
      spread: 30,
      releases: 10_000,
    };
    expect(readBenchOptions(["adoption"], 7)).toEqual(expected);
    expect(readBenchOptions(["adoption", "--json", "--seed", "3"], 7)).toEqual({ ...expected, json: true, seed: 3 });
    expect(readBenchOptions(["traffic"], 7)).toMatchObject({ bench: "traffic", apps: 2, rate: 100 });
    expect(readBenchOptions(["judge"], 7)).toMatchObject({ bench: "judge", seed: 1 });
    expect(readBenchOptions(["queries", "--callers", "9"], 7)).toMatchObject({
      apps: 50,
      rate: 100,
      callers: 9,
      calls: 5,
    });
    expect(readBenchOptions(["--help"], 7)).toBe("help");
  });

  test.each([
    [[], 'no bench ""; there are: adoption, traffic, judge, verdict, queries, faults, crashes, outlier'],
    [["speed"], 'no bench "speed"; there are: adoption, traffic, judge, verdict, queries, faults, crashes, outlier'],
    [["adoption", "--promotions", "0"], "--promotions 0: write a whole number from 1 to 10000"],
    [["adoption", "--seed", "x"], "--seed x: write a whole number from 0 to 4294967295"],
    [["adoption", "--fast"], "Unknown option '--fast'"],
  ])("refuse %j", (args, message) => {
    expect(() => readBenchOptions(args, 7)).toThrow(new WrongOption(message));
  });
});

test("promotions are shared out as equally as may be", () => {
  expect(shareOut(50, 4)).toEqual([13, 13, 12, 12]);
  expect(shareOut(2, 4)).toEqual([1, 1]);
});

test("the same seed gives the same numbers, from 0 to 1", () => {
  const some = (seed: number) => {
    const random = randomFrom(seed);
    return Array.from({ length: 1_000 }, random);
  };
  expect(some(1)).toEqual(some(1));
  expect(some(1)).not.toEqual(some(2));
  expect(Math.min(...some(1))).toBeGreaterThanOrEqual(0);
  expect(Math.max(...some(1))).toBeLessThan(1);
});

describe("pods that a promotion restarted", () => {
  const promotion = { replicaSet: "a", old: "old", begun: 100_000, ended: 200_000 };
  const at = 150_000;
  const removed: Entry = { what: "removed", replicaSet: "a", at };
  const down: Entry = { what: "scaled", by: -1, at: 95_000 };

  test.each<[string, readonly Entry[], number]>([
    ["old pods go", [{ what: "removed", replicaSet: "old", at }], 0],
    ["a container started again", [{ what: "restarted", replicaSet: "a", at }], 1],
    ["a pod more of the judged ones, as after scaling up", [{ what: "created", replicaSet: "a", at }], 0],
    ["a pod more of the old ones, as after scaling up", [{ what: "created", replicaSet: "old", at }], 0],
    ["a pod of another ReplicaSet", [{ what: "created", replicaSet: "deployment-made", at }], 1],
    ["a judged pod gone", [removed], 1],
    ["a judged pod gone after scaling down", [down, removed], 0],
    ["more judged pods gone than were scaled down", [down, removed, removed], 1],
    ["scaling down long before", [{ ...down, at: 80_000 }, removed], 1],
    [
      "what happened before and after",
      [
        { ...removed, at: 99_000 },
        { ...removed, at: 201_000 },
      ],
      0,
    ],
  ])("%s", (_what, entries, restarts) => {
    expect(restartsIn(entries, promotion)).toBe(restarts);
  });
});

describe("the bar", () => {
  const options: BenchOptions = {
    bench: "adoption",
    json: false,
    promotions: 2,
    rollbacks: 2,
    seed: 1,
    apps: 1,
    rate: 20,
    callers: 1,
    calls: 1,
    spread: 0,
    releases: 1,
  };
  const promotion = { image: "product:v2", outcome: "Promoted", restarts: 0, seconds: 20 };
  const good: AppResult = {
    namespace: "bench-1",
    promotions: [promotion, { ...promotion, seconds: 30 }],
    requests: 1_000,
    failed: 0,
    failures: [],
    lowest: 1,
    lowestAt: "never",
    scalings: 30,
  };
  const judged = (change: Partial<AppResult>) =>
    judgeBench(options, [{ ...good, ...change }], { seconds: 60, versions: {} });

  test("is met", () => {
    const result = judged({});
    expect(result).toMatchObject({ passed: true, promoted: 2, restarts: 0, failedRequests: 0, lowestCapacity: 1 });
    expect(result.promotionSeconds).toEqual({ median: 30, p95: 30, max: 30 });
    expect(summaryLines(result).at(-1)).toBe("passed");
  });

  test.each<[string, Partial<AppResult>]>([
    ["a release that was not promoted", { promotions: [promotion, { ...promotion, outcome: "RolledBack" }] }],
    ["a promotion that is missing", { promotions: [promotion] }],
    ["a restart", { promotions: [promotion, { ...promotion, restarts: 1 }] }],
    ["a failed request", { failed: 1 }],
    ["too few pods", { lowest: 0.99 }],
  ])("is missed by %s", (_what, change) => {
    expect(judged(change).passed).toBe(false);
    expect(summaryLines(judged(change)).at(-1)).toContain("missed the bar");
  });
});

describe("the bar of rollbacks", () => {
  const options: BenchOptions = { ...readOptions(), rollbacks: 2 };
  const rollback = { image: "product:v2", reason: "Aborted", milliseconds: 120, istioWrites: 8 };
  const good: TrafficAppResult = {
    namespace: "bench-1",
    rollbacks: [rollback, { ...rollback, milliseconds: 180 }],
    foreignWrites: 10,
    rewrites: 10,
    requests: 1_000,
    failed: 0,
    failures: [],
  };
  const judge = (changes: Partial<TrafficAppResult>) =>
    judgeTraffic(options, { apps: [{ ...good, ...changes }], writes: 30, versions: {} }, 60);

  test("is met, and the figures are those of the runs", () => {
    const result = judge({});
    expect(result).toMatchObject({
      passed: true,
      rolledBack: 2,
      lastCanaryRequest: { median: 180, p95: 180, max: 180 },
      istioWritesPerRelease: { median: 8 },
      writesPerRelease: 15,
      rewritesPerForeignWrite: 1,
    });
    expect(trafficLines(result).at(-1)).toBe("passed");
  });

  test.each<[string, Partial<TrafficAppResult>]>([
    ["a failed request", { failed: 1 }],
    ["a release that ended otherwise", { rollbacks: [rollback, { ...rollback, reason: "ErrorRateTooHigh" }] }],
    ["two rewrites for a foreign write", { rewrites: 11 }],
  ])("is missed by %s", (_what, changes) => {
    const result = judge(changes);
    expect(result.passed).toBe(false);
    expect(trafficLines(result).at(-1)).toContain("missed the bar");
  });
});

function readOptions(): BenchOptions {
  const options = readBenchOptions(["traffic"], 1);
  if (options === "help") throw new Error("nobody asked for help");
  return options;
}
