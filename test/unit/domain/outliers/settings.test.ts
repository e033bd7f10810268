import { describe, expect, test } from "vitest";
import {
  computeSettings,
  expectedRequests,
  falseEjectionsPerDay,
  joinedSettings,
  protectedShare,
  tightened,
  type Rates,
} from "../../../../src/domain/outliers/settings.ts";
import { randomFrom } from "../../../support/random.ts";

const bounds = { consecutive5xxErrors: { min: 2, max: 10 }, maxEjectionPercent: { max: 50 } };
const rates: Rates = { callers: [100], pods: 4, bad: 1, badShare: 1, goodShare: 0.001, growth: 1 };

describe("expectedRequests", () => {
  test.each([
    [1, 5, 5],
    [0.5, 1, 2],
    [0.5, 2, 6],
    [0.5, 3, 14],
    [0.1, 2, 110],
    [0, 2, Infinity],
  ])("with a share of %d until %d in a row: %d", (share, inARow, requests) => {
    expect(expectedRequests(share, inARow)).toBeCloseTo(requests, 9);
  });

  test("is what requests drawn by chance take in the mean", () => {
    const random = randomFrom(3);
    const untilInARow = () => {
      let [count, row] = [0, 0];
      while (row < 3) {
        count += 1;
        row = random() < 0.4 ? row + 1 : 0;
      }
      return count;
    };
    const all = Array.from({ length: 20_000 }, untilInARow);
    const mean = all.reduce((sum, count) => sum + count, 0) / all.length;
    expect(mean / expectedRequests(0.4, 3)).toBeCloseTo(1, 1);
  });
});

describe("falseEjectionsPerDay", () => {
  test("counts every proxy and every good pod", () => {
    const one = falseEjectionsPerDay({ ...rates, callers: [100], bad: 0, goodShare: 0.1 }, 2);
    expect(one).toBeCloseTo((100 * 86_400) / 110, 6);
    expect(falseEjectionsPerDay({ ...rates, callers: [100, 50], bad: 0, goodShare: 0.1 }, 2)).toBeCloseTo(1.5 * one, 6);
    expect(falseEjectionsPerDay({ ...rates, bad: 1, goodShare: 0.1 }, 2)).toBeCloseTo(0.75 * one, 6);
  });
});

describe("protectedShare", () => {
  test("is what comes after the ejection within 30 s, each proxy's by its requests", () => {
    // A pod gets 25 requests/s: five in a row take 0.2 s.
    expect(protectedShare(rates, 5)).toBeCloseTo(1 - 0.2 / 30, 9);
    // A slow proxy needs 20 s for them, one that calls too rarely protects nothing.
    expect(protectedShare({ ...rates, callers: [1] }, 5)).toBeCloseTo(1 / 3, 9);
    expect(protectedShare({ ...rates, callers: [0.1] }, 5)).toBe(0);
    expect(protectedShare({ ...rates, callers: [1, 3, 0] }, 5)).toBeCloseTo((1 / 3 + 3 * (1 - 20 / 90)) / 4, 9);
    expect(protectedShare({ ...rates, callers: [] }, 5)).toBe(0);
  });
});

describe("computeSettings", () => {
  test("takes the fewest errors in a row that eject a good pod less than once a day", () => {
    const computed = computeSettings({ ...rates, goodShare: 0.01 }, undefined, bounds);
    if (typeof computed === "string") throw new Error(computed);
    expect(computed.settings).toEqual({ consecutive5xxErrors: 4, baseEjectionTime: "1h", maxEjectionPercent: 25 });
    expect(computed.ejectedAfter).toBeCloseTo(160, 6);
    expect(computed.falsePerDay).toBeLessThan(1);
    expect(falseEjectionsPerDay({ ...rates, goodShare: 0.01 }, 3)).toBeGreaterThan(1);
  });

  test("keeps to the bounds", () => {
    const wide = { ...bounds, consecutive5xxErrors: { min: 6, max: 10 } };
    expect(computeSettings(rates, undefined, wide)).toMatchObject({ settings: { consecutive5xxErrors: 6 } });
    const narrow = { ...bounds, consecutive5xxErrors: { min: 2, max: 2 } };
    expect(computeSettings({ ...rates, goodShare: 0.03 }, undefined, narrow)).toMatch(
      /^even 2 errors in a row would eject a good pod by chance 5\.7e\+3 times a day$/,
    );
  });

  test("lets exactly the bad pods be ejected", () => {
    const percent = (pods: number, bad: number) => {
      const computed = computeSettings({ ...rates, pods, bad }, undefined, bounds);
      return typeof computed === "string" ? computed : computed.settings.maxEjectionPercent;
    };
    expect([percent(3, 1), percent(2, 1), percent(7, 2), percent(30, 1)]).toEqual([34, 50, 29, 4]);
  });

  test("counts the good pods of the other version, and what a canary is still to get", () => {
    const inARow = (other: Partial<Rates>, growth = 1) => {
      const computed = computeSettings({ ...rates, growth }, { ...rates, bad: 0, ...other }, bounds);
      return typeof computed === "string" ? computed : computed.settings.consecutive5xxErrors;
    };
    expect(inARow({ callers: [] })).toBe(3);
    expect(inARow({ callers: [900], goodShare: 0.01 })).toBe(4);
    expect(inARow({ callers: [], goodShare: 0.01 }, 10)).toBe(3);
    expect(computeSettings({ ...rates, goodShare: 0.01, growth: 100 }, undefined, bounds)).toMatchObject({
      settings: { consecutive5xxErrors: 5 },
    });
  });

  test("does not try what would protect less than half of the bad requests", () => {
    expect(computeSettings({ ...rates, badShare: 0.05 }, undefined, bounds)).toMatch(
      /^with 3 errors in a row, the fewest that do not eject good pods by chance, less than half of the bad requests of 30 s/,
    );
    expect(computeSettings({ ...rates, callers: [] }, undefined, bounds)).toMatch(/less than half/);
  });
});

describe("joinedSettings", () => {
  const one = { consecutive5xxErrors: 4, baseEjectionTime: "1h", maxEjectionPercent: 25 };

  test("are those that fit both versions", () => {
    const other = { consecutive5xxErrors: 5, baseEjectionTime: "1h", maxEjectionPercent: 13 };
    expect(joinedSettings(one, other)).toEqual({ ...one, consecutive5xxErrors: 5 });
    expect(joinedSettings(other, one)).toEqual({ ...other, maxEjectionPercent: 25 });
  });

  test("are never looser than a team's own", () => {
    expect(tightened(one)).toEqual(one);
    expect(tightened(one, { consecutive5xxErrors: 3, maxEjectionPercent: 50 })).toEqual({
      ...one,
      consecutive5xxErrors: 3,
      maxEjectionPercent: 50,
    });
    expect(tightened(one, { consecutive5xxErrors: 0, maxEjectionPercent: 0 })).toEqual(one);
    expect(tightened(one, { consecutive5xxErrors: 7, maxEjectionPercent: 10 })).toEqual(one);
  });
});
