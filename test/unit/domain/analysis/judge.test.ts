import { describe, expect, it } from "vitest";
import type { Counts } from "../../../../src/api/rollout-status.ts";
import { judge } from "../../../../src/domain/analysis/judge.ts";
import type { Criteria, Judgement, JudgeInput } from "../../../../src/domain/analysis/judge.ts";

const criteria: Criteria = { errorLimit: 0.01, compareWith: "limit-and-stable" };
const withLatency: Criteria = { ...criteria, latency: { quantile: 0.99, max: 500 } };

function counts(requests: number, errors: number, slow = 0, slowOrClose = slow): Counts {
  return { requests, errors, slow, slowOrClose };
}

/** Judges one step that is the whole release so far. */
function judgeStep(canary: Counts, stable: Counts, more: Partial<JudgeInput> = {}): Judgement {
  const totals = { canary, stable };
  return judge({ criteria, step: totals, release: totals, stableServes: true, ...more });
}

describe("the plain judge on errors", () => {
  it("fails a canary that is over its limit and worse than stable", () => {
    expect(judgeStep(counts(612, 25), counts(5_508, 6))).toEqual({
      verdict: "Fail",
      failed: "ErrorRateTooHigh",
      sentence: "4.08 % of 612 canary requests failed (limit 1 %, stable 0.109 % of 5,508)",
      enough: false,
      nothingAgainst: false,
    });
  });

  it("fails a total outage at the third request", () => {
    const alone = { stableServes: false };
    expect(judgeStep(counts(2, 2), counts(0, 0), alone).verdict).toBe("Undecided");
    expect(judgeStep(counts(3, 3), counts(0, 0), alone).verdict).toBe("Fail");
    expect(judgeStep(counts(3, 3), counts(27, 0)).verdict).toBe("Fail");
  });

  it("passes a clean canary once three times the limit can be excluded: from 99 requests on", () => {
    expect(judgeStep(counts(98, 0), counts(900, 0))).toMatchObject({
      verdict: "Undecided",
      enough: false,
      nothingAgainst: true,
    });
    expect(judgeStep(counts(99, 0), counts(900, 0))).toEqual({
      verdict: "Pass",
      sentence: "0 % of 99 canary requests failed (limit 1 %, stable 0 % of 900)",
      enough: true,
      nothingAgainst: true,
    });
  });

  it("says what is missing", () => {
    expect(judgeStep(counts(0, 0), counts(10, 0)).sentence).toBe("no canary requests in this step yet");
    expect(judgeStep(counts(60, 0), counts(540, 0)).sentence).toBe(
      "0 % of 60 canary requests failed (limit 1 %, stable 0 % of 540): too few requests for a verdict",
    );
  });

  it("neither fails nor passes what stable has as well", () => {
    const judged = judgeStep(counts(500, 100), counts(4_500, 900));
    expect(judged).toMatchObject({ verdict: "Undecided", nothingAgainst: false });
    expect(judged.sentence).toContain("stable is no better");
  });

  it.each([
    ["stable has no weight", { stableServes: false }],
    ["only the limit counts", { criteria: { ...criteria, compareWith: "limit" } }],
  ] as const)("fails what stable has as well when %s", (_, more) => {
    expect(judgeStep(counts(500, 100), counts(4_500, 900), more).verdict).toBe("Fail");
  });

  it("fails a canary alone when stable had weight but no requests", () => {
    expect(judgeStep(counts(30, 30), counts(0, 0)).verdict).toBe("Fail");
  });

  it("fails a canary that turns bad in a late step, however good it was", () => {
    const step = { canary: counts(100, 8), stable: counts(100, 0) };
    const release = { canary: counts(20_100, 8), stable: counts(100_000, 20) };
    expect(judge({ criteria, step, release, stableServes: true }).verdict).toBe("Fail");
  });

  it("fails a canary whose errors show only over the whole release", () => {
    const step = { canary: counts(100, 2), stable: counts(900, 0) };
    const release = { canary: counts(1_000, 25), stable: counts(9_000, 5) };
    expect(judge({ criteria, step, release, stableServes: true }).verdict).toBe("Fail");
  });

  it("does not hold an incident of an earlier step against a canary that serves alone", () => {
    const step = { canary: counts(500, 0), stable: counts(0, 0) };
    const release = { canary: counts(1_500, 200), stable: counts(1_000, 200) };
    expect(judge({ criteria, step, release, stableServes: false }).verdict).toBe("Pass");
  });

  it("does not go on with a canary that is over its limit, even where three times the limit is excluded", () => {
    const judged = judgeStep(counts(10_000, 125), counts(90_000, 1_125));
    expect(judged).toMatchObject({ verdict: "Undecided", enough: false, nothingAgainst: false });
  });

  it("finds one failure of twenty no reason to stop, and two of twenty one", () => {
    expect(judgeStep(counts(20, 1), counts(180, 0)).nothingAgainst).toBe(true);
    expect(judgeStep(counts(20, 2), counts(180, 0)).nothingAgainst).toBe(false);
  });
});

describe("the plain judge on latency", () => {
  it("fails on requests that were surely slow", () => {
    expect(judgeStep(counts(1_000, 0, 40), counts(9_000, 0, 20), { criteria: withLatency })).toMatchObject({
      verdict: "Fail",
      failed: "LatencyTooHigh",
      sentence: "4 % of 1,000 canary requests took longer than 500ms (limit 1 %, stable 0.222 % of 9,000)",
    });
  });

  it("neither fails nor passes when all depends on where in a bucket requests were", () => {
    const judged = judgeStep(counts(1_000, 0, 0, 100), counts(9_000, 0, 0, 900), { criteria: withLatency });
    expect(judged).toMatchObject({ verdict: "Undecided", enough: false, nothingAgainst: true });
    expect(judged.sentence).toContain("0 % to 10 % of 1,000 canary requests took longer than 500ms");
  });

  it("passes when even the lower boundary excludes three times the limit", () => {
    expect(judgeStep(counts(1_000, 2, 0, 5), counts(9_000, 5), { criteria: withLatency }).verdict).toBe("Pass");
  });

  it("stands a histogram that is ahead of the counter", () => {
    const judged = judgeStep(counts(10, 0, 12, 12), counts(90, 0), { criteria: withLatency });
    expect(judged).toMatchObject({ verdict: "Fail", failed: "LatencyTooHigh" });
  });

  it("takes the quantile that was asked for", () => {
    const median: Criteria = { ...criteria, latency: { quantile: 0.5, max: 500 } };
    expect(judgeStep(counts(1_000, 0, 450), counts(0, 0), { criteria: median }).verdict).toBe("Pass");
    expect(judgeStep(counts(1_000, 0, 600), counts(0, 0), { criteria: median }).verdict).toBe("Fail");
  });
});

describe("the plain judge with unusual limits", () => {
  it.each([0.0005, 0.01, 0.2, 0.5, 0.9])("passes the clean and fails the broken at a limit of %d", (errorLimit) => {
    const strange = { criteria: { errorLimit, compareWith: "limit" as const } };
    expect(judgeStep(counts(10_000, 0), counts(0, 0), strange).verdict).toBe("Pass");
    expect(judgeStep(counts(10_000, 10_000), counts(0, 0), strange).verdict).toBe("Fail");
  });
});
