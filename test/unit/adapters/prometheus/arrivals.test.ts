import { expect, test } from "vitest";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import { countArrivals } from "../../../../src/adapters/prometheus/arrivals.ts";

const { signal } = new AbortController();
const query = { namespace: "shop", service: "product", stable: "product" };

async function ask(answer: Answer) {
  const asked: string[] = [];
  const api = {
    query: (expression: string) => {
      asked.push(expression);
      return Promise.resolve(answer);
    },
  };
  return { arrivals: await countArrivals(api, query, signal), asked };
}

const caller = (name: string | undefined, requests: number) => ({
  labels: name === undefined ? {} : { source_workload: name },
  samples: [{ at: 0, values: [requests] }],
});

test("asks the pods' own proxies for the callers of the last five minutes", async () => {
  const { asked } = await ask({ kind: "Series", series: [] });
  expect(asked).toEqual([
    'sum by (source_workload) (increase(istio_requests_total{reporter="destination",destination_service_namespace="shop",destination_service_name="product",destination_workload=~"product"}[5m]))',
  ]);
});

test("counts the requests of callers that have no name apart", async () => {
  const series = [caller("client", 100.4), caller("unknown", 19.7), caller(undefined, 3), { labels: {}, samples: [] }];
  expect((await ask({ kind: "Series", series })).arrivals).toEqual({
    kind: "Counts",
    span: 300_000,
    requests: 123,
    withoutProxy: 20,
  });
});

test("pods that report nothing were called by nobody, as far as can be told", async () => {
  expect((await ask({ kind: "Series", series: [] })).arrivals).toMatchObject({ requests: 0, withoutProxy: 0 });
});

test("says what stood in the way", async () => {
  expect((await ask({ kind: "Problem", cause: "Refused", problem: "Prometheus at x answered 503" })).arrivals).toEqual({
    kind: "Unavailable",
    message: "Prometheus at x answered 503",
  });
  expect((await ask({ kind: "Scalar", value: 1 })).arrivals).toMatchObject({ kind: "Unavailable" });
});
