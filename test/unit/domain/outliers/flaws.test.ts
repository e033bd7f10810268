import { describe, expect, test } from "vitest";
import type { OutlierPolicy, OutlierState } from "../../../../src/domain/observation.ts";
import { flawsOf } from "../../../../src/domain/outliers/flaws.ts";

const where = "DestinationRule shop/product, spec.trafficPolicy.outlierDetection";
const state = (stable: Partial<OutlierPolicy> | undefined, canary = stable): OutlierState => ({
  isTuned: false,
  written: {},
  obstacles: [],
  policies: { stable: stable && { where, ...stable }, canary: canary && { where, ...canary } },
  before: "{}",
});
const four = { stable: 4, canary: 4 };

describe("flawsOf", () => {
  test("finds none where there is no outlier detection, and none in what works", () => {
    expect(flawsOf(state(undefined), four)).toEqual([]);
    expect(flawsOf(state({ maxEjectionPercent: 25, consecutive5xxErrors: 5 }), four)).toEqual([]);
    expect(flawsOf(state({}), { stable: 10, canary: 10 })).toEqual([]);
    // Of how many pods there are nothing is known: what does not depend on it is told all the same.
    const unknown = { stable: 0, canary: 0 };
    expect(flawsOf(state({ maxEjectionPercent: 1 }), unknown)).toEqual([]);
    expect(flawsOf(state({ maxEjectionPercent: 1, consecutive5xxErrors: 0 }), unknown)).toHaveLength(1);
  });

  test("says that no pod is ever ejected, once where it holds for both versions, with what to write", () => {
    expect(flawsOf(state({ maxEjectionPercent: 24 }), four)).toEqual([
      `${where}: maxEjectionPercent 24 of 4 pods is less than one, so no pod is ever ejected; write 25 or more`,
    ]);
    expect(flawsOf(state({}), { stable: 9, canary: 9 })).toEqual([
      `${where}: maxEjectionPercent is 10 unless told, which of 9 pods is less than one, so no pod is ever ejected; write 12 or more`,
    ]);
    // 0 is what Istio takes for not set.
    expect(flawsOf(state({ maxEjectionPercent: 0 }), { stable: 1, canary: 1 })[0]).toContain(
      "of 1 pod is less than one, so no pod is ever ejected; write 100 or more",
    );
  });

  test("tells versions of different size apart", () => {
    expect(flawsOf(state({ maxEjectionPercent: 25 }), { stable: 4, canary: 2 })).toHaveLength(1);
  });

  test("says that ejected pods are called again below minHealthPercent", () => {
    expect(flawsOf(state({ maxEjectionPercent: 50, minHealthPercent: 60 }), four)).toEqual([
      `${where}: with 2 of 4 pods ejected fewer than minHealthPercent 60 % are left, and proxies send to ejected pods again; write 50 or less`,
    ]);
    expect(flawsOf(state({ maxEjectionPercent: 50, minHealthPercent: 50 }), four)).toEqual([]);
    expect(flawsOf(state({ maxEjectionPercent: 24, minHealthPercent: 100 }), four)).toHaveLength(1);
  });

  test("says that 0 errors switch ejection off, unless gateway errors eject", () => {
    const zero = { maxEjectionPercent: 50, consecutive5xxErrors: 0 };
    expect(flawsOf(state(zero), four)[0]).toContain("consecutive5xxErrors 0 switches ejection for errors off");
    expect(flawsOf(state({ ...zero, consecutiveGatewayErrors: 3 }), four)).toEqual([]);
    expect(flawsOf(state({ ...zero, consecutiveGatewayErrors: 0 }), four)).toHaveLength(1);
  });
});
