import { expect, test } from "vitest";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import { usualTraffic } from "../../../../src/adapters/prometheus/usual-traffic.ts";

const { signal } = new AbortController();
const query = { namespace: "shop", service: "product", reporter: "source", stable: "product" } as const;

const nothing: Answer = { kind: "Series", series: [] };
const value = (number: number, labels = {}) => ({ labels, samples: [{ at: 0, values: [number] }] });

async function ask(answerTo: (expression: string) => Answer) {
  const asked: string[] = [];
  const api = {
    query: (expression: string) => {
      asked.push(expression);
      return Promise.resolve(answerTo(expression));
    },
  };
  return { usual: await usualTraffic(api, query, signal), asked };
}

const answers = (expression: string): Answer => {
  if (expression.startsWith("max")) return { kind: "Series", series: [value(expression.includes("[10m]") ? 40 : 2)] };
  const stable = value(900, { destination_workload: "product", response_flags: "-" });
  const lost = value(20, { destination_workload: "unknown", response_flags: "UH" });
  const other = value(80, { destination_workload: "unknown", response_flags: "FI" });
  return { kind: "Series", series: [stable, lost, other] };
};

test("tells all requests of ten minutes, the lost ones, and how often they are scraped", async () => {
  const { usual, asked } = await ask((expression) => (expression.includes("serin:") ? nothing : answers(expression)));
  expect(usual).toEqual({ requests: 1_000, lost: 20, length: 600_000, interval: 15_000 });
  expect(asked.at(-2)).toMatch(/^max\(count_over_time\(istio_requests_total\{.*\}\[10m\]\)\)$/);
});

test("reads what rules recorded where there is such a thing, and nothing else then", async () => {
  const { usual, asked } = await ask(answers);
  expect(usual?.requests).toBe(1_000);
  expect(asked).toHaveLength(3);
  expect(asked[0]).toContain("sum_over_time(serin:istio_requests:growth{");
});

test("is unknown where Prometheus has nothing, or does not answer", async () => {
  expect((await ask(() => nothing)).usual).toBeUndefined();
  const away: Answer = { kind: "Problem", cause: "Away", problem: "does not answer" };
  expect((await ask(() => away)).usual).toBeUndefined();
});

test("knows callers that have just been started by the scrapes of the last half minute", async () => {
  const young = (expression: string): Answer =>
    expression.startsWith("max")
      ? { kind: "Series", series: [value(expression.includes("[10m]") ? 9 : 6)] }
      : answers(expression);
  expect((await ask(young)).usual).toMatchObject({ length: 45_000, interval: 5_000 });
});
