import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  binomialLowerTail,
  binomialUpperTail,
  hypergeometricUpperTail,
} from "../../../../src/domain/analysis/binomial.ts";

/** Reference values: sums of exact fractions, computed apart. */
describe("binomial tails", () => {
  it.each([
    [3, 100, 0.01, 0.07937320225218034],
    [10, 200, 0.01, 4.014180884713409e-5],
    [1, 7, 0.2, 0.7902848],
    [5, 10, 0.5, 0.623046875],
    [2, 300, 0.01, 0.8023503360157267],
    [60, 2_000, 0.01, 2.834076030362143e-13],
  ])("P(at least %i of %i at %d) is %d", (atLeast, trials, chance, expected) => {
    expect(binomialUpperTail(atLeast, trials, chance) / expected).toBeCloseTo(1, 9);
  });

  it.each([
    [0, 99, 0.03, 0.049023204046810064],
    [3, 300, 0.03, 0.01989003115797709],
    [0, 119, 0.03, 0.026658541032798935],
    [250, 300, 0.5, 1],
    [40, 2_000, 0.03, 0.00356474664281823],
  ])("P(at most %i of %i at %d) is %d", (atMost, trials, chance, expected) => {
    expect(binomialLowerTail(atMost, trials, chance) / expected).toBeCloseTo(1, 9);
  });

  it.each([
    [5, 5, 6, 10, 0.023809523809523808],
    [12, 100, 20, 1_000, 3.4059590737703755e-8],
    [30, 3_000, 40, 6_000, 0.0010744658498230365],
    [1, 4, 3, 10, 0.8333333333333334],
    [10, 10, 10, 20, 5.412544112234515e-6],
  ])("P(at least %i when %i are drawn, %i marked of %i) is %d", (atLeast, drawn, marked, all, expected) => {
    expect(hypergeometricUpperTail(atLeast, drawn, marked, all) / expected).toBeCloseTo(1, 9);
  });

  it("stays between 0 and 1, the two sides making 1", () => {
    const input = fc.tuple(
      fc.integer({ min: 0, max: 100_000 }),
      fc.nat(100_000),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(input, ([trials, some, chance]) => {
        const atLeast = Math.min(some, trials);
        const upper = binomialUpperTail(atLeast, trials, chance);
        const lower = binomialLowerTail(atLeast - 1, trials, chance);
        expect(upper).toBeGreaterThanOrEqual(0);
        expect(upper).toBeLessThanOrEqual(1);
        expect(upper + lower).toBeCloseTo(1, 6);
      }),
    );
  });

  it("answers for the ends", () => {
    expect(binomialUpperTail(0, 0, 0.01)).toBe(1);
    expect(binomialUpperTail(1, 0, 0.01)).toBe(0);
    expect(binomialUpperTail(1, 10, 0)).toBe(0);
    expect(binomialLowerTail(0, 0, 0.03)).toBe(1);
    expect(binomialLowerTail(-1, 0, 0.03)).toBe(0);
    expect(binomialLowerTail(-1, 10, 0)).toBe(0);
    expect(binomialLowerTail(9, 10, 1)).toBe(0);
    expect(hypergeometricUpperTail(3, 3, 3, 3)).toBe(1);
    expect(hypergeometricUpperTail(4, 3, 4, 9)).toBe(0);
  });

  it("is exact enough and quick for a thousand million requests", () => {
    expect(binomialUpperTail(10_000_000, 1_000_000_000, 0.01)).toBeCloseTo(0.5, 3);
    expect(binomialUpperTail(10_010_000, 1_000_000_000, 0.01)).toBeLessThan(0.001);
  });
});
