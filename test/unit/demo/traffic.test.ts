import { describe, expect, test } from "vitest";
import { createCounting } from "../../cluster/load/counts.ts";
import { createTraffic } from "../../demo/traffic.ts";

/** `v2` gets the given share of ten requests each 100 ms and fails each of them after second 5. */
function play(seconds: number, share: (second: number) => number) {
  const traffic = createTraffic();
  const counting = createCounting();
  traffic.sample(0, counting.snapshot());
  for (let at = 100; at <= seconds * 1000; at += 100) {
    for (let request = 0; request < 10; request += 1) {
      const canary = request < share(at / 1000) * 10;
      counting.add({ at, latencyMs: 10, status: canary && at > 5000 ? 500 : 200, version: canary ? "v2" : "v1" });
    }
    if (at % 500 === 0) traffic.sample(at, counting.snapshot());
  }
  return traffic;
}

describe("traffic over the last seconds", () => {
  test("is told for each version", () => {
    const traffic = play(4, () => 0.2);
    expect(traffic.of("v1")).toMatchObject({ perSecond: 80, errors: 0 });
    expect(traffic.of("v2")).toMatchObject({ perSecond: 20, errors: 0 });
    expect(traffic.of("v2").p99Ms).toBeCloseTo(10, -0.5);
  });

  test("forgets what was before", () => {
    expect(play(9, (second) => (second <= 4 ? 0.5 : 0)).of("v2").perSecond).toBe(0);
    expect(play(9, () => 0.5).of("v2").errors).toBe(1);
  });

  test("knows nothing of a version without requests", () => {
    const silence = { perSecond: 0, errors: undefined, p99Ms: undefined };
    expect(play(4, () => 0).of("v2")).toEqual(silence);
    expect(createTraffic().of("v1")).toEqual(silence);
  });

  test("has the share of each second since a moment", () => {
    expect(play(4, (second) => (second <= 2 ? 0 : 0.5)).shares("v2", 1000)).toEqual([0, 0.5, 0.5]);
  });
});
