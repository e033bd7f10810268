import { expect, it } from "vitest";
import { SampleStore } from "../../../../../src/adapters/prometheus/feed/sample-store.ts";
import { createTwinWatch } from "../../../../../src/adapters/prometheus/feed/twin-watch.ts";

const subject = { metric: "m", reporter: "source", namespace: "shop", service: "product", workloads: ["a"] } as const;

/** One proxy that two jobs scrape from a moment on. */
function storeWith(jobs: readonly string[]): SampleStore {
  const store = new SampleStore();
  const series = jobs.map((job, index) => ({
    labels: { instance: "10.0.0.5:15020", job },
    samples: [0, 1, 2, 3].map((at) => ({ at: at * 5_000 + index, values: [at] })),
  }));
  store.load(series, -1, 20_000);
  return store;
}

it("is looked for twice a minute, and told once", () => {
  const told: string[] = [];
  const twinsOf = createTwinWatch((example) => told.push(example));
  const left = (jobs: readonly string[], until: number) =>
    ["a", "b"].filter((job) => twinsOf(subject, storeWith(jobs), until).isTwin({ instance: "10.0.0.5:15020", job }));
  expect(left(["a"], 20_000)).toEqual([]);
  expect(left(["a", "b"], 49_999)).toEqual([]);
  expect(left(["a", "b"], 50_000)).toEqual(["b"]);
  expect(left(["a", "b"], 80_000)).toEqual(["b"]);
  expect(told).toEqual(['10.0.0.5 by instance="10.0.0.5:15020",job="a" and by instance="10.0.0.5:15020",job="b"']);
});
