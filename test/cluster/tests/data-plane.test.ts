import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "undici";
import { startCaller } from "../caller/caller.ts";
import { latencyQuantile } from "../load/counts.ts";
import { until } from "../processes/until.ts";
import { startFixture, type Fixture } from "./fixture.ts";
import {
  deployment,
  destinationRule,
  DestinationRules,
  install,
  service,
  setWeights,
  split,
  virtualService,
  VirtualServices,
  withinThreeSigma,
} from "./web.ts";

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
  await install(fixture.cluster.client, [
    service("web"),
    deployment("web", "v1"),
    deployment("web", "v2"),
    destinationRule("web", ["v1", "v2"]),
    virtualService("web", [split("web", { v1: 90, v2: 10 })]),
  ]);
  await fixture.settled();
});

afterAll(async () => fixture.stop());

/** Counts a steady load until that many requests have been answered. */
async function answered(proxy: string, count: number, rate = 400) {
  const load = await fixture.load(proxy, "web", rate);
  await until(() => load.snapshot().total >= count, { timeout: 60_000, what: `${count} answers` });
  return load.stop();
}

async function versionFrom(proxy: string, version: string): Promise<number> {
  await until(async () => (await fixture.call(proxy, "web")).version === version, {
    timeout: 30_000,
    every: 10,
    what: `${version} from ${proxy}`,
  });
  return performance.now();
}

describe("routing", () => {
  it("splits 90/10 within three standard deviations", async () => {
    const counts = await answered("client", 3000);
    expect(counts.failed).toBe(0);
    expect(withinThreeSigma(counts.byVersion["v2"]?.total ?? 0, counts.total, 0.1)).toBe(true);
    expect(latencyQuantile(counts, 0.5)).toBeLessThan(50);
  });

  it.each([
    "web",
    "web.default",
    "web.default.svc",
    "web.default.svc.cluster.local",
    "web:8080",
    "web.default.svc.cluster.local:8080",
  ])("knows the Service as %s", async (host) => expect((await fixture.call("client", host)).status).toBe(200));

  it("answers 404 for a host that no route knows", async () => {
    expect((await fixture.call("client", "nobody")).status).toBe(404);
  });

  it("moves all traffic without a failed request", async () => {
    const { client } = fixture.cluster;
    const load = await fixture.load("client", "web", 200);
    const written = Date.now();
    await setWeights(client, "web", { v1: 0, v2: 100 });
    const took = await until(
      async () => (await fixture.world.proxy("client").state()).deliveredAt > written && Date.now() - written,
      { timeout: 10_000, every: 10, what: "the delivery" },
    );
    const mark = load.snapshot();
    await until(() => load.since(mark).total >= 200, { timeout: 10_000, what: "200 answers" });
    const after = load.since(mark);
    const all = await load.stop();
    expect(all.failed).toBe(0);
    // Requests under way at the moment of the mark may still be of the old version.
    expect(after.byVersion["v1"]?.total ?? 0).toBeLessThan(10);
    expect(took).toBeGreaterThanOrEqual(100);
    await setWeights(client, "web", { v1: 100, v2: 0 });
    await versionFrom("client", "v1");
    await fixture.settled();
  });
});

describe("delivery", () => {
  it("delivers late to the delayed proxy alone, in order", async () => {
    const { client } = fixture.cluster;
    const delayed = fixture.world.proxy("delayed");
    await delayed.delay(3000);
    const began = performance.now();
    await setWeights(client, "web", { v1: 0, v2: 100 });
    expect((await versionFrom("client", "v2")) - began).toBeLessThan(2500);
    expect((await fixture.call("delayed", "web")).version).toBe("v1");
    expect((await versionFrom("delayed", "v2")) - began).toBeGreaterThan(3000);
    await delayed.delay(0);
  });

  it("keeps a frozen proxy as it is until it is unfrozen", async () => {
    const { client } = fixture.cluster;
    const delayed = fixture.world.proxy("delayed");
    await delayed.freeze();
    await setWeights(client, "web", { v1: 100, v2: 0 });
    await versionFrom("client", "v1");
    await fixture.settled();
    expect((await fixture.call("delayed", "web")).version).toBe("v2");
    await delayed.unfreeze();
    await versionFrom("delayed", "v1");
  });

  it("gives Envoy clusters before the routes that name them", async () => {
    const { client } = fixture.cluster;
    const load = await fixture.load("client", "web", 200);
    for (let round = 0; round < 10; round += 1) {
      const subsets = [
        ...["v1", "v2"].map((version) => ({ name: version, labels: { version } })),
        { name: `round-${round}`, labels: { version: "v2" } },
      ];
      await client.patch(DestinationRules, { name: "web", namespace: "default" }, { spec: { subsets } });
      await setWeights(client, "web", { [`round-${round}`]: 50, v1: 50 });
      await fixture.settled();
      await setWeights(client, "web", { v1: 100, v2: 0 });
      await fixture.settled();
    }
    expect((await load.stop()).failed).toBe(0);
  });
});

