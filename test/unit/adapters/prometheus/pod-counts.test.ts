import { describe, expect, test } from "vitest";
import { countPods } from "../../../../src/adapters/prometheus/pod-counts.ts";
import { createFeed } from "../../../../src/adapters/prometheus/feed/feed.ts";
import { createTwinWatch } from "../../../../src/adapters/prometheus/feed/twin-watch.ts";
import type { Answer } from "../../../../src/adapters/prometheus/answers.ts";
import type { QueryApi } from "../../../../src/adapters/prometheus/query-api.ts";
import type { Series } from "../../../../src/adapters/prometheus/series.ts";

const { signal } = new AbortController();
const at = (seconds: number) => 1_700_000_000_000 + seconds * 1_000;
const span = { since: at(0), until: at(4) };
const query = {
  namespace: "shop",
  service: "product",
  reporter: "source",
  stable: "product",
  canary: "product-a",
  since: 0,
  subsets: { stable: "stable", canary: "canary" },
} as const;

/** A counter by its seconds. */
function series(labels: Readonly<Record<string, string>>, samples: Readonly<Record<number, number>>): Series {
  const service = { destination_service_namespace: "shop", destination_service_name: "product" };
  return {
    labels: { ...service, response_code: "200", ...labels },
    samples: Object.entries(samples).map(([second, value]) => ({ at: at(Number(second)), values: [value] })),
  };
}

const ofPod = (workload: string, pod: string, samples: Readonly<Record<number, number>>, code = "200") =>
  series({ reporter: "destination", destination_workload: workload, instance: pod, pod, response_code: code }, samples);
const ofCaller = (workload: string, caller: string, samples: Readonly<Record<number, number>>, code = "200") =>
  series({ reporter: "source", destination_workload: workload, instance: caller, response_code: code }, samples);

/** Counts in a Prometheus that has these series. */
function count(...all: readonly Series[]) {
  const answer = (reporter: string): Answer => ({
    kind: "Series",
    series: all.filter(({ labels }) => labels["reporter"] === reporter),
  });
  return countIn((expression) => answer(expression.includes('reporter="destination"') ? "destination" : "source"));
}

function countIn(answer: (expression: string) => Answer) {
  const api: QueryApi = { query: (expression) => Promise.resolve(answer(expression)) };
  const feed = createFeed({ api, now: () => 0, gather: () => Promise.resolve() });
  return countPods({ feed, twinsOf: createTwinWatch(() => undefined) }, query, span, signal);
}

