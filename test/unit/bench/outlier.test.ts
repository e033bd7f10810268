import { describe, expect, test } from "vitest";
import { readBenchOptions, type BenchOptions } from "../../bench/options.ts";
import { judgeOutlier, outlierLines } from "../../bench/outlier/result.ts";
import type { OutlierCell, OutlierOutcome } from "../../bench/outlier/run.ts";

const options = readBenchOptions(["outlier"], 7) as BenchOptions;
const cell = (more: Partial<OutlierCell> = {}): OutlierCell => ({
  pods: 4,
  callers: 10,
  errorRate: 0.5,
  inARow: 3,
  notTuned: undefined,
  // 14 requests in the mean until three in a row, and 1,110 where one of ten fails.
  bad: { requests: 840, ejections: 60 },
  good: { requests: 20_000, ejections: 18 },
  ...more,
});
const outcome = (more: Partial<OutlierOutcome> = {}): OutlierOutcome => ({
  cells: [cell()],
  percents: [{ pods: 4, percent: 25, expected: 1, ejected: 1 }],
  versions: {},
  ...more,
});

describe("the bench of outlier detection", () => {
  test("passes where Envoy does what was computed, and tells both in seconds and ejections a day", () => {
    const result = judgeOutlier(options, outcome(), 12.4);
    expect(result).toMatchObject({ passed: true, wrong: [], rate: 200, seed: 7, seconds: 12 });
    expect(result.rows).toEqual([
      {
        pods: 4,
        callers: 10,
        errorRate: 0.5,
        inARow: 3,
        tuned: true,
        // A pod gets five requests a second of each proxy.
        ejectedAfter: { computed: 2.8, measured: 2.8 },
        falsePerDay: 0.00432,
        falsePerDayAtTenPercent: { computed: 3_890, measured: 3_890 },
      },
    ]);
    expect(outlierLines(result).at(-1)).toBe("passed");
  });

  test("says nothing of what was too rare to be measured", () => {
    const rare = cell({ bad: { requests: 20_000, ejections: 4 }, notTuned: "too slow" });
    const result = judgeOutlier(options, outcome({ cells: [rare] }), 1);
    expect(result.passed).toBe(true);
    expect(result.rows[0]).toMatchObject({ tuned: false, ejectedAfter: { measured: null } });
    expect(outlierLines(result).join("\n")).toContain("2.8 (too rare)");
  });

  test.each([
    [
      "a bad pod that stays longer",
      { cells: [cell({ bad: { requests: 1_400, ejections: 60 } })] },
      /bad pod: 23 requests per ejection, computed 14/,
    ],
    [
      "good pods that go too often",
      { cells: [cell({ good: { requests: 6_000, ejections: 18 } })] },
      /good pods: 333 requests per ejection, computed 1110/,
    ],
    [
      "a share that is not kept to",
      { percents: [{ pods: 4, percent: 24, expected: 0, ejected: 1 }] },
      /^24 % of 4 pods: 1 ejected, expected 0$/,
    ],
  ])("fails for %s", (_, more, expected) => {
    const result = judgeOutlier(options, outcome(more), 1);
    expect(result.passed).toBe(false);
    expect(result.wrong).toEqual([expect.stringMatching(expected)]);
  });
});
