import { expect, it } from "vitest";
import { asCounters } from "../../../../src/adapters/prometheus/recorded.ts";

it("recorded growth adds up to counters that never fall", () => {
  const samples = [3, 0, -1, 4].map((value, at) => ({ at, values: [value] }));
  const [counter] = asCounters([{ labels: { code: "200" }, samples }]);
  expect(counter?.labels).toEqual({ code: "200" });
  expect(counter?.samples.map(({ values }) => values[0])).toEqual([3, 3, 3, 7]);
});
