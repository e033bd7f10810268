import { describe, expect, test } from "vitest";
import { beta, binomial, normal, poisson } from "../../bench/judge/draws.ts";
import { bursts, clustered, incident, independent, redrawn, type ErrorModel } from "../../bench/judge/errors.ts";
import { decidedBy, playRow, quantile } from "../../bench/judge/play.ts";
import { resultOf, tableLines, worseThanPublished } from "../../bench/judge/result.ts";
import { pointChecks, serin, type Requests, type Rule } from "../../bench/judge/rules.ts";
import { tables, type Row, type Table } from "../../bench/judge/tables.ts";
import { randomFrom } from "../../support/random.ts";

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const draw = (times: number, one: () => number) => Array.from({ length: times }, one);

describe("draws", () => {
  test.each([
    [10, 0.01],
    [1_000, 0.005],
    [1_000, 0.4],
    [50, 0.99],
    [7, 1],
    [7, 0],
  ])("of %i requests, %d are bad on average, give or take what binomial ones do", (count, share) => {
    const random = randomFrom(3);
    const drawn = draw(20_000, () => binomial(random, count, share));
    const variance = count * share * (1 - share);
    expect(Math.abs(mean(drawn) - count * share)).toBeLessThanOrEqual(4 * Math.sqrt(variance / drawn.length) + 1e-9);
    const spread = mean(drawn.map((value) => (value - count * share) ** 2));
    expect(Math.abs(spread - variance)).toBeLessThanOrEqual(0.06 * variance + 1e-9);
    for (const value of drawn) expect(value >= 0 && value <= count && Number.isInteger(value)).toBe(true);
  });

  test("normal, beta and Poisson ones have their means", () => {
    const random = randomFrom(5);
    expect(mean(draw(40_000, () => poisson(random, 1)))).toBeCloseTo(1, 1);
    expect(mean(draw(20_000, () => poisson(random, 900)))).toBeCloseTo(900, 0);
    expect(mean(draw(20_000, () => normal(random)))).toBeCloseTo(0, 1);
    expect(mean(draw(20_000, () => beta(random, 2, 6)))).toBeCloseTo(0.25, 2);
    expect(mean(draw(40_000, () => beta(random, 0.1, 19.9)))).toBeCloseTo(0.005, 3);
  });
});

describe("errors", () => {
  const share = (model: ErrorModel, requests: number, runs = 300) => {
    const random = randomFrom(11);
    const errors = draw(runs, () => {
      const of = model(random, 0);
      return mean(
        draw(
          600,
          (
            (second = 0) =>
            () =>
              of(second++, requests)
          )(),
        ),
      );
    });
    return mean(errors) / requests;
  };

  test.each([
    { how: "independent", model: independent(0.005), requests: 10 },
    { how: "in triples", model: clustered(0.005, 3), requests: 1_000 },
    { how: "in tens", model: clustered(0.005, 10), requests: 1_000 },
    { how: "redrawn", model: redrawn(5, 0.1, 19.9), requests: 1_000 },
    { how: "in bursts of 2 s", model: bursts(2, 0.3, 0.005), requests: 1_000 },
    { how: "in bursts of 5 s", model: bursts(5, 1, 0.005), requests: 10 },
  ])("$how: 0.5 % in the long run", ({ model, requests }) => {
    expect(share(model, requests)).toBeGreaterThan(0.004);
    expect(share(model, requests)).toBeLessThan(0.006);
  });

  test("an incident is at its time", () => {
    const errors = incident(0, { seconds: 2, share: 1 })(randomFrom(1), 3);
    expect([0, 1, 2, 3, 4, 5].map((second) => errors(second, 8))).toEqual([0, 0, 0, 8, 8, 0]);
  });
});

/** When a rule decides, if every second has these requests. */
function decision(rule: Rule, canary: Requests, stable: Requests = { requests: 0, errors: 0 }): number | undefined {
  const watch = rule.watch(1);
  for (let second = 0; second < 600; second += 1) {
    const end = watch(second, canary, stable);
    if (end !== undefined) return end;
  }
  return undefined;
}

