import { expect, test } from "vitest";
import { clusterSizeIn } from "../../../../src/domain/analysis/clusters.ts";
import { counts } from "../../../support/measurement.ts";
import { randomFrom } from "../../../support/random.ts";

const blocksOf = (errorsOf: (random: () => number) => number, requests = 500) => {
  const random = randomFrom(3);
  return Array.from({ length: 400 }, () => ({ stable: counts(requests, errorsOf(random)) }));
};
const independent = (random: () => number, requests: number, share: number) =>
  Array.from({ length: requests }, random).filter((roll) => roll < share).length;

test("independent errors come one by one", () => {
  expect(clusterSizeIn(blocksOf((random) => independent(random, 500, 0.01)))).toBeCloseTo(1, 0);
});

test("errors in triples come in threes, and in tens in tens", () => {
  expect(clusterSizeIn(blocksOf((random) => 3 * independent(random, 166, 0.01)))).toBeCloseTo(3, 0);
  const inTens = clusterSizeIn(blocksOf((random) => 10 * independent(random, 50, 0.01)));
  expect(inTens).toBeGreaterThan(8);
  expect(inTens).toBeLessThan(12);
});

test("nothing is known without errors, or without requests", () => {
  expect(clusterSizeIn([])).toBe(1);
  expect(clusterSizeIn([{ stable: counts(0) }, { stable: counts(0) }])).toBe(1);
  expect(clusterSizeIn(blocksOf(() => 0))).toBe(1);
  expect(clusterSizeIn(blocksOf(() => 500))).toBe(1);
});
