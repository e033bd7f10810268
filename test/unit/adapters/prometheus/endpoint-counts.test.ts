import { describe, expect, test } from "vitest";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import { countEndpoints } from "../../../../src/adapters/prometheus/endpoint-counts.ts";
import { createFeed } from "../../../../src/adapters/prometheus/feed/feed.ts";
import type { Series } from "../../../../src/adapters/prometheus/series.ts";

const { signal } = new AbortController();
const at = (seconds: number) => 1_700_000_000_000 + seconds * 1_000;
const frame = { since: at(0), until: at(4), looksBefore: 60_000 };
const query = {
  namespace: "shop",
  service: "product",
  reporter: "source",
  stable: "product",
  canary: "product-a",
  since: 0,
  subsets: { stable: "stable", canary: "canary" },
} as const;

/** As Envoy 1.40 exposes it. */
function endpoint(subset: string, address: string, caller: string, samples: Readonly<Record<number, number>>): Series {
  return {
    labels: {
      instance: caller,
      envoy_cluster_name: `outbound|8080|${subset}|product.shop.svc.cluster.local`,
      envoy_endpoint_address: address,
    },
    samples: Object.entries(samples).map(([second, value]) => ({ at: at(Number(second)), values: [value] })),
  };
}

function count(answers: Readonly<Record<string, readonly Series[] | Answer>>) {
  const asked: string[] = [];
  const api = {
    query(expression: string): Promise<Answer> {
      asked.push(expression);
      const found = Object.entries(answers).find(([metric]) => expression.startsWith(metric))?.[1] ?? [];
      return Promise.resolve("kind" in found ? found : { kind: "Series", series: found });
    },
  };
  const feed = createFeed({ api, now: () => 0, gather: () => Promise.resolve() });
  return { asked, counted: countEndpoints(feed, query, frame, signal) };
}

describe("countEndpoints", () => {
  test("adds up what all callers count of an endpoint, by its subset", async () => {
    const { asked, counted } = count({
      envoy_cluster_endpoint_rq_total: [
        endpoint("canary", "10.0.0.1:8080", "one", { 0: 100, 2: 110, 4: 120 }),
        endpoint("canary", "10.0.0.1:8080", "two", { 0: 0, 4: 5 }),
        endpoint("stable", "10.0.0.2:8080", "one", { 0: 0, 4: 40 }),
      ],
      envoy_cluster_endpoint_rq_error: [
        endpoint("canary", "10.0.0.1:8080", "one", { 0: 50, 2: 59, 4: 69 }),
        endpoint("canary", "10.0.0.1:8080", "two", { 0: 0, 4: 5 }),
      ],
    });
    expect(await counted).toEqual([
      {
        version: "canary",
        pod: "10.0.0.1:8080",
        ticks: [
          { at: at(2), requests: 10, errors: 9 },
          { at: at(4), requests: 15, errors: 15 },
        ],
      },
      { version: "stable", pod: "10.0.0.2:8080", ticks: [{ at: at(4), requests: 40, errors: 0 }] },
    ]);
    expect(asked[0]).toContain(
      String.raw`envoy_cluster_endpoint_rq_total{envoy_cluster_name=~"outbound\\|[0-9]+\\|(stable|canary)\\|product\\.shop\\.svc\\..+"}`,
    );
  });

  test("counts nothing twice where a change of policy had the counters begin again", async () => {
    const { counted } = count({
      envoy_cluster_endpoint_rq_total: [endpoint("canary", "a:1", "one", { 0: 1_000, 2: 1_010, 3: 4, 4: 9 })],
      envoy_cluster_endpoint_rq_error: [endpoint("canary", "a:1", "one", { 0: 900, 2: 905, 3: 0, 4: 1 })],
    });
    expect(await counted).toMatchObject([
      {
        ticks: [
          { requests: 10, errors: 5 },
          { requests: 4, errors: 0 },
          { requests: 5, errors: 1 },
        ],
      },
    ]);
  });

  test("is empty where there are none, and passes on what Prometheus answers instead", async () => {
    expect(await count({}).counted).toEqual([]);
    const problem: Answer = { kind: "Problem", cause: "Late", problem: "late" };
    expect(await count({ envoy_cluster_endpoint_rq_total: problem }).counted).toEqual(problem);
    expect(await count({ envoy_cluster_endpoint_rq_error: problem }).counted).toEqual(problem);
  });

  test("leaves out what has no address", async () => {
    const { labels, samples } = endpoint("canary", "a:1", "one", { 0: 0, 4: 5 });
    const bare = { labels: { instance: "one", envoy_cluster_name: labels["envoy_cluster_name"] ?? "" }, samples };
    expect(await count({ envoy_cluster_endpoint_rq_total: [bare] }).counted).toEqual([]);
  });
});
