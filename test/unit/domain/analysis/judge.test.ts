import { describe, expect, it } from "vitest";
import type { Counts } from "../../../../src/api/rollout-status.ts";
import { withBlock, type EvidenceByMetric } from "../../../../src/domain/analysis/bets.ts";
import { noCounts, sum } from "../../../../src/domain/analysis/blocks.ts";
import type { Criteria, Totals } from "../../../../src/domain/analysis/criteria.ts";
import { judge, type Judgement } from "../../../../src/domain/analysis/judge.ts";
import { counts, nobody } from "../../../support/measurement.ts";

const criteria: Criteria = { errorLimit: 0.01, compareWith: "limit-and-stable" };
const withLatency: Criteria = { ...criteria, latency: { quantile: 0.99, max: 500 } };

interface Played {
  readonly criteria?: Criteria;
  /** Blocks of earlier steps, as a part of the release. */
  readonly earlier?: readonly Totals[];
  readonly stableServes?: boolean;
}

const none: Totals = { stable: noCounts, canary: noCounts };
const add = (left: Totals, right: Totals): Totals => ({
  stable: sum(left.stable, right.stable),
  canary: sum(left.canary, right.canary),
});

/** Judges a step of such blocks, 5 s each. */
function judgeBlocks(
  blocks: readonly Totals[],
  { criteria: asked = criteria, earlier = [], ...more }: Played = {},
): Judgement {
  let evidence: EvidenceByMetric = {};
  let release = none;
  for (const totals of [...earlier, ...blocks]) {
    evidence = withBlock(evidence, { until: 0, length: 5_000, gone: nobody, lost: 0, ...totals }, asked, release);
    release = add(release, totals);
  }
  return judge({
    criteria: asked,
    evidence,
    step: blocks.reduce(add, none),
    blocks: blocks.filter(({ canary }) => canary.requests > 0).length,
    release,
    stableServes: more.stableServes ?? true,
  });
}

const repeat = (times: number, canary: Counts, stable: Counts = noCounts): readonly Totals[] =>
  Array.from({ length: times }, () => ({ canary, stable }));

