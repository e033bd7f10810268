import { describe, expect, test } from "vitest";
import { headroom, Need } from "../../lab/capacity.ts";

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

describe("Need", () => {
  const having = (replicas: number, ready: number) => ({ replicas, ready: counts({ one: ready }), shares: undefined });

  test("is nothing before the app is complete, and a larger size only when it was had", () => {
    const need = new Need();
    expect([need.look(having(5, 1), 0), need.look(having(5, 5), 1), need.look(having(8, 5), 2)]).toEqual([
      undefined,
      5,
      5,
    ]);
    expect(need.look(having(8, 8), 1_003)).toBe(8);
    expect(need.look(having(8, 7), 1_004)).toBe(8);
  });

  test("does not take a size for had that a split has room for in the moment in which it is asked for", () => {
    const split = (replicas: number, canary: number) => ({
      replicas,
      ready: counts({ one: 6, two: 6 }),
      shares: counts({ one: 100 - canary, two: canary }),
    });
    const need = new Need();
    expect(need.look(split(6, 50), 0)).toBe(6);
    expect(need.look(split(7, 50), 100)).toBe(6);
    expect(need.look(split(7, 100), 200)).toBe(6);
    expect(need.look(split(7, 50), 1_200)).toBe(7);
    expect(need.look(split(7, 100), 1_300)).toBe(7);
  });

  test("falls with the size at once, and does not rise on pods that are on their way out", () => {
    const need = new Need();
    need.look(having(8, 8), 0);
    expect(need.look(having(2, 8), 10)).toBe(2);
    expect(need.look(having(8, 8), 20)).toBe(2);
    expect(need.look(having(8, 3), 1_000)).toBe(2);
    expect(need.look(having(8, 8), 6_000)).toBe(8);
  });
});
