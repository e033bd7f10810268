import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { increments, lacksBaseline, reachingBack } from "../../../../src/adapters/prometheus/increments.ts";
import { identityOf } from "../../../../src/adapters/prometheus/series.ts";
import type { Span } from "../../../../src/adapters/prometheus/increments.ts";
import type { Labels, Series } from "../../../../src/adapters/prometheus/series.ts";

/** `t1=v1 t2=v2`: a series as scrapes saw it. */
function series(text: string, labels: Labels = {}): Series {
  const samples = text.split(" ").map((pair) => {
    const [at = "", value = ""] = pair.split("=");
    return { at: Number(at), values: value.split("/").map(Number) };
  });
  return { labels: { instance: "client-1", ...labels }, samples };
}

const never: Span["bornWithin"] = () => false;

function growthOf(all: readonly Series[], since: number, until: number, bornWithin = never): number {
  const steps = increments(all, { since, until, bornWithin }).flatMap((one) => one.steps);
  return steps.reduce((sum, { values: [more = 0] }) => sum + more, 0);
}

describe("lacksBaseline()", () => {
  it.each([
    ["what is known from before", ["10=1 30=2"], false],
    ["what is first seen later, of a target that nobody saw before", ["30=2"], true],
    ["what is first seen later, where its target was scraped without it", ["10=1 30=2", "30=7"], false],
    ["what is first seen later together with all of its target", ["30=2", "30=7"], true],
    ["nothing", [], false],
  ])("%s", (_what, texts, expected) => {
    expect(
      lacksBaseline(
        texts.map((text, index) => series(text, { code: String(index) })),
        20,
      ),
    ).toBe(expected);
  });
});

describe("increments of one series", () => {
  it.each([
    ["from the last sample at or before the start", "10=100 20=110 30=125", 15, 30, 25],
    ["a sample at the start is where it begins", "10=100 20=110 30=125", 20, 30, 15],
    ["a sample at the end belongs to the span", "10=100 20=110 30=125", 10, 20, 10],
    ["samples after the end are another span's", "10=100 20=110 30=999", 10, 29, 10],
    ["a value that fell counts whole", "10=100 20=110 30=7 40=9", 10, 40, 19],
    ["a restart between the baseline and the first sample", "10=100 20=3", 15, 20, 3],
    ["a gap is as good as many scrapes", "10=100 90=180", 15, 95, 80],
    ["a first sample without history begins the count", "20=100 30=101", 15, 30, 1],
    ["nothing new", "10=100 20=100", 15, 30, 0],
    ["nothing but history", "10=100", 15, 30, 0],
  ])("%s", (_, samples, since, until, expected) => {
    expect(growthOf([series(samples)], since, until)).toBe(expected);
  });

  it("resets all values of a histogram when one of them fell", () => {
    const [only] = increments([series("10=100/90 20=40/95")], { since: 10, until: 20, bornWithin: never });
    expect(only?.steps).toEqual([{ at: 20, values: [40, 95] }]);
  });

  it("tells when a series grew, scrape by scrape, and when it did not", () => {
    const [only] = increments([series("10=5 20=7 30=7 40=1")], { since: 10, until: 40, bornWithin: never });
    expect(only?.steps).toEqual([
      { at: 20, values: [2] },
      { at: 30, values: [0] },
      { at: 40, values: [1] },
    ]);
    const [baseline] = increments([series("20=7 30=9")], { since: 10, until: 40, bornWithin: never });
    expect(baseline?.steps.map(({ values: [growth] }) => growth)).toEqual([0, 2]);
  });
});

describe("a series that is first seen after the start", () => {
  const stable = series("10=500 20=510 30=520", { response_code: "200" });
  const failures = { response_code: "500" };

  it("counts from zero when its target was scraped without it before", () => {
    expect(growthOf([stable, series("30=4", failures)], 15, 30)).toBe(20 + 4);
  });

  it("counts from zero when its target's first scrape is itself within the span", () => {
    expect(growthOf([stable, series("30=4", failures)], 5, 30)).toBe(20 + 4);
  });

  it("begins the count when it came with its target", () => {
    expect(growthOf([stable, series("10=900 20=904", failures)], 5, 20)).toBe(10 + 4);
  });

  it("begins the count when another target was scraped before, but not its own", () => {
    expect(growthOf([stable, series("30=4 40=6", { instance: "client-2" })], 15, 40)).toBe(10 + 10 + 2);
  });

  it("counts from zero when it cannot be older than the release", () => {
    const canary = series("30=4 40=6", { instance: "client-2", destination_workload: "canary" });
    expect(growthOf([canary], 15, 40, (labels) => labels["destination_workload"] === "canary")).toBe(6);
  });

  it("does not begin at zero again in the span after", () => {
    const canary = series("30=4 40=6");
    expect(growthOf([canary], 30, 40, () => true)).toBe(2);
  });
});