describe("countPods", () => {
  test("counts requests and errors of each pod by the scrape, and requests per second by each caller", async () => {
    const report = await count(
      ofPod("product", "product-1", { 0: 100, 2: 110, 4: 130 }),
      ofPod("product-a", "product-a-1", { 0: 50, 2: 60, 4: 61 }),
      ofPod("product-a", "product-a-1", { 0: 0, 2: 4, 4: 9 }, "503"),
      ofPod("product-a", "product-a-1", { 0: 0, 4: 7 }, "0"),
      ofCaller("product", "client", { 0: 0, 4: 40 }),
      ofCaller("product-a", "client", { 0: 0, 4: 8 }),
      ofCaller("product-a", "other", { 0: 3, 4: 3 }),
      ofCaller("product-a", "failed", { 0: 0, 4: 5 }, "503"),
      ofCaller("elsewhere", "client", { 0: 0, 4: 99 }),
    );
    expect(report).toEqual({
      kind: "Counts",
      ...span,
      interval: 2_000,
      pods: [
        {
          version: "stable",
          pod: "product-1",
          ticks: [
            { at: at(2), requests: 10, errors: 0 },
            { at: at(4), requests: 20, errors: 0 },
          ],
        },
        {
          version: "canary",
          pod: "product-a-1",
          ticks: [
            { at: at(2), requests: 14, errors: 4 },
            { at: at(4), requests: 6, errors: 5 },
          ],
        },
      ],
      callers: { stable: { rates: [10], errors: 0 }, canary: { rates: [2, 0, 1.25], errors: 5 } },
    });
  });

  test("counts a canary's new series from zero, and what goes beyond the span not at all", async () => {
    const report = await count(
      ofPod("product-a", "new", { 2: 5, 4: 8, 6: 99 }),
      ofPod("product", "old", { 2: 5, 4: 8 }),
    );
    if (report.kind !== "Counts") throw new Error(report.message);
    expect(report.pods).toEqual([
      {
        version: "canary",
        pod: "new",
        ticks: [
          { at: at(2), requests: 5, errors: 0 },
          { at: at(4), requests: 3, errors: 0 },
        ],
      },
      {
        version: "stable",
        pod: "old",
        ticks: [
          { at: at(2), requests: 0, errors: 0 },
          { at: at(4), requests: 3, errors: 0 },
        ],
      },
    ]);
  });

  test("leaves out series without the label where others have it", async () => {
    const bare = series({ reporter: "destination", destination_workload: "product", instance: "x" }, { 0: 0, 4: 5 });
    const report = await count(bare, ofPod("product-a", "a", { 0: 0, 4: 5 }));
    expect(report).toMatchObject({ kind: "Counts", pods: [{ pod: "a" }] });
  });

  test("says what to add where pods report nothing, or without a name", async () => {
    expect(await count(ofCaller("product", "client", { 0: 0, 4: 5 }))).toEqual({
      kind: "Unknown",
      message:
        "Prometheus has no requests to product or product-a by Service shop/product that the pods' own proxies report (istio_requests_total, reporter=\"destination\"); scrape the proxies of the Deployment's pods, with the pod's name in the label pod, or have the callers' Envoys keep statistics of endpoints (docs/metrics.md).",
    });
    const bare = series({ reporter: "destination", destination_workload: "product", instance: "x" }, { 0: 0, 4: 5 });
    expect(await count(bare, ofCaller("product", "client", { 0: 0, 4: 5 }))).toMatchObject({
      kind: "Unknown",
      message: expect.stringContaining("has no label pod; scrape") as string,
    });
  });

  test("cannot say where nobody calls", async () => {
    expect(await count(ofCaller("product", "client", { 0: 5, 4: 5 }))).toEqual({
      kind: "Unavailable",
      message: "no requests",
    });
  });

  test("takes endpoints where nothing tells the pods apart", async () => {
    const cluster = "outbound|8080|canary|product.shop.svc.cluster.local";
    const endpoint = (metric: string, samples: Readonly<Record<number, number>>) =>
      series(
        { metric, instance: "client", envoy_cluster_name: cluster, envoy_endpoint_address: "10.0.0.1:80" },
        samples,
      );
    const all = [
      ofCaller("product-a", "client", { 0: 0, 4: 8 }),
      endpoint("envoy_cluster_endpoint_rq_total", { 0: 0, 4: 8 }),
      endpoint("envoy_cluster_endpoint_rq_error", { 0: 0, 4: 6 }),
    ];
    const report = await countIn((expression) => ({
      kind: "Series",
      series: all.filter(({ labels }) =>
        labels["metric"] === undefined
          ? expression.includes('reporter=~"source')
          : expression.startsWith(labels["metric"]),
      ),
    }));
    expect(report).toMatchObject({
      kind: "Counts",
      pods: [{ version: "canary", pod: "10.0.0.1:80", ticks: [{ at: at(4), requests: 8, errors: 6 }] }],
    });
  });

  test("passes on what Prometheus answers instead of counts", async () => {
    const problem: Answer = { kind: "Problem", cause: "Late", problem: "Prometheus did not answer" };
    expect(await countIn(() => problem)).toEqual({ kind: "Unavailable", message: "Prometheus did not answer" });
    const callersOnly = (expression: string): Answer =>
      expression.includes('reporter="destination"') ? { kind: "Series", series: [] } : problem;
    expect(await countIn(callersOnly)).toEqual({ kind: "Unavailable", message: "Prometheus did not answer" });
  });
});
