import { describe, expect, test } from "vitest";
import { claimsOf, largestShare, withBlock, type EvidenceByMetric } from "../../../../src/domain/analysis/bets.ts";
import { noCounts, sum } from "../../../../src/domain/analysis/blocks.ts";
import { limitsOf, type Criteria, type Totals } from "../../../../src/domain/analysis/criteria.ts";
import { counts, nobody } from "../../../support/measurement.ts";

const alone: Criteria = { errorLimit: 0.01, compareWith: "limit" };
const compared: Criteria = { ...alone, compareWith: "limit-and-stable" };
const onlyStable: Criteria = { ...alone, compareWith: "stable" };
const withLatency: Criteria = { ...alone, latency: { quantile: 0.99, max: 500 } };

/** The claims on errors after blocks of 5 s. */
function after(criteria: Criteria, ...blocks: readonly Totals[]) {
  const [limit] = limitsOf(criteria);
  let evidence: EvidenceByMetric = {};
  let before: Totals = { stable: noCounts, canary: noCounts };
  for (const [index, { stable, canary }] of blocks.entries()) {
    evidence = withBlock(
      evidence,
      { until: 5_000 * (index + 1), length: 5_000, stable, canary, gone: nobody, lost: 0 },
      criteria,
      before,
    );
    before = { stable: sum(before.stable, stable), canary: sum(before.canary, canary) };
  }
  return { evidence, ...claimsOf(limit, evidence, criteria) };
}

const outage: Totals = { canary: counts(25, 25), stable: noCounts };

describe("what speaks against a canary", () => {
  test("an outage, against the limit alone: after 10 s", () => {
    const { evidence, limit } = after(alone, outage, outage);
    expect(limit.needed).toBe(100);
    expect(limit.wealth.toPrecision(8)).toBe("158.08115");
    expect(evidence.errors?.stable).toBeUndefined();
  });

  test("the chance of a false rollback is divided among the limits", () => {
    expect(after(withLatency, outage).limit.needed).toBe(200);
    expect(Object.keys(after(withLatency, outage).evidence)).toEqual(["errors", "latency"]);
  });

  test("with as many requests of stable to compare with, bursts of half the length are tolerated", () => {
    const beside = { canary: counts(25, 25), stable: counts(25) };
    const fewer = { canary: counts(25, 25), stable: counts(24) };
    expect(after(compared, beside).limit.wealth).toBeGreaterThan(after(compared, fewer).limit.wealth);
    expect(after(compared, fewer).limit.wealth.toPrecision(8)).toBe("7.3502201");
    expect(after({ ...compared, burstTolerance: 10_000 }, beside).limit.wealth.toPrecision(8)).toBe("7.3502201");
  });

  test("fast: the product over requests, in bursts of 3 s, at the measured size of clusters", () => {
    const fast: Criteria = { ...alone, sensitivity: "fast" };
    const tenPercent = { canary: counts(50, 5), stable: noCounts };
    expect(after(fast, tenPercent, tenPercent).limit.wealth).toBeGreaterThan(100);
    expect(after(alone, tenPercent, tenPercent).limit.wealth).toBeLessThan(20);
    expect(after({ ...fast, clusterSize: 1 }, tenPercent, tenPercent)).toEqual(after(fast, tenPercent, tenPercent));
    expect(after({ ...fast, clusterSize: 5 }, tenPercent, tenPercent).limit.wealth).toBeLessThan(20);
    const dead = { canary: counts(500, 500), stable: noCounts };
    expect(after(fast, dead).limit.wealth).toBeGreaterThan(100);
  });

  test("an incident that stable has too is evidence against the limit, and none against stable", () => {
    const shared = { canary: counts(100, 20), stable: counts(900, 180) };
    const { limit, stable } = after(compared, ...Array.from({ length: 12 }, () => shared));
    expect(limit.wealth).toBeGreaterThan(limit.needed);
    expect(stable.wealth).toBeLessThan(stable.needed);
    const own = after(compared, ...Array.from({ length: 12 }, () => ({ ...shared, stable: counts(900, 2) })));
    expect(own.stable.wealth).toBeGreaterThan(own.stable.needed);
  });

  test("where stable alone counts, what it has itself is the limit once it serves no more", () => {
    const both = { canary: counts(100, 5), stable: counts(100, 5) };
    const { evidence, stable } = after(onlyStable, both, both);
    expect(stable.needed).toBe(100);
    expect(evidence.errors?.limit).toBeUndefined();
    const [limit] = limitsOf(onlyStable);
    expect(largestShare({ limit: limit, criteria: onlyStable }, { stable: counts(200, 10) })).toBeCloseTo(0.075);
    expect(largestShare({ limit: limit, criteria: onlyStable }, { stable: noCounts })).toBe(0.01);
    const later = { canary: counts(100, 6), stable: noCounts };
    expect(after(onlyStable, both, both, later, later, later).limit.wealth).toBeLessThan(1);
    expect(after(compared, both, both, later, later, later).limit.wealth).toBeGreaterThan(100);
  });

  test("slow requests count by the upper boundary of their bucket, in bursts of 15 s", () => {
    const latencyOf = (slow: number, slowOrClose: number) => {
      const block = {
        until: 5_000,
        length: 5_000,
        stable: noCounts,
        canary: counts(100, 0, slow, slowOrClose),
        gone: nobody,
        lost: 0,
      };
      const evidence = withBlock({}, block, withLatency, { stable: noCounts, canary: noCounts });
      return claimsOf(limitsOf(withLatency)[1]!, evidence, withLatency).limit.wealth;
    };
    expect(latencyOf(0, 100)).toBeLessThan(1);
    expect(latencyOf(100, 100)).toBeGreaterThan(1);
    // K^(5/15) at α = 0.5 %: no stake grows more.
    expect(latencyOf(100, 100)).toBeLessThan(0.5 + 0.5 * 1_400 ** (1 / 3));
  });
});
