import { describe, expect, test } from "vitest";
import { createCounting, difference, latencyQuantile } from "../../cluster/load/counts.ts";

const counted = () => {
  const counting = createCounting();
  const add = (version: string | undefined, latencyMs: number, status = 200, at = 0) =>
    counting.add({ at, latencyMs, status, version });
  return { counting, add };
};

/** Bounds are 5 % apart, and rounded. */
const isAbout = (latencyMs: number, bound: number) => bound >= 0.99 * latencyMs && bound <= 1.06 * latencyMs;

describe("counts of a load", () => {
  test("keep a latency histogram for each version beside the one of all", () => {
    const { counting, add } = counted();
    for (let request = 0; request < 98; request += 1) add("v1", 10);
    add("v1", 400);
    add("v1", 400);
    for (let request = 0; request < 50; request += 1) add("v2", 800);
    const counts = counting.snapshot();
    expect(isAbout(10, latencyQuantile(counts.byVersion["v1"]!, 0.5))).toBe(true);
    expect(isAbout(400, latencyQuantile(counts.byVersion["v1"]!, 0.99))).toBe(true);
    expect(isAbout(800, latencyQuantile(counts.byVersion["v2"]!, 0.01))).toBe(true);
    expect(isAbout(800, latencyQuantile(counts, 0.99))).toBe(true);
  });

  test("of a version know its failures and when its first and last requests were sent", () => {
    const { counting, add } = counted();
    add("v1", 1, 200, 50);
    add("v1", 1, 500, 20);
    add(undefined, 1, 0, 90);
    const { byVersion } = counting.snapshot();
    expect(byVersion["v1"]).toMatchObject({ total: 2, failed: 1, firstAt: 20, lastAt: 50 });
    expect(byVersion["none"]).toMatchObject({ total: 1, failed: 1, firstAt: 90, lastAt: 90 });
  });

  test("do not change once they have been read", () => {
    const { counting, add } = counted();
    add("v1", 1);
    const before = counting.snapshot();
    add("v1", 1);
    expect(before.byVersion["v1"]?.total).toBe(1);
    expect(Object.values(before.byVersion["v1"]!.latency)).toEqual([1]);
  });

  test("between two snapshots leave out what was there before, histograms included", () => {
    const { counting, add } = counted();
    add("v1", 10);
    add("v2", 10);
    const mark = counting.snapshot();
    add("v1", 500, 503);
    const since = difference(counting.snapshot(), mark);
    expect(since).toMatchObject({ total: 1, failed: 1, byStatus: { "503": 1 } });
    expect(Object.keys(since.byVersion)).toEqual(["v1"]);
    expect(Object.values(since.byVersion["v1"]!.latency)).toEqual([1]);
    expect(isAbout(500, latencyQuantile(since.byVersion["v1"]!, 0.5))).toBe(true);
  });

  test("have no quantile without answers", () => {
    expect(latencyQuantile({ latency: {} }, 0.5)).toBeNaN();
  });
});