describe("routing at its edges", () => {
  it("answers 503 for a subset that does not exist, and counts it as Istio does", async () => {
    const { client } = fixture.cluster;
    await setWeights(client, "web", { nowhere: 100 });
    await fixture.settled();
    expect((await fixture.call("client", "web")).status).toBe(503);
    await setWeights(client, "web", { v1: 100, v2: 0 });
    await fixture.settled();
    const nc = 'destination_workload="unknown",.*destination_service="web",.*response_code="503",.*response_flags="NC"';
    await until(async () => new RegExp(nc).test(await exposition(fixture.world.proxy("client").metrics)), {
      timeout: 5000,
      what: "the metric of the missing cluster",
    });
  });

  it("serves hosts at the gateway only when the VirtualService names a gateway", async () => {
    const { client } = fixture.cluster;
    expect((await fixture.call("gateway", "web.default.svc.cluster.local")).status).toBe(404);
    await client.apply(
      virtualService("edge", [{ route: [{ destination: { host: "web", subset: "v2" } }] }], {
        hosts: ["shop.example.test"],
        gateways: ["istio-system/edge"],
      }),
    );
    await fixture.settled();
    expect(await fixture.call("gateway", "shop.example.test")).toEqual({ status: 200, version: "v2" });
    await client.delete(VirtualServices, { name: "edge", namespace: "default" });
  });

  it("does not govern a caller outside the mesh", async () => {
    const caller = await startCaller({
      kubeconfig: fixture.cluster.kubeconfig,
      namespace: "default",
      service: "web",
      port: 8080,
      rate: 200,
    });
    await until(() => caller.snapshot().total >= 300, { timeout: 20_000, what: "300 answers" });
    const counts = await caller.stop();
    expect(counts.failed).toBe(0);
    expect(withinThreeSigma(counts.byVersion["v2"]?.total ?? 0, counts.total, 0.5)).toBe(true);
  });
});

async function exposition(url: string): Promise<string> {
  const { body } = await request(url);
  return body.text();
}

/** The sum of a counter's series that have all of these labels. */
function sumOf(text: string, metric: string, ...labels: readonly string[]): number {
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${metric}{`) && labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

describe("telemetry", () => {
  it("agrees with Envoy's counters, the load generator's and the pods'", async () => {
    const { world, cluster } = fixture;
    await setWeights(cluster.client, "web", { v1: 70, v2: 30 });
    await world.pods.set({ namespace: "default", workload: "web-v2" }, { ERROR_RATE: "0.2" });
    await fixture.settled();
    const proxy = world.proxy("client");
    const seen = async () => {
      const [text, stats, pods] = await Promise.all([
        exposition(proxy.metrics),
        proxy.admin.stats("^http.outbound_0.0.0.0_8080.downstream_rq_completed$"),
        world.served(),
      ]);
      return {
        source: sumOf(text, "istio_requests_total"),
        canary: sumOf(text, "istio_requests_total", 'destination_version="v2"'),
        canaryErrors: sumOf(text, "istio_requests_total", 'destination_version="v2"', 'response_code="500"'),
        durations: sumOf(text, "istio_request_duration_milliseconds_count"),
        envoy: stats["http.outbound_0.0.0.0_8080.downstream_rq_completed"] as number,
        pods: Object.values(pods)
          .flatMap((each) => Object.values(each))
          .reduce((sum, count) => sum + count, 0),
      };
    };
    const before = await seen();
    const load = await answered("client", 2000);
    const after = await until(
      async () => {
        const now = await seen();
        return now.source - before.source === load.total && now;
      },
      { timeout: 5000, what: "the count of every request" },
    );
    expect(after.envoy - before.envoy).toBe(load.total);
    expect(after.pods - before.pods).toBe(load.total);
    expect(after.durations - before.durations).toBe(load.total);
    expect(after.canary - before.canary).toBe(load.byVersion["v2"]?.total);
    expect(after.canaryErrors - before.canaryErrors).toBe(load.failed);
    await world.pods.clear({ namespace: "default", workload: "web-v2" });
  });

  it("is scraped by the cluster's Prometheus, one instance per proxy", async () => {
    const query = encodeURIComponent('count by (instance) (istio_requests_total{reporter="source"})');
    await until(
      async () => {
        const { body } = await request(`${fixture.cluster.prometheusUrl}/api/v1/query?query=${query}`);
        const { data } = (await body.json()) as { data: { result: readonly unknown[] } };
        return data.result.length >= 3;
      },
      { timeout: 20_000, what: "three instances with requests" },
    );
  });
});

describe("outlier detection", () => {
  it("ejects the bad pod of two after as many errors in a row as the DestinationRule says", async () => {
    const { world, cluster } = fixture;
    await setWeights(cluster.client, "web", { v1: 0, v2: 100 });
    const outlierDetection = {
      consecutive5xxErrors: 3,
      interval: "1s",
      baseEjectionTime: "60s",
      maxEjectionPercent: 50,
    };
    const spec = { trafficPolicy: { outlierDetection } };
    await cluster.client.patch(DestinationRules, { name: "web", namespace: "default" }, { spec });
    const [bad] = (await world.pods.list()).filter(({ workload }) => workload === "web-v2");
    await world.pods.set({ namespace: "default", pod: bad!.name }, { ERROR_RATE: "1" });
    await fixture.settled();
    const counts = await answered("client", 300, 100);
    // Requests under way when the third error arrives may still fail.
    expect(counts.failed).toBeGreaterThanOrEqual(3);
    expect(counts.failed).toBeLessThan(15);
    await world.pods.clear({ namespace: "default", pod: bad!.name });
  });
});

describe("when the API server goes away", () => {
  it("keeps the routes, and sees what is written after it is back", async () => {
    const { apiserver } = fixture.cluster.parts;
    await apiserver.stop("SIGKILL");
    expect((await fixture.call("client", "web")).status).toBe(200);
    await apiserver.start();
    await setWeights(fixture.cluster.client, "web", { v1: 0, v2: 100 });
    await versionFrom("client", "v2");
    await fixture.settled();
    const counts = await answered("client", 200);
    expect(counts.byVersion["v2"]?.total).toBe(counts.total);
  });
});
