import { expect, test } from "vitest";
import { headroom } from "../../lab/capacity.ts";

const counts = (entries: Readonly<Record<string, number>>) => new Map(Object.entries(entries));

test.each([
  ["every ready pod counts without a split", 4, { one: 3, two: 1 }, undefined, 1],
  ["too few pods without a split", 4, { one: 3 }, undefined, 0.75],
  ["each version needs its share", 4, { one: 4, two: 1 }, { one: 90, two: 10 }, 1],
  ["a share is rounded up to whole pods", 4, { one: 4, two: 2 }, { one: 40, two: 60 }, 2 / 3],
  ["the version that is worst off decides", 4, { one: 1, two: 4 }, { one: 50, two: 50 }, 0.5],
  ["old pods are of no use to those that are sent elsewhere", 3, { one: 3, two: 2 }, { one: 0, two: 100 }, 2 / 3],
  ["a version with traffic and without pods has nothing", 3, { one: 3 }, { one: 50, two: 50 }, 0],
  ["nothing is needed where there is nothing", 0, {}, undefined, Infinity],
])("headroom: %s", (_what, replicas, ready, shares, expected) => {
  const scene = { replicas, ready: counts(ready), shares: shares && counts(shares) };
  expect(headroom(scene)).toBeCloseTo(expected, 9);
});
