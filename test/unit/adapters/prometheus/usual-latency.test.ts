import { describe, expect, it } from "vitest";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import { usualBoundaries } from "../../../../src/adapters/prometheus/usual-latency.ts";
import { aTrafficQuery } from "../../../support/traffic-query.ts";

const { signal } = new AbortController();
const query = aTrafficQuery({ slowerThan: 500 });

/** What is chosen where so many requests of stable kept to each boundary. */
async function chosen(counts: Readonly<Record<string, number>>) {
  const asked: string[] = [];
  const api = {
    query: (expression: string): Promise<Answer> => {
      asked.push(expression);
      const series = Object.entries(counts).map(([le, value]) => ({
        labels: { le },
        samples: [{ at: 0, values: [value] }],
      }));
      return Promise.resolve({ kind: "Series", series });
    },
  };
  return {
    asked,
    boundaries: await usualBoundaries(api, query, { metric: "m_bucket", quantile: 0.99 }, 5_000, signal),
  };
}

describe("the boundaries of stable's usual latency", () => {
  const counts = { "50.0": 5_000, "100.0": 19_000, "250.0": 19_900, "500.0": 19_990, "+Inf": 20_000 };

  it("are those that follow from its own requests in the ten minutes before", async () => {
    const { asked, boundaries } = await chosen(counts);
    expect(boundaries).toEqual([250, 100, 500]);
    expect(asked[0]).toMatch(/^sum by \(le\) \(increase\(m_bucket\{.*destination_workload=~"product"\}\[10m\]\)\)$/);
  });

  it("are not chosen from nothing", async () => {
    expect((await chosen({})).boundaries).toBeUndefined();
  });

  it("pass on a problem", async () => {
    const problem: Answer = { kind: "Problem", cause: "Away", problem: "away" };
    const api = { query: () => Promise.resolve(problem) };
    expect(await usualBoundaries(api, query, { metric: "m", quantile: 0.99 }, 0, signal)).toEqual(problem);
    const number = { query: () => Promise.resolve<Answer>({ kind: "Scalar", value: 1 }) };
    expect(await usualBoundaries(number, query, { metric: "m", quantile: 0.99 }, 0, signal)).toBeUndefined();
  });
});
