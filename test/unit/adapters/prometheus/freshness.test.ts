import { describe, expect, it } from "vitest";
import { freshFor, scrapeInterval } from "../../../../src/adapters/prometheus/freshness.ts";

describe("freshness", () => {
  it("knows the scrape interval in spite of a gap", () => {
    expect(
      scrapeInterval([
        [0, 5_000, 10_000, 60_000],
        [1, 5_001, 10_001],
      ]),
    ).toBe(5_000);
  });

  it("assumes Prometheus's default before two scrapes", () => {
    expect(scrapeInterval([[7]])).toBe(60_000);
  });

  it.each([
    [1_000, 15_000],
    [5_000, 15_000],
    [15_000, 45_000],
    [60_000, 180_000],
  ])("of scrapes every %i ms lasts %i ms", (interval, expected) => {
    expect(freshFor(interval)).toBe(expected);
  });
});
