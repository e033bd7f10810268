import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { metricCatalogue } from "../../src/metric-catalogue.ts";
import { until } from "../cluster/processes/until.ts";
import { manifest, rollout } from "../lab/app.ts";
import { panelQueries, untilAnswered } from "../lab/dashboard-queries.ts";
import { startLab, type Lab, type Operator } from "../lab/lab.ts";
import { openShop, type Stored } from "../lab/shop.ts";

/** Every release here runs on the real API server, controllers, Prometheus and Envoy, under real traffic. */
let lab: Lab;
let operator: Operator;
const flags = { propagation: "1s", "evidence-period": "2s", "rollback-deadline": "15s" };
const program = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

beforeAll(async () => {
  const onProgress = ({ subject, text }: { readonly subject: string; readonly text: string }) =>
    void process.stderr.write(`${subject}: ${text}\n`);
  lab = await startLab({ prometheusScrapeInterval: "1s", onProgress });
  operator = await lab.startOperator(flags);
  await lab.cluster.registerScrapeTarget({
    job: "serin",
    address: new URL(operator.metricsUrl).host,
    path: "/metrics",
    labels: {},
  });
}, 5_400_000);

afterAll(async () => {
  await lab.stop();
});

/** The `serin` command as a person runs it. */
async function serin(namespace: string, ...args: string[]): Promise<string> {
  const command = [program, ...args, "-n", namespace, "--kubeconfig", lab.cluster.kubeconfig];
  return (await promisify(execFile)(process.execPath, command)).stdout;
}

/** The variables of the dashboards, and Grafana's own for a picture of ten minutes at a scrape a second. */
const shownOf = (namespace: string) => ({
  namespace,
  rollout: "product",
  instance: ".*",
  __rate_interval: "15s",
  __range: "10m",
});

const withoutMetadata = (object: Stored | undefined) => object?.spec;

