import { describe, expect, it } from "vitest";
import { freshFor, newestSample, scrapeInterval } from "../../../../src/adapters/prometheus/freshness.ts";
import type { Series } from "../../../../src/adapters/prometheus/series.ts";

function scraped(...at: readonly number[]): Series {
  return { labels: {}, samples: at.map((moment) => ({ at: moment, values: [0] })) };
}

describe("freshness", () => {
  it("is told by the newest sample of any series", () => {
    expect(newestSample([scraped(1, 2), scraped(5), scraped(3, 4), scraped()])).toBe(5);
    expect(newestSample([scraped()])).toBeUndefined();
  });

  it("knows the scrape interval in spite of a gap", () => {
    expect(scrapeInterval([scraped(0, 5_000, 10_000, 60_000), scraped(1, 5_001, 10_001)])).toBe(5_000);
  });

  it("assumes Prometheus's default before two scrapes", () => {
    expect(scrapeInterval([scraped(7)])).toBe(60_000);
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
