import { describe, expect, it } from "vitest";
import { findTwins } from "../../../../../src/adapters/prometheus/feed/twins.ts";
import type { Labels, Series } from "../../../../../src/adapters/prometheus/series.ts";

const standard = { reporter: "source", source_workload: "web", destination_workload: "product" };

/** A counter of `rate` a second that is scraped every 5 s for a minute, from `offset` seconds on. */
function scraped(labels: Labels, { rate = 3, offset = 0, code = "200", until = 60, from = 0 } = {}): Series {
  const seconds = Array.from({ length: 12 }, (_, index) => index * 5 + offset);
  const samples = seconds
    .filter((second) => second >= from && second < until)
    .map((second) => ({ at: second * 1_000, values: [1_000 + Math.floor(rate * second)] }));
  return { labels: { ...standard, response_code: code, ...labels }, samples };
}

/** Which of these are left out, by index. */
function leftOut(series: readonly Series[]): readonly number[] {
  const { isTwin } = findTwins(series);
  return series.flatMap(({ labels }, index) => (isTwin(labels) ? [index] : []));
}

describe("twins", () => {
  it("are the two servers of a pair whose labels are still there", () => {
    const pair = (replica: string, offset: number) => [
      scraped({ instance: "10.0.0.5:15020", prometheus_replica: replica }, { offset }),
      scraped({ instance: "10.0.0.5:15020", prometheus_replica: replica }, { offset, code: "503", rate: 0.1 }),
    ];
    const all = [...pair("prometheus-0", 0), ...pair("prometheus-1", 2.4)];
    expect(leftOut(all)).toEqual([2, 3]);
    expect(findTwins(all).example).toContain('prometheus_replica="prometheus-1"');
  });

  it("are two jobs that scrape one pod, by whatever ports and labels", () => {
    const one = scraped({ instance: "10.0.0.5:15020", job: "pods", app: "web", pod: "web-1" });
    const other = scraped({ instance: "10.0.0.5:15090", job: "envoy" }, { offset: 3 });
    expect(leftOut([one, other])).toHaveLength(1);
  });

  it("include what one of them has not scraped yet", () => {
    const way = (job: string) => ({ instance: "10.0.0.5:15020", job });
    const young = scraped(way("a"), { code: "500", from: 55 });
    expect(leftOut([scraped(way("a")), scraped(way("b"), { offset: 2 }), young])).toEqual([1]);
    const old = scraped(way("a"), { code: "500", from: 0 });
    expect(leftOut([scraped(way("a")), scraped(way("b"), { offset: 2 }), old])).toEqual([]);
  });

  it("are kept by the one that is still scraped", () => {
    const gone = scraped({ instance: "10.0.0.5:15020", replica: "0" }, { until: 30 });
    const alive = scraped({ instance: "10.0.0.5:15020", replica: "1" }, { offset: 1 });
    expect(leftOut([gone, alive])).toEqual([0]);
  });

  it.each([
    ["two pods", { instance: "10.0.0.5:15020" }, { instance: "10.0.0.6:15020" }, {}],
    ["two pods of one host", { instance: "10.0.0.5:1", pod: "a" }, { instance: "10.0.0.5:2", pod: "b" }, {}],
    [
      "a label of the user's own",
      { instance: "10.0.0.5:1", path: "/a" },
      { instance: "10.0.0.5:1", path: "/b" },
      { rate: 2 },
    ],
    [
      "counters that do not grow",
      { instance: "10.0.0.5:1", path: "/a" },
      { instance: "10.0.0.5:1", path: "/b" },
      { rate: 0 },
    ],
  ])("are not %s", (_, one, other, how: { rate?: number }) => {
    const idle = how.rate === 0 ? how : {};
    expect(leftOut([scraped(one, idle), scraped(other, { ...how, offset: 2 })])).toEqual([]);
  });

  it("are not looked for where nothing tells who was scraped", () => {
    expect(leftOut([scraped({ replica: "0" }), scraped({ replica: "1" }, { offset: 2 })])).toEqual([]);
    const many = Array.from({ length: 40 }, (_, index) => scraped({ instance: "10.0.0.5:1", path: `/${index}` }));
    expect(leftOut(many)).toEqual([]);
  });
});
