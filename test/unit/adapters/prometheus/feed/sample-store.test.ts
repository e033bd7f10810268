import { describe, expect, it } from "vitest";
import { SampleStore } from "../../../../../src/adapters/prometheus/feed/sample-store.ts";
import type { Series } from "../../../../../src/adapters/prometheus/series.ts";

function series(code: string, ...at: readonly number[]): Series {
  return { labels: { code }, samples: at.map((moment) => ({ at: moment, values: [10 * moment] })) };
}

function times(all: readonly Series[]): Record<string, readonly number[]> {
  return Object.fromEntries(all.map(({ labels, samples }) => [labels["code"] ?? "", samples.map(({ at }) => at)]));
}

describe("a store of samples", () => {
  it("has every sample once, in whatever pieces they come", () => {
    const store = new SampleStore();
    store.load([series("200", 1, 2, 3), series("500", 3)], 0, 3);
    store.extend([series("200", 2, 3, 4), series("404", 4, 5, 6)], 5);
    store.extend([series("404", 5, 6)], 6);
    expect(times(store.between(0, 6))).toEqual({ "200": [1, 2, 3, 4], "500": [3], "404": [4, 5, 6] });
    expect(store.between(3, 4).flatMap(({ samples }) => samples.map(({ values }) => values[0]))).toEqual([40, 40]);
    expect([store.from, store.to, store.size]).toEqual([0, 6, 3]);
  });

  it("takes nothing that is not stored for sure yet", () => {
    const store = new SampleStore();
    store.load([series("200", 1, 2, 3)], 0, 2);
    expect(times(store.between(0, 9))).toEqual({ "200": [1, 2] });
    store.extend([series("200", 3)], 3);
    expect(times(store.between(0, 9))).toEqual({ "200": [1, 2, 3] });
  });

  it("forgets what is old, and what it kept of another time", () => {
    const store = new SampleStore();
    store.load([series("200", 1, 5, 9), series("500", 1)], 0, 9);
    store.forget(4);
    expect(times(store.between(0, 9))).toEqual({ "200": [5, 9] });
    expect([store.from, store.size]).toEqual([4, 1]);
    store.load([series("404", 101)], 100, 110);
    expect(times(store.between(0, 200))).toEqual({ "404": [101] });
  });

  it("knows when its series were scraped, and when the next is", () => {
    const store = new SampleStore();
    store.load([series("200", 1, 6, 11), series("500", 3, 8, 13), series("404", 4)], 0, 14);
    expect(store.newest(() => true)).toBe(13);
    expect(store.newest(() => false)).toBeUndefined();
    expect(store.scrapes()).toEqual([[1, 6, 11], [3, 8, 13], [4]]);
    // The one that is not scraped any more is not waited for.
    expect(store.due(5)).toBe(16);
    expect(new SampleStore().newest(() => true)).toBeUndefined();
    expect(new SampleStore().due(5)).toBeUndefined();
  });
});