describe("the judge on errors", () => {
  it("fails a canary that is over its limit and worse than stable, with all the numbers", () => {
    const { over, ...judged } = judgeBlocks(repeat(6, counts(102, 5), counts(918, 1)));
    expect(over?.limit.metric).toBe("errors");
    expect(judged).toEqual({
      verdict: "Fail",
      failed: "ErrorRateTooHigh",
      sentence:
        "4.9 % of 612 canary requests failed (limit 1 %, stable 0.109 %); evidence 1,000 of 100 needed, and against stable 100 of 10 needed",
      isShared: false,
      isTooFew: false,
      nothingAgainst: false,
    });
  });

  it("fails a total outage at the second block", () => {
    expect(judgeBlocks(repeat(1, counts(50, 50), counts(450))).verdict).toBe("Undecided");
    expect(judgeBlocks(repeat(2, counts(50, 50), counts(450))).verdict).toBe("Fail");
    expect(judgeBlocks(repeat(2, counts(25, 25)), { stableServes: false }).verdict).toBe("Fail");
  });

  it("never fails for fewer than three bad requests", () => {
    const one = judgeBlocks(repeat(2, counts(1, 1), counts(9)));
    expect(one.verdict).toBe("Undecided");
    expect(one.nothingAgainst).toBe(false);
    expect(judgeBlocks(repeat(3, counts(1, 1), counts(9))).verdict).toBe("Fail");
  });

  it("passes a clean canary once three times the limit is ruled out, and six blocks had requests", () => {
    expect(judgeBlocks(repeat(6, counts(19), counts(180)))).toMatchObject({ verdict: "Undecided", isTooFew: true });
    expect(judgeBlocks(repeat(5, counts(200), counts(1_800)))).toMatchObject({ verdict: "Undecided", isTooFew: true });
    expect(judgeBlocks(repeat(6, counts(20), counts(180)))).toEqual({
      verdict: "Pass",
      sentence: "0 % of 120 canary requests failed (limit 1 %, stable 0 %); 3 % or more is ruled out",
      isShared: false,
      isTooFew: false,
      nothingAgainst: true,
    });
  });

  it("says what is missing", () => {
    expect(judgeBlocks([]).sentence).toBe("no canary requests in this step yet");
    expect(judgeBlocks(repeat(6, counts(10), counts(90))).sentence).toBe(
      "0 % of 60 canary requests failed (limit 1 %, stable 0 %); too few requests to rule out 3 %",
    );
    expect(judgeBlocks(repeat(8, counts(100, 2), counts(900, 1))).sentence).toMatch(
      /^2 % of 800 canary requests failed .*; too much to go on, not enough for a rollback: evidence [\d.]+ of 100 needed/,
    );
  });

  it("neither fails nor passes what stable has as well", () => {
    const judged = judgeBlocks(repeat(12, counts(50, 10), counts(450, 90)));
    expect(judged).toMatchObject({ verdict: "Undecided", isShared: true });
    expect(judged.sentence).toMatch(
      /evidence 1,000 of 100 needed, but against stable [\d.]+ of 10 needed: stable is no better$/,
    );
  });

  it.each([
    ["stable has no weight", { stableServes: false }],
    ["only the limit counts", { criteria: { ...criteria, compareWith: "limit" } }],
  ] as const)("fails what stable has as well when %s", (_, more) => {
    expect(judgeBlocks(repeat(12, counts(50, 10), counts(450, 90)), more).verdict).toBe("Fail");
  });

  it("fails a canary alone when stable had weight but no requests", () => {
    expect(judgeBlocks(repeat(2, counts(30, 30))).verdict).toBe("Fail");
  });

  it("fails a canary that turns bad in a late step, however good it was", () => {
    const earlier = repeat(200, counts(500), counts(4_500, 4));
    expect(judgeBlocks(repeat(2, counts(500, 200), counts(500)), { earlier }).verdict).toBe("Undecided");
    expect(judgeBlocks(repeat(5, counts(500, 200), counts(500)), { earlier }).verdict).toBe("Fail");
  });

  it("forgets an incident that is over, block by block", () => {
    const earlier = repeat(6, counts(200, 60), counts(1_800, 540));
    const [early, late] = [2, 30].map((times) => judgeBlocks(repeat(times, counts(200), counts(1_800)), { earlier }));
    expect(early).toMatchObject({ verdict: "Undecided", nothingAgainst: true });
    expect(late?.verdict).toBe("Pass");
  });

  it("does not go on with a canary that is over its limit, even where three times the limit is ruled out", () => {
    const judged = judgeBlocks(repeat(10, counts(1_000, 13), counts(9_000, 117)));
    expect(judged).toMatchObject({ verdict: "Undecided", isTooFew: false });
  });

  it("compares with stable alone where that is asked for, whatever the limit", () => {
    const onlyStable: Criteria = { ...criteria, compareWith: "stable" };
    const both = repeat(20, counts(100, 5), counts(900, 45));
    expect(judgeBlocks(both, { criteria: onlyStable })).toMatchObject({ verdict: "Pass" });
    const worse = judgeBlocks(repeat(20, counts(100, 20), counts(900, 45)), { criteria: onlyStable });
    expect(worse).toMatchObject({ verdict: "Fail", failed: "ErrorRateTooHigh" });
    expect(worse.sentence).toContain("stable 5 %");
  });
});

describe("the judge on latency", () => {
  it("fails on requests that were surely slow", () => {
    const judged = judgeBlocks(repeat(10, counts(500, 0, 50), counts(4_500, 0, 5)), { criteria: withLatency });
    expect(judged).toMatchObject({ verdict: "Fail", failed: "LatencyTooHigh" });
    expect(judged.sentence).toContain(
      "10 % of 5,000 canary requests took longer than 500ms (limit 1 %, stable 0.111 %)",
    );
  });

  it("neither fails nor passes when all depends on where in a bucket requests were", () => {
    const judged = judgeBlocks(repeat(10, counts(500, 0, 0, 50), counts(4_500, 0, 0, 450)), { criteria: withLatency });
    expect(judged).toMatchObject({ verdict: "Undecided", isTooFew: false, nothingAgainst: true });
    expect(judged.sentence).toContain("0 % to 10 % of 5,000 canary requests took longer than 500ms");
  });

  it("passes when even the lower boundary rules three times the limit out", () => {
    const judged = judgeBlocks(repeat(10, counts(500, 1, 0, 2), counts(4_500, 5)), { criteria: withLatency });
    expect(judged.verdict).toBe("Pass");
  });

  it("rules out no more than half of all requests", () => {
    const median: Criteria = { ...criteria, latency: { quantile: 0.7, max: 500 } };
    const judged = judgeBlocks(repeat(6, counts(100), counts(900)), { criteria: median });
    expect(judged.sentence).toContain("(limit 30 %, stable 0 %); 50 % or more is ruled out");
  });
});

