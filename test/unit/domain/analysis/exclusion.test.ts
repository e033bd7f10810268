import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { evidenceBelow, upperBound } from "../../../../src/domain/analysis/exclusion.ts";

describe("evidence that few requests are bad", () => {
  test("the numbers of the method", () => {
    expect(evidenceBelow(0, 119, 0.03).toPrecision(8)).toBe("20.466854");
    expect(evidenceBelow(2, 300, 0.03).toPrecision(8)).toBe("30.214254");
    expect(upperBound(0, 119, 0.05).toFixed(7)).toBe("0.0297848");
    expect(upperBound(2, 300, 0.05).toFixed(7)).toBe("0.0282020");
  });

  test("requests that it takes to exclude a multiple of the limit, where none is bad", () => {
    const needed = (share: number) => {
      let total = 0;
      while (evidenceBelow(0, total, share) < 20) total += 1;
      return total;
    };
    expect([0.02, 0.03, 0.05, 0.1].map(needed)).toEqual([179, 119, 71, 35]);
    // Roughly four divided by the share.
    for (const share of [0.002, 0.003, 0.01, 0.1]) expect(needed(share) * share).toBeCloseTo(3.6, 0);
  });

  test("nothing is excluded without requests, or where all are bad", () => {
    expect(upperBound(0, 0, 0.05)).toBe(1);
    expect(upperBound(40, 40, 0.05)).toBe(1);
    expect(evidenceBelow(0, 0, 0.03)).toBe(1);
  });

  test("the bound is where the evidence reaches 1/β, and rises with bad requests and with their clusters", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.integer({ min: 1, max: 5_000 }), (bad, good) => {
        const bound = upperBound(bad, bad + good, 0.05);
        if (bound < 1) expect(evidenceBelow(bad, bad + good, bound)).toBeCloseTo(20, 5);
        expect(bound).toBeGreaterThanOrEqual(bad / (bad + good));
        expect(upperBound(bad + 1, bad + good + 1, 0.05)).toBeGreaterThanOrEqual(bound - 1e-12);
        expect(upperBound(bad, bad + good, 0.05, 3)).toBeGreaterThanOrEqual(bound - 1e-12);
      }),
    );
  });
});