describe.concurrent("releases under traffic", () => {
  test("a good revision is promoted through 10, 50 and 100, twice, with no failed request and no restarted pod", async () => {
    const shop = await openShop(lab, "good", { app: { replicas: 4 } });
    const atRest = [withoutMetadata(await shop.route()), withoutMetadata(await shop.subsets())];
    for (const version of ["v2", "v3"]) {
      await shop.release(`product:${version}`);
      await shop.untilRollout("all traffic at the canary", ({ status }) => status.phase === "Baking");
      const before = (await shop.pods()).filter((pod) =>
        pod.startsWith(version === "v2" ? "product-a-" : "product-b-"),
      );
      await shop.endsAs(`product:${version}`, { outcome: "Promoted", highestWeight: 100 });
      await until(async () => (await shop.pods()).length === 4, { timeout: 30_000, what: "the old pods to go" });
      expect(await shop.pods()).toEqual(before);
      expect([withoutMetadata(await shop.route()), withoutMetadata(await shop.subsets())]).toEqual(atRest);
      expect((await shop.deployment()).spec).not.toHaveProperty("paused", true);
    }
    const counts = await shop.load.stop();
    expect(counts.failures, lab.failedCalls("good").join("\n")).toEqual([]);
    const events = await shop.events();
    expect(events.filter((reason) => reason === "WeightChanged")).toHaveLength(6);
    expect(events.filter((reason) => reason === "Promoted")).toHaveLength(2);
    expect(await lab.kubectl(["get", "srn", "product", "-n", "good"])).toMatch(/True\s+Ready/);
    expect(await lab.kubectl(["rollout", "status", "deployment/product", "-n", "good", "--timeout=10s"])).toContain(
      "successfully rolled out",
    );
  });

  test("a bad revision is rolled back at 10, stays rejected, and git revert ends at rest; every dashboard shows it", async () => {
    const shop = await openShop(lab, "bad");
    const mark = shop.load.snapshot();
    const commit = "4f2c9e17d0a35b68";
    const annotation = `org.opencontainers.image.revision=${commit}`;
    await lab.kubectl(["annotate", "deployment/product", "-n", "bad", annotation]);
    await shop.release("product:v2", { ERROR_RATE: "0.2" });
    const ended = shop.endsAs("product:v2", {
      outcome: "RolledBack",
      reason: "ErrorRateTooHigh",
      highestWeight: 10,
    });
    // What panels show of a release they show during it, and of its end a moment after it.
    await Promise.all([ended, untilAnswered(lab.cluster.prometheusUrl, panelQueries(shownOf("bad")), 150_000)]);
    const counted = shop.load.since(mark);
    expect(counted.failed).toBe(counted.byVersion["v2"]?.failed);
    expect(counted.byVersion["v2"]!.total).toBeLessThan(counted.byVersion["v1"]!.total / 4);
    const rejected = await shop.untilRollout("Stalled", ({ status }) => status.phase === "RolledBack");
    expect(rejected.status.conditions?.find(({ type }) => type === "Stalled")).toMatchObject({
      status: "True",
      reason: "RolledBack",
    });
    // Git is still bad: the commit is named wherever somebody may look.
    expect(rejected.status).toMatchObject({ rejected: [{ commit }], history: [{ commit }] });
    expect(rejected.status.message).toContain(commit);
    const told = await lab.kubectl(["get", "events", "-n", "bad", "--field-selector=reason=RolledBack"]);
    expect(told).toContain(commit);
    expect((await shop.deployment()).spec).toHaveProperty("paused", true);
    await shop.release("product:v1");
    await shop.untilRollout("Ready", ({ status }) => status.phase === "Ready");
    await until(async () => (await shop.deployment()).spec["paused"] !== true, {
      timeout: 30_000,
      what: "the hold to end",
    });
    expect((await shop.pods()).every((pod) => !pod.startsWith("product-a-"))).toBe(true);
    await shop.load.stop();
  });

  test("a slow revision is rolled back as LatencyTooHigh", async () => {
    const shop = await openShop(lab, "slow");
    await shop.release("product:v2", { LATENCY_MS: "800" });
    await shop.endsAs("product:v2", {
      outcome: "RolledBack",
      reason: "LatencyTooHigh",
      highestWeight: 10,
    });
    expect((await shop.load.stop()).failures, lab.failedCalls(shop.namespace).join("\n")).toEqual([]);
  });

  test("a bad revision whose pods its callers eject is rolled back by the requests that find none", async () => {
    const namespace = "ejected";
    const [rule, route] = referencedObjects(namespace) as [{ spec: object }, object];
    const outlierDetection = {
      consecutive5xxErrors: 1,
      interval: "1s",
      baseEjectionTime: "300s",
      maxEjectionPercent: 100,
    };
    const ejecting = { ...rule, spec: { ...rule.spec, trafficPolicy: { outlierDetection } } };
    const spec = { traffic: { istio: { virtualService: { name: "shop" }, destinationRule: { name: "shop" } } } };
    const shop = await openShop(lab, namespace, { beside: [ejecting, route], spec });
    // Of fewer requests it is not known that next to none were lost before.
    await until(() => shop.load.snapshot().total > 600, { timeout: 60_000, what: "600 requests" });
    await shop.release("product:v2", { ERROR_RATE: "1" });
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "RequestsLost", highestWeight: 10 });
    await shop.load.stop();
  });

  test("measures of the team's own: a bad share is found that no error rate shows, and a value out of its limits", async () => {
    const own = (code: string) =>
      `istio_requests_total{reporter="source",destination_service_namespace="$(namespace)",destination_workload="$(workload)",response_code=~"${code}"}`;
    const refused = { name: "refused", ratio: { bad: own("4.."), total: own(".+"), max: "1%" } };
    const speed = { name: "speed", value: { query: `sum(rate(${own(".+")}[10s]))`, min: 0.1, interval: "2s" } };
    const far = { name: "far", value: { query: "scalar(vector(7))", max: 5, interval: "1s", failureLimit: 2 } };
    const analysis = { minStepDuration: "3s", metrics: [refused, speed] };
    const shop = await openShop(lab, "own-metrics", { spec: { analysis, bake: "1s" }, rate: 60 });
    await shop.release("product:v2", { ERROR_RATE: "0.3", ERROR_STATUS: "422" });
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "MetricTooHigh" });
    await shop.release("product:v3");
    await shop.endsAs("product:v3", { outcome: "Promoted" });
    expect((await shop.rollout()).status.history?.[0]?.explanation).toContain("refused (limit 1 %)");
    const stricter = rollout({ namespace: shop.namespace }, { bake: "1s", analysis: { ...analysis, metrics: [far] } });
    await lab.apply(manifest(stricter));
    await shop.release("product:v4");
    await shop.endsAs("product:v4", { outcome: "RolledBack", reason: "CheckFailed" });
    await shop.load.stop();
  });

  test("a canary that crashes, and one that never gets ready, are given up", async () => {
    const shop = await openShop(lab, "broken", { spec: { progressDeadline: "10s" } });
    await shop.release("product:v2", { CRASH_AFTER_SECONDS: "3", CRASH_REASON: "OOMKilled" });
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "CanaryCrashed" });
    await shop.release("product:v3", { NEVER_READY: "true" });
    await shop.endsAs("product:v3", {
      outcome: "RolledBack",
      reason: "ProgressDeadlineExceeded",
      highestWeight: 0,
    });
    await shop.load.stop();
  });

  test("people promote past a pause, pause and resume, abort, and retry", async () => {
    const shop = await openShop(lab, "people", { spec: { steps: [{ weight: 20 }, { pause: {} }, { weight: 100 }] } });
    await shop.release("product:v2");
    await shop.untilRollout(
      "the pause step",
      ({ status }) => status.phase === "Paused" && status.release?.stepIndex === 1,
    );
    expect(await serin("people", "explain", "product")).toContain("serin promote");
    await serin("people", "abort", "product");
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "Aborted" });
    await serin("people", "retry", "product");
    await shop.untilRollout("the retry", ({ status }) => status.release?.number === 2 && status.phase === "Paused");
    await serin("people", "promote", "product");
    await shop.untilRollout("all traffic", ({ status }) => status.weight === 100);
    await serin("people", "pause", "product");
    await shop.untilRollout("Paused", ({ status }) => status.phase === "Paused");
    await serin("people", "resume", "product");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    expect(await serin("people", "history", "product")).toMatch(/Promoted[\s\S]*Aborted/);
    await shop.load.stop();
  });

  test("a newer revision in mid-release starts over; the one before it is not rejected", async () => {
    const shop = await openShop(lab, "newer");
    await shop.release("product:v2");
    await shop.untilRollout("weight 10", ({ status }) => status.weight === 10);
    await shop.release("product:v3");
    await shop.endsAs("product:v3", { outcome: "Promoted" });
    const { status } = await shop.rollout();
    expect(status.history?.map(({ reason }) => reason)).toEqual([undefined, "Superseded"]);
    expect(status.rejected ?? []).toEqual([]);
    expect((await shop.load.stop()).failures, lab.failedCalls(shop.namespace).join("\n")).toEqual([]);
  });

  test.each([
    ["at rest", "deleted-rest", "background"],
    ["in mid-release", "deleted-mid", "background"],
    ["in mid-release with --cascade=orphan", "deleted-orphan", "orphan"],
  ])(
    "a Rollout that is deleted %s leaves a working Deployment and gives the route back",
    async (_when, namespace, cascade) => {
      const shop = await openShop(lab, namespace);
      if (namespace !== "deleted-rest") {
        await shop.release("product:v2");
        await shop.untilRollout("weight 50", ({ status }) => status.weight === 50);
      }
      await lab.kubectl([
        "delete",
        "rollouts.serin.dev",
        "product",
        "-n",
        shop.namespace,
        `--cascade=${cascade}`,
        "--timeout=90s",
      ]);
      expect(await shop.route()).toBeUndefined();
      expect(await shop.subsets()).toBeUndefined();
      const { spec, metadata } = await shop.deployment();
      expect(spec["paused"]).not.toBe(true);
      expect(metadata.labels).not.toHaveProperty("serin.dev/rollout");
      // The stable template is back, and the next change rolls out by itself.
      await shop.release("product:v4");
      await lab.kubectl(["rollout", "status", "deployment/product", "-n", shop.namespace, "--timeout=60s"]);
      expect((await shop.load.stop()).failures, lab.failedCalls(shop.namespace).join("\n")).toEqual([]);
    },
  );

  test("a route that a release would not split stops it before the first canary pod", async () => {
    const other = {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: { name: "front", namespace: "unsplit" },
      spec: { hosts: ["front.example.com"], http: [{ route: [{ destination: { host: "product" } }] }] },
    };
    const shop = await openShop(lab, "unsplit", { beside: [other] });
    await shop.release("product:v2");
    const refused = await shop.untilRollout(
      "UnsplitRoute",
      ({ status }) => status.conditions?.some(({ reason }) => reason === "UnsplitRoute") === true,
    );
    expect(refused.status.message).toContain("VirtualService unsplit/front");
    expect((await shop.pods()).every((pod) => !pod.startsWith("product-a-"))).toBe(true);
    await lab.kubectl(["delete", "virtualservice", "front", "-n", "unsplit"]);
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await shop.load.stop();
  });

  test("referenced objects: only ours differ during the release, and nothing does after it", async () => {
    const beside = referencedObjects("referenced");
    const spec = { traffic: { istio: { virtualService: { name: "shop" }, destinationRule: { name: "shop" } } } };
    const shop = await openShop(lab, "referenced", { beside, spec });
    const git = [withoutMetadata(await shop.route("shop")), withoutMetadata(await shop.subsets("shop"))];
    await shop.release("product:v2");
    for (const weight of [10, 50, 100]) {
      await shop.untilRollout(`weight ${weight}`, ({ status }) => status.weight === weight);
      await until(async () => weightOf(await shop.route("shop")) === weight, {
        timeout: 10_000,
        what: `weight ${weight} in the route`,
      });
      expect(withoutOurs(await shop.route("shop"))).toEqual(withoutOurs({ spec: git[0] } as Stored));
    }
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    expect([withoutMetadata(await shop.route("shop")), withoutMetadata(await shop.subsets("shop"))]).toEqual(git);
    expect((await shop.load.stop()).failures, lab.failedCalls(shop.namespace).join("\n")).toEqual([]);
  });

  test("weights in the route are shares of the requests that Envoy routed", async () => {
    const shop = await openShop(lab, "shares", { spec: { steps: [{ weight: 30 }, { pause: {} }] }, rate: 80 });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", ({ status }) => status.phase === "Paused");
    const mark = shop.load.snapshot();
    await until(() => shop.load.since(mark).total > 1_000, { timeout: 60_000, what: "a thousand requests" });
    const { byVersion, total } = shop.load.since(mark);
    const share = (byVersion["v2"]?.total ?? 0) / total;
    expect(Math.abs(share - 0.3)).toBeLessThan(3 * Math.sqrt((0.3 * 0.7) / total));
    await shop.load.stop();
  });

  test("somebody else's weights are corrected and told", async () => {
    const shop = await openShop(lab, "foreign", { spec: { steps: [{ weight: 20 }, { pause: {} }] } });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", ({ status }) => status.phase === "Paused");
    const route = await shop.route();
    const http = JSON.parse(JSON.stringify(route?.spec["http"])) as { route: { weight: number }[] }[];
    http[0]!.route = http[0]!.route.map((entry, index) => ({ ...entry, weight: index === 0 ? 40 : 60 }));
    await lab.kubectl([
      "patch",
      "virtualservice",
      "product",
      "-n",
      "foreign",
      "--type=merge",
      "-p",
      JSON.stringify({ spec: { http } }),
    ]);
    await until(async () => weightOf(await shop.route()) === 20, {
      timeout: 10_000,
      what: "the weight to be 20 again",
    });
    await until(async () => (await shop.events()).includes("WeightsCorrected"), { timeout: 10_000, what: "the event" });
    await shop.load.stop();
  });
});

