import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  closeBlocks,
  countedIn,
  enoughFor,
  expectedEnd,
  noTotals,
  sum,
  totalsOf,
  type Tick,
} from "../../../../src/domain/analysis/blocks.ts";
import { counts } from "../../../support/measurement.ts";
import { aRelease } from "../../../support/observation.ts";

const tick = (at: number, canary: number, errors = 0, stable = 0): Tick => ({
  at,
  canary: counts(canary, errors),
  stable: counts(stable),
  gone: { stable: 1, canary: 2 },
  lost: 3,
});

/** Where blocks end, and how many requests the canary has in each. */
const ends = (ticks: readonly Tick[], pace: { since?: number; interval?: number; enough?: number } = {}) =>
  closeBlocks(ticks, { since: 0, interval: 5_000, enough: 50, ...pace }).map(({ until, canary }) => [
    until,
    canary.requests,
  ]);

describe("expectedEnd()", () => {
  const pace = { since: 0, interval: 5_000, enough: 50 };

  test.each([
    ["without requests, a whole length after the block began", [tick(1_000, 0)], 1_000, 4_500],
    ["at the pace of its requests", [tick(1_000, 20)], 1_000, 2_500],
    ["no sooner than a block may end", [tick(500, 49)], 500, 900],
    ["of the block that is open", [tick(2_000, 60), tick(3_000, 10)], 3_000, 6_500],
  ])("%s", (_what, ticks, until, expected) => {
    expect(expectedEnd(ticks, pace, until)).toBe(expected);
  });
});

describe("closeBlocks()", () => {
  test("a scrape every 5 s is a block, however many requests it shows", () => {
    expect(ends([tick(5_000, 3), tick(10_000, 0), tick(15_002, 900)])).toEqual([
      [5_000, 3],
      [10_000, 0],
      [15_002, 900],
    ]);
  });

  test("a scrape a little early is one too", () => {
    expect(ends([tick(4_990, 3), tick(9_980, 3)])).toHaveLength(2);
  });

  test("scrapes every second: a second with enough requests, five without", () => {
    const seconds = (requests: number) => Array.from({ length: 10 }, (_, index) => tick(1_000 * (index + 1), requests));
    expect(ends(seconds(50), { interval: 1_000 })).toHaveLength(10);
    expect(ends(seconds(20), { interval: 1_000 }).map(([until]) => until)).toEqual([3_000, 6_000, 9_000]);
    expect(ends(seconds(0), { interval: 1_000 }).map(([until]) => until)).toEqual([5_000, 10_000]);
  });

  test("many targets, each scraped every 15 s at a moment of its own: never shorter than a second, or each target's turn", () => {
    const targets = (requests: number) => Array.from({ length: 300 }, (_, index) => tick(100 * (index + 1), requests));
    expect(
      ends(targets(100), { interval: 15_000 })
        .map(([until]) => until)
        .slice(0, 3),
    ).toEqual([900, 1_800, 2_700]);
    expect(ends(targets(0), { interval: 15_000 }).map(([until]) => until)).toEqual([13_500, 27_000]);
  });

  test("adds up what callers gave up on", () => {
    const [block] = closeBlocks([tick(2_000, 1), tick(5_000, 1)], { since: 0, interval: 5_000, enough: 50 });
    expect(block).toMatchObject({ length: 5_000, gone: { stable: 2, canary: 4 } });
  });

  test("what comes after the last block is left for the next time", () => {
    const ticks = [tick(5_000, 10), tick(7_000, 10), tick(10_000, 10)];
    expect(ends(ticks.slice(0, 2))).toEqual([[5_000, 10]]);
    expect(ends(ticks.slice(1), { since: 5_000 })).toEqual([[10_000, 20]]);
  });

  test("whenever one looks, blocks end at the same moments, and never for what is bad", () => {
    const gaps = fc.array(fc.tuple(fc.integer({ min: 1, max: 4_000 }), fc.nat(80), fc.nat(80)), { minLength: 1 });
    fc.assert(
      fc.property(gaps, fc.constantFrom(1_000, 5_000, 15_000), fc.nat(), (steps, interval, look) => {
        let at = 0;
        const ticks = steps.map(([gap, requests, errors]) => tick((at += gap), requests, Math.min(errors, requests)));
        const pace = { since: 0, interval, enough: 50 };
        const whole = closeBlocks(ticks, pace);
        const first = closeBlocks(ticks.slice(0, look % (ticks.length + 1)), pace);
        const since = first.at(-1)?.until ?? 0;
        const rest = closeBlocks(
          ticks.filter((one) => one.at > since),
          { ...pace, since },
        );
        expect([...first, ...rest]).toEqual(whole);
        const good = ticks.map((one) => ({ ...one, canary: counts(one.canary.requests) }));
        expect(closeBlocks(good, pace).map(({ until }) => until)).toEqual(whole.map(({ until }) => until));
      }),
    );
  });
});

test("enoughFor() is half a bad request at the limit", () => {
  expect([0.01, 0.001, 0.5].map(enoughFor)).toEqual([50, 500, 1]);
});

test("totalsOf() adds up", () => {
  expect(totalsOf([tick(1, 2, 1, 5), tick(2, 3, 0, 6)])).toEqual({ canary: counts(5, 1), stable: counts(11) });
  expect(totalsOf([])).toEqual({ canary: counts(0), stable: counts(0) });
});

test("countedIn() knows all requests of a release, and none before it counts", () => {
  const analysis = { ...aRelease().analysis!, release: { stable: counts(90), canary: counts(10, 1) } };
  expect(countedIn(aRelease({ analysis }))).toEqual({ stable: counts(90), canary: counts(10, 1) });
  expect(countedIn(aRelease({ analysis: undefined }))).toEqual(noTotals);
});

test.each([
  [undefined, undefined, undefined],
  [[1, 2, 3], undefined, [1, 2, 3]],
  [undefined, [1, 2, 3], [1, 2, 3]],
  [[1, 2, 3], [10], [11, 2, 3]],
  [[10], [1, 2, 3], [11, 2, 3]],
])("sum() of requests beyond %j and %j is %j", (left, right, beyond) => {
  const having = (its: number[] | undefined) => ({ ...counts(1), ...(its === undefined ? {} : { beyond: its }) });
  expect(sum(having(left), having(right))).toEqual({ ...having(beyond), requests: 2 });
});

test("sum() adds up a team's own counts by name, also of those that only one of both has", () => {
  const a = { name: "a", bad: 1, total: 10 };
  const b = { name: "b", bad: 2, total: 20 };
  const having = (...metrics: (typeof a)[]) => ({ ...counts(0), metrics });
  expect(sum(having(a, b), having(a)).metrics).toEqual([{ name: "a", bad: 2, total: 20 }, b]);
  expect(sum(counts(0), having(a)).metrics).toEqual([a]);
  expect(sum(having(a), counts(0)).metrics).toEqual([a]);
});
