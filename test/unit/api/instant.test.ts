import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  parseDuration,
  parseInstant,
  parsePercentage,
  renderDuration,
  renderInstant,
  renderCount,
  renderRatio,
} from "../../../src/api/instant.ts";

describe("a duration", () => {
  test.each([
    ["30s", 30_000],
    ["1m30s", 90_000],
    ["500ms", 500],
    ["1.5h", 5_400_000],
    ["0s", 0],
    ["1h1m1s1ms", 3_661_001],
  ])("%s is %d ms", (text, length) => {
    expect(parseDuration(text)).toBe(length);
  });

  test.each(["", "30", "s", "-1s", "1 m", "1d", "1m 30s"])("%j is none, and the error says what one is", (text) => {
    expect(() => parseDuration(text)).toThrow(RangeError);
    expect(() => parseDuration(text)).toThrow("is not a duration such as 30s or 1m30s");
  });

  test.each([
    [400, "400ms"],
    [1_000, "1s"],
    [90_000, "1m30s"],
    [3_600_000, "1h"],
    [3_661_400, "1h1m1s"],
    [0, "0ms"],
  ])("of %d ms is written %s", (length, text) => {
    expect(renderDuration(length)).toBe(text);
  });

  test("is read as it was written, to the second", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (seconds) => {
        expect(parseDuration(renderDuration(seconds * 1_000))).toBe(seconds * 1_000);
      }),
    );
  });
});

describe("a percentage", () => {
  test.each([
    ["1%", 0.01],
    ["0.5%", 0.005],
    ["100%", 1],
  ])("%s is %d", (text, share) => {
    expect(parsePercentage(text)).toBeCloseTo(share, 12);
  });

  test.each(["", "1", "%", "1 %", "-1%", "one%"])("%j is none, and the error says what one is", (text) => {
    expect(() => parsePercentage(text)).toThrow("is not a percentage such as 1% or 0.5%");
  });

  test.each([
    [0.041, "4.1 %"],
    [0.0002, "0.02 %"],
    [1, "100 %"],
    [0.123_456, "12.3 %"],
    [0, "0 %"],
  ])("%d is written %s", (share, text) => {
    expect(renderRatio(share)).toBe(text);
  });
});

test("a moment is read as it was written", () => {
  const at = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  expect(renderInstant(at)).toBe("2026-01-02T03:04:05.678Z");
  expect(parseInstant(renderInstant(at))).toBe(at);
  expect(parseInstant("yesterday")).toBeNaN();
});

test("a count is whole, and told apart by thousands", () => {
  expect([renderCount(0.4), renderCount(2_099.6)]).toEqual(["0", "2,100"]);
});