describe("rules", () => {
  const outage = { requests: 100, errors: 100 };
  const fine = { requests: 100, errors: 0 };

  test("point checks decide when they have failed often enough", () => {
    const flagger = pointChecks("f", { interval: 60, window: 60, failures: 5, delay: 60 });
    const argo = pointChecks("a", { interval: 10, window: 10, failures: 1, delay: 0 });
    expect([decision(flagger, outage), decision(argo, outage)]).toEqual([360, 10]);
    expect([decision(flagger, fine), decision(argo, fine)]).toEqual([undefined, undefined]);
  });

  test("the judge decides about an outage after its burst tolerance, half a scrape late", () => {
    const limitOnly = { compareWith: "limit", burstTolerance: 10_000 } as const;
    const ends = [1, 5, 15].map((scrape) => decision(serin("s", { criteria: limitOnly, scrape }), outage));
    expect(ends).toEqual([9.5, 12.5, 37.5]);
    expect(decision(serin("s", { criteria: limitOnly, scrape: 5 }), fine)).toBeUndefined();
  });

  test("the judge leaves what stable has too, with the product's defaults", () => {
    const rule = serin("s", { criteria: { compareWith: "limit-and-stable" }, scrape: 5 });
    const stable = (errors: number) => ({ requests: 900, errors });
    expect(decision(rule, { requests: 100, errors: 20 }, stable(180))).toBeUndefined();
    expect(decision(rule, { requests: 100, errors: 20 }, stable(1))).toBe(17.5);
  });
});

describe("tables", () => {
  const [first] = tables as readonly [Table];
  const row: Row = { ...first.rows[0]!, repetitions: 40, canary: independent(1), rate: 100 };

  test("have a published figure for each row and each column of ours", () => {
    const cases = tables.flatMap(({ name, rows, ours }) =>
      rows.map((one) => ({ name, ours, ...one.published, row: one })),
    );
    for (const { name, ours, share, times, row: one } of cases) {
      const lengths = [share, times].flatMap((figures) => figures?.length ?? []);
      expect(new Set(lengths), `${name} ${one.name}`).toEqual(new Set([ours.count]));
    }
  });

  test("the same seed plays the same", () => {
    expect(playRow(first, row, 4)).toEqual(playRow(first, row, 4));
  });

  test("say what is worse than published, and only that", () => {
    const cells = playRow(first, row, 4);
    expect(worseThanPublished(first, row, cells)).toHaveLength(first.ours.count);
    expect(worseThanPublished(first, row, cells)[0]).toContain("T1, 1 0.1, 15 s: 100 % rolled back, published are 0 %");
    const bad: Row = { ...row, isGood: false, published: { share: [100, 100, 100, 100] } };
    expect(worseThanPublished(first, bad, cells)).toEqual([]);
    const times: Row = {
      ...bad,
      published: {
        times: [
          [38, 38],
          [12, 12],
          [9.5, 9.5],
          [2, 3],
        ],
      },
    };
    expect(worseThanPublished(first, times, cells)).toEqual([
      "T1, 1 0.1, 1 s, L 5 s: 0 % decided within 2 s, published are 50 %",
      "T1, 1 0.1, 1 s, L 5 s: 0 % decided within 3 s, published are 95 %",
    ]);
  });

  test("are told in Markdown", () => {
    const cells = playRow(first, row, 4);
    const result = { name: first.name, title: "what", rows: [resultOf({ ...row, isGood: false }, cells)] };
    expect(tableLines(result, ["5 s", "Argo-like 10s fL0"])).toEqual([
      "T1: what",
      "",
      "| case | 5 s | Argo-like 10s fL0 |",
      "|---|--:|--:|",
      "| 1 0.1 | 12.5 / 12.5 | 10 / 10 |",
    ]);
    expect(decidedBy(cells[0]!, 59)).toBe(0);
    expect(quantile(cells[0]!, 0.5)).toBe(60);
  });
});
