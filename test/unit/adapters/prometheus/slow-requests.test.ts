import { describe, expect, it } from "vitest";
import type { Series } from "../../../../src/adapters/prometheus/series.ts";
import { histograms, slowOf } from "../../../../src/adapters/prometheus/slow-requests.ts";

function bucket(le: string, values: readonly number[], pod = "a"): Series {
  return { labels: { pod, le }, samples: values.map((value, index) => ({ at: index, values: [value] })) };
}

const between = { lower: ["250.0"], upper: ["500.0"] };

describe("slow requests", () => {
  it("are those above the boundaries on both sides of the limit", () => {
    const [joined] = histograms([bucket("250.0", [90]), bucket("500.0", [95]), bucket("+Inf", [100])], between);
    expect(joined?.samples).toEqual([{ at: 0, values: [100, 90, 95] }]);
    expect(slowOf([100, 90, 95])).toEqual({ slow: 5, slowOrClose: 10 });
  });

  it("are joined per histogram", () => {
    const buckets = ["a", "b"].flatMap((pod) => [
      bucket("+Inf", [10], pod),
      bucket("250.0", [pod === "a" ? 1 : 2], pod),
      bucket("500.0", [5], pod),
    ]);
    expect(histograms(buckets, between).map(({ samples }) => samples[0]?.values)).toEqual([
      [10, 1, 5],
      [10, 2, 5],
    ]);
  });

  it("speak neither against nor for a version whose histogram lacks the boundaries", () => {
    const [joined] = histograms([bucket("+Inf", [100])], between);
    expect(slowOf(joined?.samples[0]?.values ?? [])).toEqual({ slow: 0, slowOrClose: 100 });
  });

  it("are read under both spellings of a boundary", () => {
    const spelled = { lower: ["5", "5.0"], upper: ["5", "5.0"] };
    const old: Series = { labels: { pod: "a", le: "5" }, samples: [{ at: 0, values: [3] }] };
    const later: Series = { labels: { pod: "a", le: "5.0" }, samples: [{ at: 1, values: [4] }] };
    const [joined] = histograms([old, later, bucket("+Inf", [10, 12])], spelled);
    expect(joined?.samples.map(({ values }) => values)).toEqual([
      [10, 3, 3],
      [12, 4, 4],
    ]);
  });

  it("leave out a scrape that lacks a bucket, which must not look like a restart", () => {
    const [joined] = histograms([bucket("+Inf", [10, 12]), bucket("250.0", [5]), bucket("500.0", [6, 7])], between);
    expect(joined?.samples.map(({ at }) => at)).toEqual([0]);
  });
});
