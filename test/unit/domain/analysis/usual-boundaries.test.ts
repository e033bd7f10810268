import { describe, expect, it } from "vitest";
import { boundariesByUsual } from "../../../../src/domain/analysis/usual-boundaries.ts";

const counts = new Map([
  [500, 19_990],
  [50, 5_000],
  [Infinity, 20_000],
  [250, 19_900],
  [100, 19_000],
]);

describe("the boundaries of stable's usual latency", () => {
  it.each([
    [0.99, [250, 100, 500]],
    [0.5, [100, 50, 250]],
    [0.25, [50, 50, 100]],
    [0.9995, [500, 250, 500]],
  ])("are the smallest that %d of its requests kept to, and those beside it", (quantile, boundaries) => {
    expect(boundariesByUsual(counts, quantile)).toEqual(boundaries);
  });

  it.each([
    [
      "one request too few",
      [
        [250, 9_999],
        [Infinity, 9_999],
      ],
    ],
    [
      "a latency beyond all of them",
      [
        [250, 15_000],
        [Infinity, 20_000],
      ],
    ],
    ["nothing", []],
  ] as const)("are not chosen from %s", (_what, few) => {
    expect(boundariesByUsual(new Map(few), 0.99)).toBeUndefined();
  });

  it("are chosen from ten thousand requests", () => {
    expect(
      boundariesByUsual(
        new Map([
          [250, 10_000],
          [Infinity, 10_000],
        ]),
        0.99,
      ),
    ).toEqual([250, 250, 250]);
  });
});
