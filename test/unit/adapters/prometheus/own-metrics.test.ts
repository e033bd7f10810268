import { describe, expect, it } from "vitest";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import { createFeed } from "../../../../src/adapters/prometheus/feed/feed.ts";
import { checkValues, countRatios, mergeTicks } from "../../../../src/adapters/prometheus/own-metrics.ts";
import type { Series } from "../../../../src/adapters/prometheus/series.ts";
import { nothing, totalsOf, type Tick } from "../../../../src/domain/analysis/blocks.ts";
import { counts } from "../../../support/measurement.ts";

const { signal } = new AbortController();
const frame = { start: 0, since: 1_000, until: 3_000 };
const of = (version: string) => ({ bad: `bad{v="${version}"}`, total: `all{v="${version}"}` });
const ratio = { name: "failed", stable: of("stable"), canary: of("canary") };

function series(samples: Readonly<Record<number, number>>, labels = { instance: "pod" }): Series {
  return { labels, samples: Object.entries(samples).map(([at, value]) => ({ at: Number(at), values: [value] })) };
}

/** Answers by the beginning of the expression. */
function partsWith(answers: Readonly<Record<string, Answer | readonly Series[]>>) {
  const query = (expression: string): Promise<Answer> => {
    const answer = Object.entries(answers).find(([beginning]) => expression.startsWith(beginning))?.[1] ?? [];
    return Promise.resolve("kind" in answer ? answer : { kind: "Series", series: answer });
  };
  return { api: { query }, feed: createFeed({ api: { query }, now: () => 0, gather: () => Promise.resolve() }) };
}

async function counted(answers: Parameters<typeof partsWith>[0]) {
  const ticks = await countRatios(partsWith(answers), [ratio], frame, signal);
  if ("kind" in ticks) return ticks;
  return totalsOf(mergeTicks([], ticks));
}

describe("ratios of the team's own", () => {
  it("are counted for both versions, the canary's from its first sample on", async () => {
    const totals = await counted({
      'bad{v="stable"}': [series({ 900: 4, 1_900: 5, 2_900: 7 })],
      'all{v="stable"}': [series({ 900: 100, 2_900: 400 })],
      'bad{v="canary"}': [series({ 2_500: 6 })],
      'all{v="canary"}': [series({ 1_500: 10, 2_500: 30 })],
    });
    expect(totals).toMatchObject({
      stable: { requests: 0, metrics: [{ name: "failed", bad: 3, total: 300 }] },
      canary: { requests: 0, metrics: [{ name: "failed", bad: 6, total: 30 }] },
    });
  });

  it("of stable pods that were not scraped of late begin at what they were", async () => {
    const totals = await counted({
      'all{v="stable"}': [series({ 2_000: 150, 2_900: 160 })],
      'last_over_time(all{v="stable"}': [series({ 1_000: 120 })],
    });
    expect(totals).toMatchObject({ stable: { metrics: [{ bad: 0, total: 40 }] } });
  });

  it.each(["bad{", "last_over_time("])("name the metric of a problem with %s, and not the query", async (beginning) => {
    const problem: Answer = { kind: "Problem", cause: "Refused", problem: 'refused the query: unexpected "secret"' };
    const answers = { 'all{v="stable"}': [series({ 2_000: 150 })], [beginning]: problem };
    expect(await counted(answers)).toMatchObject({
      problem: "metric failed: Prometheus refused its query or answered with what it should not; ask it there",
    });
  });

  it("come in the order of time, with what was counted at the same moment", () => {
    const tick = (at: number, requests: number): Tick => ({ ...nothing, at, canary: counts(requests) });
    expect(mergeTicks([tick(1, 5), tick(3, 7)], []).map(({ at }) => at)).toEqual([1, 3]);
    const merged = mergeTicks([tick(1, 5), tick(3, 7)], [tick(3, 1), tick(2, 1)]);
    expect(merged.map(({ at, canary }) => [at, canary.requests])).toEqual([
      [1, 5],
      [2, 1],
      [3, 8],
    ]);
  });
});

describe("values of the team's own", () => {
  it("are one number, or none", async () => {
    const { api } = partsWith({
      scalar: { kind: "Scalar", value: 7 },
      vector: [series({ 1: 5 })],
      two: [series({ 1: 5 }), series({ 1: 6 })],
      nan: { kind: "Scalar", value: NaN },
    });
    const names = ["scalar", "vector", "two", "nan", "nothing"];
    const checks = names.map((name) => ({ name, query: name }));
    expect(await checkValues(api, checks, 0, signal)).toEqual([
      { name: "scalar", value: 7 },
      { name: "vector", value: 5 },
      { name: "two", value: undefined },
      { name: "nan", value: undefined },
      { name: "nothing", value: undefined },
    ]);
  });

  it("name the metric of a problem", async () => {
    const problem: Answer = { kind: "Problem", cause: "Away", problem: "away" };
    const { api } = partsWith({ p50: problem });
    expect(await checkValues(api, [{ name: "p50", query: "p50" }], 0, signal)).toMatchObject({
      problem: "metric p50: away",
    });
  });
});
