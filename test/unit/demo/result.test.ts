import { describe, expect, test } from "vitest";
import { planReleases } from "../../demo/plan.ts";
import { asExpected, disappointments, jsonLine, type ReleaseResult } from "../../demo/result.ts";
import { releaseLines, summaryLines } from "../../demo/summary.ts";

const [good, bad, good2] = planReleases({ badErrorRate: 0.1, badLatencyMs: undefined, order: ["good", "bad", "good"] });

const promoted: ReleaseResult = {
  plan: good!,
  outcome: "Promoted",
  reason: undefined,
  weights: [10, 50, 100],
  seconds: 84.1,
  podsRestarted: 0,
  failedRequests: 0,
  requests: 16_842,
};
const rolledBack: ReleaseResult = {
  plan: bad!,
  outcome: "RolledBack",
  reason: "ErrorRateTooHigh",
  weights: [10],
  seconds: 8.7,
  podsRestarted: 0,
  failedRequests: 20,
  requests: 3350,
};

const result = (...releases: ReleaseResult[]) => ({ releases, planned: releases.length, provisionedSeconds: 21.3 });
const plain = (_: unknown, text: string) => text;

describe("the JSON line", () => {
  test("has its keys in this order", () => {
    expect(jsonLine(result(promoted, rolledBack))).toBe(
      '{"good":{"outcome":"Promoted","weights":[10,50,100],"seconds":84.1,"podsRestarted":0,"failedRequests":0,"requests":16842},' +
        '"bad":{"outcome":"RolledBack","reason":"ErrorRateTooHigh","atWeight":10,"seconds":8.7,"failedRequests":20,"requests":3350},' +
        '"provisioned":{"seconds":21.3}}',
    );
  });

  test("follows the order of the releases", () => {
    const line = jsonLine(result(rolledBack, promoted, { ...promoted, plan: good2! }));
    expect(Object.keys(JSON.parse(line) as object)).toEqual(["bad", "good", "good2", "provisioned"]);
  });

  test("says why a good version was rolled back", () => {
    const line = jsonLine(result({ ...rolledBack, plan: good! }));
    expect(line).toContain('{"outcome":"RolledBack","reason":"ErrorRateTooHigh","weights":[10],"seconds":8.7,');
  });

  test("has no reason for a bad version that timed out", () => {
    const line = jsonLine(result({ ...rolledBack, outcome: "TimedOut", reason: undefined, weights: [] }));
    expect(line).toContain('"bad":{"outcome":"TimedOut","reason":null,"atWeight":0,');
  });
});

describe("the verdict", () => {
  const lenient = planReleases({ badErrorRate: 0.001, badLatencyMs: undefined, order: ["bad"] })[0]!;

  test.each([
    ["all as planned", result(promoted, rolledBack)],
    ["a slightly bad version that was promoted", result({ ...promoted, plan: lenient, failedRequests: 17 })],
    ["a rollback after exactly as long as it may take", result({ ...rolledBack, seconds: 30 })],
  ])("of %s is good", (_, demo) => {
    expect(disappointments(demo)).toEqual([]);
    expect(asExpected(demo)).toBe(true);
  });

  test.each([
    [
      { ...rolledBack, plan: good! },
      "The good version product:v2 was to be Promoted and was RolledBack (ErrorRateTooHigh).",
    ],
    [{ ...promoted, plan: bad! }, "The bad version product:v3 was to be RolledBack and was Promoted."],
    [
      { ...rolledBack, reason: "CanaryCrashed" },
      "The bad version product:v3 was rolled back for CanaryCrashed instead of ErrorRateTooHigh.",
    ],
    [
      { ...promoted, weights: [10, 100] },
      "The good version product:v2 went through the weights [10, 100] instead of [10, 50, 100].",
    ],
    [
      { ...promoted, weights: [10, 50, 10, 50, 100] },
      "The good version product:v2 went through the weights [10, 50, 10, 50, 100] instead of [10, 50, 100].",
    ],
    [{ ...promoted, failedRequests: 1 }, "The good version product:v2 failed 1 request."],
    [{ ...promoted, podsRestarted: 2 }, "The good version product:v2 restarted 2 pods."],
    [{ ...rolledBack, seconds: 30.1 }, "The bad version product:v3 had traffic for 30.1 s; it may have it for 30 s."],
    [
      { ...rolledBack, weights: [10, 50] },
      "The bad version product:v3 was rolled back after the weights [10, 50] instead of [10].",
    ],
    [
      { ...rolledBack, weights: [] },
      "The bad version product:v3 was rolled back after the weights [] instead of [10].",
    ],
    [{ ...promoted, outcome: "TimedOut" as const }, "The good version product:v2 had no outcome after 84.1 s."],
  ])("says what was wrong (%#)", (release, sentence) => {
    expect(disappointments(result(release))).toEqual([sentence]);
    expect(asExpected(result(release))).toBe(false);
  });

  test("says that releases are missing", () => {
    const cut = { ...result(promoted), planned: 2 };
    expect(disappointments(cut)).toEqual(["1 of 2 releases was not made."]);
    expect(asExpected(cut)).toBe(false);
  });
});

describe("the summary", () => {
  test("has two lines per release that fit a terminal", () => {
    expect(releaseLines(promoted, plain)).toEqual([
      "✓ good product:v2  Promoted    10 → 50 → 100 % in 84.1 s",
      "                               0 of 16,842 requests failed, no pod restarted",
    ]);
    expect(releaseLines(rolledBack, plain)).toEqual([
      "✓ bad  product:v3  RolledBack  ErrorRateTooHigh at 10 % after 8.7 s of traffic",
      "                               20 of 3,350 requests failed",
    ]);
    expect(releaseLines({ ...promoted, outcome: "TimedOut" }, plain)[0]).toBe(
      "✗ good product:v2  TimedOut    not ended after 84.1 s, at 100 %",
    );
  });

  test("says whether it went as it should", () => {
    expect(summaryLines(result(promoted, rolledBack), plain).at(-1)).toMatch(/^Every release ended as it should\./);
    expect(summaryLines(result({ ...promoted, plan: bad! }), plain).at(-1)).toMatch(/^Not every release/);
  });
});
