import { describe, expect, it } from "vitest";
import type { Series } from "../../../../src/adapters/prometheus/series.ts";
import { trafficSinceShift } from "../../../../src/adapters/prometheus/since-shift.ts";

const workloads = { stable: "product", canary: "product-b" };
const span = { from: 20, until: 50 };

function series(caller: string, workload: string, samples: Readonly<Record<number, number>>, code = "200"): Series {
  return {
    labels: {
      instance: caller,
      source_workload: caller,
      source_workload_namespace: "shop",
      destination_workload: workload,
      response_code: code,
    },
    samples: Object.entries(samples).map(([at, value]) => ({ at: Number(at), values: [value] })),
  };
}

describe("traffic since the shift", () => {
  it("is what was counted between two scrapes that are both newer", () => {
    const seen = trafficSinceShift(
      [
        series("client", "product", { 10: 100, 20: 200, 30: 290, 60: 999 }),
        series("client", "product-b", { 10: 1, 20: 5, 30: 15 }),
      ],
      workloads,
      span,
    );
    expect(seen).toEqual({ stable: 90, canary: 10, callers: ["shop/client 10 of 100 to canary"] });
  });

  it("is unknown before there are two", () => {
    expect(trafficSinceShift([series("client", "product", { 10: 1, 30: 2 })], workloads, span)).toBeUndefined();
    expect(trafficSinceShift([], workloads, span)).toBeUndefined();
  });

  it("counts a new series from zero only when its caller was scraped after the shift without it", () => {
    const stable = series("client", "product", { 10: 0, 20: 0, 30: 0, 40: 0 });
    expect(trafficSinceShift([stable, series("client", "product-b", { 30: 4, 40: 5 })], workloads, span)?.canary).toBe(
      5,
    );
    expect(trafficSinceShift([stable, series("client", "product-b", { 20: 4, 40: 5 })], workloads, span)?.canary).toBe(
      1,
    );
  });

  it("counts requests whose client went away, for they moved as well", () => {
    const gone = series("client", "product-b", { 20: 0, 30: 7 }, "0");
    expect(trafficSinceShift([gone], workloads, span)?.canary).toBe(7);
  });

  it("names the callers with the most requests to each version, however small beside all others", () => {
    const callers = ["a", "b", "c", "d", "e", "f"].map((name, index) =>
      series(name, "product-b", { 20: 0, 30: index + 10 }),
    );
    const frozen = series("frozen", "product", { 20: 0, 30: 1 });
    const idle = series("idle", "product", { 20: 9, 30: 9 });
    const named = trafficSinceShift([...callers, frozen, idle], workloads, span)?.callers;
    expect(named?.slice(0, 3)).toEqual([
      "shop/f 15 of 15 to canary",
      "shop/e 14 of 14 to canary",
      "shop/d 13 of 13 to canary",
    ]);
    expect(named).toContain("shop/frozen 0 of 1 to canary");
    expect(named).not.toContain("shop/idle 0 of 0 to canary");
  });
});
