import { expect, test } from "vitest";
import { hasFallen, usualLost, usualRate } from "../../../../src/domain/analysis/usual.ts";

const usual = { requests: 6_000, lost: 57, length: 600_000, interval: 5_000 };

test("what may have been lost is a little more than what was", () => {
  expect(usualLost(usual)).toBe(0.01);
  expect(usualLost({ ...usual, requests: 0, lost: 0 })).toBe(1);
  expect(usualLost({ ...usual, requests: 2, lost: 2 })).toBe(1);
});

test("a rate is per second", () => {
  expect(usualRate(usual)).toBe(10);
});

test("traffic has fallen when less than half of it came, of enough to tell", () => {
  expect([299, 300].map((requests) => hasFallen(usual, requests, 60_000))).toEqual([true, false]);
  expect(hasFallen(usual, 0, 1_900)).toBe(false);
  expect(hasFallen(undefined, 0, 60_000)).toBe(false);
});
