import { describe, expect, test } from "vitest";
import { readBenchOptions } from "../../bench/options.ts";
import { ServiceCounters } from "../../bench/queries/caller-metrics.ts";
import { judgeQueries, queriesLines } from "../../bench/queries/result.ts";
import type { QueriesOutcome } from "../../bench/queries/run.ts";

describe("the callers of the bench", () => {
  test("count requests as they are split, and fail the canary's share", () => {
    const counters = new ServiceCounters({ namespace: "shop", service: "product", rate: 10 }, 0);
    const split = { stable: "product", canary: "product-a", share: 0.5, failing: 0.2 };
    counters.split({ ...split, share: 0 }, 0);
    counters.split(split, 10_000);
    const { requests, durations } = counters.render("web", 30_000);
    const value = (workload: string, code: string) =>
      new RegExp(
        `istio_requests_total\\{[^}]*destination_workload="${workload}"[^}]*response_code="${code}"[^}]*\\} (\\d+)`,
      ).exec(requests)?.[1];
    expect([value("product", "200"), value("product-a", "200"), value("product-a", "503")]).toEqual([
      "200",
      "80",
      "20",
    ]);
    expect(durations).toMatch(/destination_workload="product".*le="25"\} 200/);
    expect(durations).toMatch(/destination_workload="product".*le="10"\} 0/);
  });
});

describe("the bar of the queries", () => {
  const options = readBenchOptions(["queries", "--apps", "2"], 1);
  if (options === "help") throw new Error("help");
  const good: QueriesOutcome = {
    latencies: [300, 400, 500, 999],
    strayed: [],
    series: 100,
    memory: { before: 200, waves: [400, 410] },
    versions: {},
  };
  const judged = (change: Partial<QueriesOutcome>) => judgeQueries(options, { ...good, ...change }, 60);

  test("is met", () => {
    expect(judged({})).toMatchObject({ passed: true, rollbacks: 4, latency: { median: 500, p99: 999, max: 999 } });
    expect(queriesLines(judged({})).at(-1)).toBe("passed");
  });

  test.each<[string, Partial<QueriesOutcome>]>([
    ["a write that is late", { latencies: [300, 400, 500, 1_001] }],
    ["a release that was not rolled back", { latencies: [300, 400, 500] }],
    ["one that ended otherwise", { strayed: ["queries-1: Aborted"] }],
    ["memory that grows", { memory: { before: 200, waves: [400, 600] } }],
  ])("is missed by %s", (_what, change) => {
    expect(judged(change).passed).toBe(false);
    expect(queriesLines(judged(change)).at(-1)).toMatch(/^missed/);
  });
});