describe("when parts are away", () => {
  test("the operator asked for nothing that its ServiceAccount may not do", async () => {
    const metrics = await (await fetch(`${operator.metricsUrl}/metrics`)).text();
    expect(metrics).toMatch(/serin_kubernetes_requests_total\{verb="PATCH",code="200"\} [1-9]/);
    expect(metrics).not.toMatch(/code="40[13]"/);
  });

  test("the operator serves the metrics of its catalogue and no others, and says that it leads", async () => {
    const metrics = await (await fetch(`${operator.metricsUrl}/metrics`)).text();
    const served = [...metrics.matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name);
    const described = metricCatalogue.flatMap(({ metrics: all }) => all.map(({ name }) => name));
    expect(served.sort()).toEqual(described.sort());
    expect(metrics).toMatch(/^serin_leader 1$/m);
  });

  test("with Prometheus stopped, a release does not begin, or is held; it goes on when Prometheus is back", async () => {
    const shop = await openShop(lab, "no-metrics", { spec: { steps: [{ weight: 10 }, { weight: 100 }] } });
    const held = () =>
      shop.untilRollout(
        "MetricsUnavailable",
        ({ status }) => status.conditions?.some(({ reason }) => reason === "MetricsUnavailable") === true,
      );
    await lab.cluster.parts.prometheus.stop();
    await shop.release("product:v2");
    expect((await held()).status.weight).toBe(0);
    expect((await shop.pods()).every((pod) => !pod.startsWith("product-a-"))).toBe(true);
    await lab.cluster.parts.prometheus.start();
    await shop.untilRollout("weight 10", ({ status }) => status.weight === 10);
    await lab.cluster.parts.prometheus.stop();
    expect((await held()).status.weight).toBe(10);
    const mark = shop.load.snapshot();
    await until(() => shop.load.since(mark).total > 500, { timeout: 30_000, what: "500 requests" });
    expect((await shop.rollout()).status).toMatchObject({ weight: 10, release: { stepIndex: 0 } });
    await lab.cluster.parts.prometheus.start();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    expect(await shop.events()).toEqual(expect.arrayContaining(["MetricsUnavailable", "MetricsAvailable"]));
    expect((await shop.load.stop()).failures, lab.failedCalls(shop.namespace).join("\n")).toEqual([]);
  });

  test("where the API server has no hold policies, Deployments are kept paused and released all the same", async () => {
    await operator.stop();
    await lab.kubectl(["delete", "mutatingadmissionpolicy,mutatingadmissionpolicybinding", "serin-hold"]);
    operator = await lab.startOperator({ ...flags, hold: "paused" }, "operator-without-policy");
    const shop = await openShop(lab, "paused-hold");
    await until(async () => (await shop.deployment()).spec["paused"] === true, { timeout: 10_000, what: "the pause" });
    await shop.release("product:v2");
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    expect((await shop.rollout()).status.hold).toBe("Paused");
    await until(async () => (await shop.deployment()).spec["paused"] === true, { timeout: 10_000, what: "the pause" });
    expect((await shop.load.stop()).failures, lab.failedCalls(shop.namespace).join("\n")).toEqual([]);
    await operator.stop();
    await lab.install();
    operator = await lab.startOperator(flags, "operator-with-policy");
  });
});

