import { describe, expect, it } from "vitest";
import type { Answer } from "../../../../../src/adapters/prometheus/answers.ts";
import { createSeriesBudget } from "../../../../../src/adapters/prometheus/feed/series-budget.ts";
import type { TrafficQuery } from "../../../../../src/ports/metric-provider.ts";

const { signal } = new AbortController();

function query(service: string, slowerThan?: number): TrafficQuery {
  return {
    namespace: "shop",
    service,
    reporter: "source",
    stable: service,
    canary: `${service}-a`,
    slowerThan,
    since: 0,
    sinceClock: "store",
    shiftedAt: undefined,
  };
}

/** A Prometheus with so many series of each Service, by the beginning of the metric's name. */
function world(series: Readonly<Record<string, number>>, most = 100) {
  const asked: string[] = [];
  const api = {
    query: (expression: string): Promise<Answer> => {
      asked.push(expression);
      const [, count] = Object.entries(series).find(([beginning]) => expression.startsWith(`count(${beginning}`)) ?? [];
      const samples = count === undefined ? [] : [{ labels: {}, samples: [{ at: 0, values: [count] }] }];
      return Promise.resolve({ kind: "Series", series: samples });
    },
  };
  return { asked, budget: createSeriesBudget({ api, most }) };
}

describe("the series budget", () => {
  it("has room for what fits, and asks once a minute", async () => {
    const { asked, budget } = world({ istio_requests_total: 40 });
    expect(await budget(query("product"), 0, signal)).toMatchObject({
      kind: "Within",
      requests: "istio_requests_total",
    });
    await budget(query("product"), 59_999, signal);
    expect(asked).toHaveLength(1);
    await budget(query("product"), 60_000, signal);
    expect(asked).toHaveLength(2);
  });

  it("counts the buckets that are read of a histogram", async () => {
    const { budget } = world({ istio_requests_total: 40 });
    const over = await budget(query("product", 500), 0, signal);
    expect(over).toMatchObject({ kind: "Over" });
    expect(over).toHaveProperty(
      "message",
      expect.stringContaining("160 series tell of the requests to Service shop/product,"),
    );
  });

  it("counts what the team's own selectors select, and says so where that is too much", async () => {
    const version = { bad: "failed", total: "all" };
    const own = { ...query("product"), ratios: [{ name: "checkouts", stable: version, canary: version }] };
    expect(await world({ istio_requests_total: 40, failed: 10, all: 20 }).budget(own, 0, signal)).toMatchObject({
      kind: "Within",
    });
    const rich = { istio_requests_total: 40, all: 31, "serin:": 2 };
    expect(await world(rich).budget(own, 0, signal)).toMatchObject({ kind: "Within", areGrowth: true });
    const over = await world({ ...rich, all: 60 }).budget(own, 0, signal);
    expect(over).toHaveProperty(
      "message",
      "160 series (120 of them by selectors of spec.analysis.metrics) tell of the requests to Service shop/product, and the operator reads 100 at most (--series-budget): let these selectors name less, or counters that rules recorded",
    );
  });

  it("counts what other Rollouts read, until they do not any more", async () => {
    const { budget } = world({ istio_requests_total: 60 });
    await budget(query("product"), 0, signal);
    const over = await budget(query("cart"), 1_000, signal);
    expect(over).toHaveProperty(
      "message",
      expect.stringContaining("beside 60 of other releases, and the operator reads 100"),
    );
    expect(await budget(query("product"), 60_000, signal)).toMatchObject({ kind: "Within" });
    expect(await budget(query("cart"), 180_000, signal)).toMatchObject({ kind: "Within" });
  });

  it("reads what rules recorded where there is too much else", async () => {
    const { budget } = world({ istio_requests_total: 400, "serin:istio_requests:growth": 8 });
    expect(await budget(query("product"), 0, signal)).toMatchObject({
      kind: "Within",
      requests: "serin:istio_requests:growth",
      areGrowth: true,
    });
  });

  it("passes on a problem", async () => {
    const problem: Answer = { kind: "Problem", cause: "Away", problem: "away" };
    const budget = createSeriesBudget({ api: { query: () => Promise.resolve(problem) }, most: 1 });
    expect(await budget(query("product"), 0, signal)).toEqual(problem);
  });
});
