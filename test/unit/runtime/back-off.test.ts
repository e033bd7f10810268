import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { backOffDelay } from "../../../src/runtime/back-off.ts";

describe("backOffDelay()", () => {
  it("doubles from the base to the cap", () => {
    const delays = [1, 2, 3, 4, 11, 1_000].map((failures) => backOffDelay({ base: 500, cap: 300_000 }, failures, 0));
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 300_000, 300_000]);
  });

  it("adds at most a quarter and never passes the cap", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const least = backOffDelay({ base: 50, cap: 10_000 }, failures, 0);
        const delay = backOffDelay({ base: 50, cap: 10_000 }, failures, random);
        expect(delay).toBeGreaterThanOrEqual(least);
        expect(delay).toBeLessThanOrEqual(Math.min(10_000, least * 1.25));
      }),
    );
  });
});