/** What a team may have in git: pins, retries, mirrors, headers, other destinations, and subsets with policies. */
function referencedObjects(namespace: string): object[] {
  const metadata = { name: "shop", namespace };
  const pinned = {
    name: "pinned",
    match: [{ headers: { "X-Canary": { exact: "true" } } }],
    route: [{ destination: { host: "product", subset: "v1" }, weight: 100 }],
  };
  const primary = {
    name: "primary",
    retries: { attempts: 2, retryOn: "connect-failure", perTryTimeout: "2s" },
    timeout: "10s",
    headers: { request: { add: { "x-from": "shop" } } },
    mirror: { host: "product", subset: "v1" },
    mirrorPercentage: { value: 1 },
    route: [{ destination: { host: "product", port: { number: 8080 } } }],
  };
  return [
    {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata,
      spec: {
        host: "product",
        trafficPolicy: { connectionPool: { http: { http1MaxPendingRequests: 1024 } } },
        subsets: [{ name: "v1", labels: { app: "product" } }],
      },
    },
    {
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata,
      spec: { hosts: ["product"], http: [pinned, primary] },
    },
  ];
}

interface Http {
  readonly name?: string;
  readonly route: readonly { readonly destination: { readonly subset?: string }; readonly weight?: number }[];
}

function weightOf(route: Stored | undefined): number | undefined {
  const routes = route?.spec["http"] as readonly Http[] | undefined;
  return routes
    ?.find(({ name }) => name === "primary")
    ?.route.find(({ destination }) => destination.subset === "canary")?.weight;
}

/** The VirtualService without the destinations that a release may write. */
function withoutOurs(route: Stored | undefined): unknown {
  const routes = route?.spec["http"] as readonly Http[] | undefined;
  return { ...route?.spec, http: routes?.map((entry) => (entry.name === "primary" ? { ...entry, route: [] } : entry)) };
}