describe("reaching back", () => {
  it("gives a baseline to a series that lacks one and keeps those that only tell that a target was scraped", () => {
    const recent = [series("20=7", { code: "a" }), series("10=1 20=2", { code: "b" })];
    const earlier = [series("15=5", { code: "a" }), series("15=1", { code: "b" }), series("15=9", { code: "c" })];
    const all = reachingBack(recent, earlier, (labels) => identityOf(labels));
    expect(all.map(({ samples }) => samples.map(({ at, values: [value] }) => [at, value]))).toEqual([
      [
        [15, 5],
        [20, 7],
      ],
      [
        [10, 1],
        [20, 2],
      ],
      [[15, 9]],
    ]);
  });
});

/** What happened at one target: at each scrape, what each of its counters did since the one before. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("count" as const),
      by: fc.array(fc.nat(9), { minLength: 3, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      by: fc.array(fc.nat(9), { minLength: 3, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("missed" as const),
      by: fc.array(fc.nat(9), { minLength: 3, maxLength: 3 }),
    }),
  },
);
const target = fc.record({ offset: fc.nat(9), steps: fc.array(step, { minLength: 1, maxLength: 14 }) });
const counters = [
  { destination_workload: "stable", response_code: "200" },
  { destination_workload: "stable", response_code: "500" },
  { destination_workload: "canary", response_code: "200" },
];

type Target = typeof target extends fc.Arbitrary<infer T> ? T : never;

/** A counter shows from its first request on, as Envoy's do; a scrape that is missed leaves a gap in all of them. */
function scrapesOf({ offset, steps }: Target, index: number): readonly Series[] {
  const values: (number | undefined)[] = counters.map(() => undefined);
  const samples: { at: number; values: number[] }[][] = counters.map(() => []);
  steps.forEach(({ kind, by }, number) => {
    counters.forEach((_, counter) => {
      const before = kind === "restart" ? undefined : values[counter];
      const more = by[counter] ?? 0;
      values[counter] = before === undefined && more === 0 ? undefined : (before ?? 0) + more;
      const value = values[counter];
      if (kind !== "missed" && value !== undefined)
        samples[counter]?.push({ at: offset + number * 10, values: [value] });
    });
  });
  return counters.map((labels, counter) => ({
    labels: { ...labels, instance: `t${index}` },
    samples: samples[counter] ?? [],
  }));
}

/** The series of a store as the provider gets them: recent samples, and the last value before `since` for the rest. */
function asFetched(store: readonly Series[], since: number, until: number, recent: number): readonly Series[] {
  const start = Math.min(since, until - recent);
  const shown = (from: number, to: number) =>
    store
      .map(({ labels, samples }) => ({ labels, samples: samples.filter(({ at }) => at > from && at <= to) }))
      .filter(({ samples }) => samples.length > 0);
  const then = shown(-Infinity, since).map(({ labels, samples }) => ({
    labels,
    samples: samples.slice(-1).map((last) => ({ ...last, at: since })),
  }));
  return reachingBack(shown(start, until), then, (labels) => identityOf(labels));
}

describe("adjoining spans", () => {
  const store = fc
    .array(target, { minLength: 1, maxLength: 3 })
    .map((targets) => targets.flatMap(scrapesOf).filter(({ samples }) => samples.length > 0))
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length }));
  const moments = fc.tuple(fc.nat(150), fc.nat(150), fc.nat(150)).map((three): [number, number, number] => {
    const [first = 0, second = 0, third = 0] = [...three].sort((one, other) => one - other);
    return [first, second, third];
  });
  const bornWithin = (labels: Labels) => labels["destination_workload"] === "canary";

  it("count the same as one span, wherever it is split", () => {
    fc.assert(
      fc.property(store, moments, fc.nat(60), (all, [since, middle, until], recent) => {
        const count = (from: number, to: number) =>
          from === to ? 0 : growthOf(asFetched(all, from, to, recent), from, to, bornWithin);
        expect(count(since, middle) + count(middle, until)).toBe(count(since, until));
      }),
      { numRuns: 3_000 },
    );
  });

  it("count what the targets counted, when they were scraped before and after and nothing restarted", () => {
    const calm = target.map(({ offset, steps }) => ({
      offset,
      steps: [{ kind: "count" as const, by: [1, 0, 0] }, ...steps.map(({ by }) => ({ kind: "count" as const, by }))],
    }));
    fc.assert(
      fc.property(fc.array(calm, { minLength: 1, maxLength: 3 }), (targets) => {
        const served = targets.flatMap(({ steps }) => steps.slice(1).flatMap(({ by }) => by));
        const all = targets.flatMap(scrapesOf).filter(({ samples }) => samples.length > 0);
        const since = 9;
        expect(growthOf(asFetched(all, since, 500, 30), since, 500, bornWithin)).toBe(
          served.reduce((sum, more) => sum + more, 0),
        );
      }),
    );
  });
});