it("rules out halfway to all requests for a limit that is near them", () => {
  const judged = judgeBlocks(repeat(6, counts(20), counts(180)), { criteria: { ...criteria, errorLimit: 0.6 } });
  expect(judged.sentence).toContain("(limit 60 %, stable 0 %); 80 % or more is ruled out");
});

describe("the judge on a ratio of the team's own", () => {
  const own: Criteria = { ...criteria, ratios: [{ name: "checkout", max: 0.01 }] };
  const having = (requests: Counts, bad: number, total: number): Counts => ({
    ...requests,
    metrics: [{ name: "checkout", bad, total }],
  });

  it("fails a canary that is over it and worse than stable, by its name", () => {
    const blocks = repeat(10, having(counts(100), 10, 100), having(counts(900), 1, 900));
    expect(judgeBlocks(blocks, { criteria: own })).toMatchObject({
      verdict: "Fail",
      failed: "MetricTooHigh",
      sentence: expect.stringMatching(
        /^more of checkout was bad than its limit of 1 % allows; evidence [\d,]+ of [\d,]+ needed, and against stable /,
      ) as string,
    });
  });

  it("takes it for shared where stable is no better", () => {
    const blocks = repeat(10, having(counts(100), 10, 100), having(counts(900), 90, 900));
    expect(judgeBlocks(blocks, { criteria: own })).toMatchObject({ verdict: "Undecided", isShared: true });
  });

  it("goes on with enough of it, and not without any", () => {
    const good = repeat(20, having(counts(100), 0, 100), having(counts(900), 0, 900));
    expect(judgeBlocks(good, { criteria: own })).toMatchObject({ verdict: "Pass" });
    const without = judgeBlocks(repeat(20, counts(100), counts(900)), { criteria: own });
    expect(without).toMatchObject({ verdict: "Undecided", isTooFew: true });
    expect(without.sentence).toContain("checkout (limit 1 %); too few requests to rule out 3 %");
  });
});

describe("the judge on latency beside stable's own", () => {
  const usual: Criteria = { ...withLatency, compareWith: "stable", boundaries: [250, 100, 500] };
  const slower = (requests: number, ...beyond: number[]): Counts => ({ ...counts(requests), beyond });

  it("fails a canary that is slower than stable used to be, however far below the limit", () => {
    const blocks = repeat(40, slower(500, 60, 200, 2), slower(4_500, 40, 900, 10));
    expect(judgeBlocks(blocks, { criteria: usual })).toMatchObject({
      verdict: "Fail",
      failed: "LatencyTooHigh",
      sentence: expect.stringContaining("12 % of 20,000 canary requests took longer than 250ms") as string,
    });
  });

  it("takes nothing for slower where the boundaries were not measured", () => {
    const judged = judgeBlocks(repeat(6, counts(100), counts(900)), { criteria: usual });
    expect(judged.sentence).toContain("0 % of 600 canary requests took longer than 250ms");
  });

  it("sees by the neighbours what one boundary does not show", () => {
    const shown = repeat(40, slower(500, 5, 400, 0), slower(4_500, 45, 900, 9));
    const hidden = repeat(40, slower(500, 5, 100, 0), slower(4_500, 45, 900, 9));
    expect(judgeBlocks(shown, { criteria: usual })).toMatchObject({ verdict: "Fail" });
    expect(judgeBlocks(hidden, { criteria: usual }).verdict).not.toBe("Fail");
  });
});
