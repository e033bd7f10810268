import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  bet,
  roundAgainst,
  worth,
  type Game,
  type Round,
  type Wealth,
} from "../../../../src/domain/analysis/wealth.ts";
import { randomFrom } from "../../../support/random.ts";

const robust: Game = { alpha: 0.01, burstTolerance: 10_000 };

/** The wealth after each of `rounds`. */
function play(rounds: readonly Round[], game: Game): readonly number[] {
  let wealth: Wealth | undefined;
  return rounds.map((round) => {
    wealth = bet(wealth, round, game);
    return worth(wealth);
  });
}

const blocks = (length: number, share: number, ...counts: readonly (readonly [number, number])[]): readonly Round[] =>
  counts.map(([bad, total]) => ({ bad, total, share, length }));

function expectDigits(actual: readonly number[], expected: readonly string[]): void {
  expect(actual.map((value) => value.toPrecision(8))).toEqual(expected.map((text) => Number(text).toPrecision(8)));
}

describe("bet()", () => {
  test("a few errors, an idle block, an outage", () => {
    const rounds = blocks(5_000, 0.01, [0, 25], [1, 25], [3, 25], [0, 0], [25, 25]);
    expectDigits(play(rounds, robust), ["0.84105978", "0.94917247", "1.8989105", "1.8989105", "28.860702"]);
  });

  test("who begins to bet on single requests in mid-release stakes what is not staked yet", () => {
    const [round] = blocks(5_000, 0.01, [0, 25]);
    const shares = bet(undefined, round!, robust);
    const both = bet(shares, round!, { ...robust, clusterSize: 4 });
    expect(shares.perRequest).toBeUndefined();
    expect(both.perRequest).toHaveLength(both.mean.length);
    expect(worth({ ...both, mean: [], cash: 0 })).toBeGreaterThan(0);
    expect(worth(both)).toBeLessThan(worth(shares));
  });

  test("an outage from the beginning gives the alarm after the burst tolerance", () => {
    expectDigits(play(blocks(5_000, 0.01, [25, 25], [25, 25]), robust), ["7.3502201", "158.08115"]);
  });

  test("three times the limit, second by second", () => {
    const rounds = blocks(1_000, 0.01, ...Array.from({ length: 10 }, () => [30, 1_000] as const));
    const expected = ["1.1903567", "1.5280728", "2.1395438", "3.2632549", "5.3508747"];
    const later = ["9.2604373", "16.626011", "30.565893", "57.040601", "107.45884"];
    expectDigits(play(rounds, robust), [...expected, ...later]);
  });

  test("both kernels, with another share each time", () => {
    const rounds = [[9, 10, 0.1] as const, [0, 3, 0.1] as const, [5, 5, 0.5] as const].map(
      ([bad, total, share]): Round => ({ bad, total, share, length: 5_000 }),
    );
    expectDigits(play(rounds, { alpha: 0.1, clusterSize: 4 }), ["10.323942", "3.1072664", "5.7851265"]);
  });

  test("of canaries at their limit the mean wealth is 1 at most", () => {
    const random = randomFrom(7);
    const games = 4_000;
    for (const game of [robust, { alpha: 0.01 }, { ...robust, clusterSize: 2 }]) {
      const ends: number[] = [];
      for (let index = 0; index < games; index += 1) {
        const rounds = Array.from({ length: 24 }, (): Round => {
          const requests = Math.floor(random() * 60);
          const bad = Array.from({ length: requests }, () => random()).filter((roll) => roll < 0.01).length;
          return { bad, total: requests, share: 0.01, length: 5_000 };
        });
        ends.push(play(rounds, game).at(-1) ?? 0);
      }
      const mean = ends.reduce((sum, end) => sum + end, 0) / games;
      const variance = ends.reduce((sum, end) => sum + (end - mean) ** 2, 0) / (games - 1);
      expect(mean).toBeLessThan(1 + 3 * Math.sqrt(variance / games));
    }
  });

  test("is never less after more bad requests, up to the alarm", () => {
    const round = fc.record({
      total: fc.integer({ min: 1, max: 200 }),
      share: fc.double({ min: 0.001, max: 0.5, noNaN: true }),
    });
    const rounds = fc.array(round, { minLength: 1, maxLength: 12 });
    const games = fc.constantFrom<Game>(robust, { alpha: 0.1, clusterSize: 4 }, { ...robust, clusterSize: 2 });
    fc.assert(
      fc.property(rounds, games, fc.array(fc.nat()), fc.nat(), (played, game, errors, where) => {
        const counted = played.map(({ total, share }, index): Round => ({
          total,
          share,
          length: 5_000,
          bad: (errors[index] ?? 0) % (total + 1),
        }));
        const worse = counted.map((one, index) =>
          index === where % counted.length ? { ...one, bad: Math.min(one.total, one.bad + 1) } : one,
        );
        const [before, after] = [play(counted, game), play(worse, game)];
        const alarm = after.findIndex((wealth) => wealth >= 1 / game.alpha);
        // After it wealth may have been given away.
        const upToAlarm = after.slice(0, alarm === -1 ? after.length : alarm + 1);
        upToAlarm.forEach((wealth, index) => expect(wealth).toBeGreaterThanOrEqual((before[index] ?? 0) * (1 - 1e-9)));
      }),
    );
  });

  test("goes on from what was stored as if nothing had been between", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { minLength: 2, maxLength: 30 }),
        fc.nat(),
        (counts, at) => {
          const rounds = counts.map(([bad, good]): Round => ({ bad, total: bad + good, share: 0.01, length: 5_000 }));
          let wealth: Wealth | undefined;
          rounds.forEach((round, index) => {
            if (index === 1 + (at % (rounds.length - 1))) wealth = JSON.parse(JSON.stringify(wealth)) as Wealth;
            wealth = bet(wealth, round, robust);
          });
          expect(worth(wealth)).toBe(play(rounds, robust).at(-1));
        },
      ),
    );
  });

  test("a burst that touches blocks of at most 0.7 of the tolerance in all never gives the alarm", () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 7_000 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        lengths,
        fc.integer({ min: 1, max: 100_000 }),
        fc.constantFrom(undefined, 2),
        (parts, rate, clusterSize) => {
          const all = parts.reduce((sum, part) => sum + part, 0);
          const scale = Math.min(1, 7_000 / all);
          const rounds = parts.map((part): Round => ({ bad: rate, total: rate, share: 0.01, length: part * scale }));
          const quiet = Array.from({ length: 20 }, (): Round => ({ bad: 0, total: rate, share: 0.01, length: 5_000 }));
          for (const wealth of play([...rounds, ...quiet], { ...robust, clusterSize }))
            expect(wealth).toBeLessThan(100);
        },
      ),
    );
  });

  test("stays a number whatever comes", () => {
    const rounds = blocks(5_000, 0.01, [1e6, 1e6], [0, 1e6], [0, 1e6], [1e6, 1e6], [1e6, 1e6]);
    for (const value of play(rounds, { alpha: 0.01, clusterSize: 2 })) expect(value).toBeGreaterThanOrEqual(0);
    expect(play(rounds, { alpha: 0.01, clusterSize: 2 }).at(-1)).toBeCloseTo(1_000);
  });
});

describe("roundAgainst()", () => {
  test("expects the canary's share of all bad requests to be its share of the odds", () => {
    const round = roundAgainst({ bad: 3, total: 100 }, { bad: 1, total: 900 }, 1, 5_000);
    expect(round).toEqual({ bad: 3, total: 4, share: 0.1, length: 5_000 });
    expect(roundAgainst({ bad: 0, total: 100 }, { bad: 1, total: 300 }, 3, 5_000).share).toBe(0.5);
  });

  test("says nothing where one of the versions gets no requests", () => {
    const alone = roundAgainst({ bad: 50, total: 100 }, { bad: 0, total: 0 }, 1, 5_000);
    expect(worth(bet(undefined, alone, { alpha: 0.1, clusterSize: 4 }))).toBeCloseTo(1);
    expect(roundAgainst({ bad: 0, total: 0 }, { bad: 0, total: 0 }, 1, 5_000)).toMatchObject({ total: 0, share: 0 });
  });
});
