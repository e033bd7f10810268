import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { request } from "undici";
import { latencyQuantile } from "../load/counts.ts";
import { until } from "../processes/until.ts";
import { startFixture, type Fixture } from "./fixture.ts";
import {
  deployment,
  Deployments,
  install,
  Pods,
  service,
  withinThreeSigma,
  type PodView,
  type WebOptions,
} from "./web.ts";

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});

afterAll(async () => fixture.stop());

async function podOf(app: string, what: string, holds: (pod: PodView) => boolean): Promise<PodView> {
  const query = { kind: Pods, namespace: "default", labelSelector: `app=${app}`, what, timeout: 20_000 };
  return fixture.cluster.client.watchUntil(query, (pods) => pods.find(holds));
}

function isReady(pod: PodView): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/** One pod of an app of its own, behind a Service of its name. */
async function start(app: string, options: WebOptions = {}): Promise<void> {
  await install(fixture.cluster.client, [service(app), deployment(app, "v1", { replicas: 1, ...options })], 1);
  await fixture.settled();
}

async function create(app: string, options: WebOptions): Promise<void> {
  await fixture.cluster.client.apply(service(app));
  await fixture.cluster.client.apply(deployment(app, "v1", { replicas: 1, ...options }));
}

/** A pod that no controller made. */
function barePod(app: string, container: object) {
  const metadata = { name: app, namespace: "default", labels: { app } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata,
    spec: { containers: [{ name: "app", image: "app:v1", ...container }] },
  };
}

function waitingReason(pod: PodView): string | undefined {
  return pod.status?.containerStatuses?.[0]?.state?.waiting?.reason;
}

async function load(app: string, count: number, timeoutMs?: number) {
  const running = await fixture.load("client", app, 200, timeoutMs);
  await until(() => running.snapshot().total >= count, { timeout: 30_000, what: `${count} answers` });
  return running.stop();
}

describe("a pod answers as its template says", () => {
  it("reports Ready with an address of the cluster's own", async () => {
    await start("plain");
    const pod = await podOf("plain", "a ready pod", isReady);
    expect(pod.status?.podIP).toMatch(/^10\./);
    expect(pod.status?.phase).toBe("Running");
    const { body } = await request(`http://${pod.status?.podIP?.replace(/^10\./, "127.") ?? ""}:8080/`);
    expect(await body.text()).toContain("v1 plain-v1-");
  });

  it("ERROR_RATE and ERROR_STATUS", async () => {
    await start("failing", { env: { ERROR_RATE: "0.3", ERROR_STATUS: "502" } });
    const counts = await load("failing", 1000);
    expect(withinThreeSigma(counts.byStatus["502"] ?? 0, counts.total, 0.3)).toBe(true);
    expect((counts.byStatus["502"] ?? 0) + (counts.byStatus["200"] ?? 0)).toBe(counts.total);
  });

  it("LATENCY_MS and LATENCY_P99_MS", async () => {
    await start("slow", { env: { LATENCY_MS: "60", LATENCY_P99_MS: "200" } });
    const counts = await load("slow", 1000);
    expect(latencyQuantile(counts, 0.5)).toBeGreaterThan(30);
    expect(latencyQuantile(counts, 0.9)).toBeGreaterThan(80);
    expect(latencyQuantile(counts, 0.99)).toBeGreaterThan(130);
  });

  it("HANG", async () => {
    await start("hanging", { env: { HANG: "true" } });
    const counts = await load("hanging", 20, 300);
    expect(counts.byStatus).toEqual({ 0: counts.total });
  });

  it("DEPENDENCY, for as long as it is down", async () => {
    await start("depending", { env: { DEPENDENCY: "database" } });
    expect((await fixture.call("client", "depending")).status).toBe(200);
    await fixture.world.dependencies.down("database");
    expect((await fixture.call("client", "depending")).status).toBe(503);
    await fixture.world.dependencies.up("database");
    expect((await fixture.call("client", "depending")).status).toBe(200);
  });
});

describe("a pod that cannot start says why", () => {
  it("an image that is there in the end", async () => {
    await create("late-image", { image: "late-image:missing" });
    await podOf("late-image", "ImagePullBackOff", (pod) => waitingReason(pod) === "ImagePullBackOff");
    await fixture.world.pods.set({ namespace: "default", workload: "late-image-v1" }, { IMAGE_MISSING: "false" });
    await podOf("late-image", "a ready pod", isReady);
  });

  it("a node without room, until another pod goes", async () => {
    const { client } = fixture.cluster;
    await client.create(barePod("large", { resources: { requests: { memory: "200Gi" } } }));
    await podOf("large", "a ready pod", isReady);
    await client.create(barePod("waiting", { resources: { requests: { memory: "100Gi" } } }));
    const waiting = await podOf("waiting", "PodScheduled", ({ status }) =>
      Boolean(status?.conditions?.some(({ type }) => type === "PodScheduled")),
    );
    expect(waiting.status?.conditions?.find(({ type }) => type === "PodScheduled")).toMatchObject({
      status: "False",
      reason: "Unschedulable",
    });
    await client.delete(Pods, { namespace: "default", name: "large" });
    await podOf("waiting", "a ready pod", isReady);
  });

  it("a ConfigMap that is missing, until it is there", async () => {
    const { client } = fixture.cluster;
    await client.create(barePod("unset", { envFrom: [{ configMapRef: { name: "settings" } }] }));
    const pod = await podOf("unset", "an error", (each) => waitingReason(each) === "CreateContainerConfigError");
    expect(pod.status?.phase).toBe("Pending");
    const metadata = { name: "settings", namespace: "default" };
    await client.create({ apiVersion: "v1", kind: "ConfigMap", metadata });
    await podOf("unset", "a ready pod", isReady);
  });
});

describe("a pod gets ready as its template says", () => {
  it("START_SECONDS", async () => {
    await create("late", { env: { START_SECONDS: "2" } });
    const first = await podOf("late", "a running pod", ({ status }) => status?.phase === "Running");
    expect(isReady(first)).toBe(false);
    const began = performance.now();
    await podOf("late", "a ready pod", isReady);
    expect(performance.now() - began).toBeGreaterThan(1000);
  });

  it("NEVER_READY, until it is overridden", async () => {
    await create("unready", { env: { NEVER_READY: "true" } });
    await podOf("unready", "a running pod", ({ status }) => status?.phase === "Running");
    await fixture.settled();
    expect((await fixture.call("client", "unready")).status).toBe(503);
    await fixture.world.pods.set({ namespace: "default", workload: "unready-v1" }, { NEVER_READY: "false" });
    await podOf("unready", "a ready pod", isReady);
    await until(async () => (await fixture.call("client", "unready")).status === 200, {
      timeout: 5000,
      what: "an answer",
    });
  });

  it("CRASH_AFTER_SECONDS: restarts, waits in CrashLoopBackOff, comes back", async () => {
    await create("crashing", {
      env: { CRASH_AFTER_SECONDS: "1", CRASH_REASON: "OOMKilled", CRASH_BACKOFF_SECONDS: "0.5" },
    });
    await podOf("crashing", "a ready pod", isReady);
    const crashed = await podOf(
      "crashing",
      "a crash",
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff",
    );
    expect(isReady(crashed)).toBe(false);
    expect(crashed.status?.containerStatuses?.[0]?.restartCount).toBe(1);
    expect(crashed.status?.containerStatuses?.[0]?.lastState?.terminated?.reason).toBe("OOMKilled");
    await podOf(
      "crashing",
      "the restarted pod",
      (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1,
    );
  });

  it("an image that is missing", async () => {
    await create("imageless", { image: "imageless:missing" });
    const pod = await podOf(
      "imageless",
      "ErrImagePull",
      ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === "ErrImagePull",
    );
    expect(pod.status?.phase).toBe("Pending");
    expect(isReady(pod)).toBe(false);
  });

  it("overrides of one pod leave its siblings alone", async () => {
    await start("twins", { replicas: 1 });
    await install(fixture.cluster.client, [deployment("twins", "v1", { replicas: 2 })], 2);
    const pods = (await fixture.world.pods.list()).filter(({ workload }) => workload === "twins-v1");
    expect(pods).toHaveLength(2);
    await fixture.world.pods.set({ namespace: "default", pod: pods[0]!.name }, { ERROR_RATE: "1" });
    const statuses = await Promise.all(
      pods.map(async ({ address }) => (await request(`http://${address}:8080/`)).statusCode),
    );
    expect(statuses).toEqual([500, 200]);
  });
});

describe("the life of a pod", () => {
  it("ends without a failed request: it serves on until its callers know", async () => {
    await start("rolling");
    await install(fixture.cluster.client, [deployment("rolling", "v1", { replicas: 3 })], 3);
    await fixture.settled();
    const running = await fixture.load("client", "rolling", 200);
    const { client } = fixture.cluster;
    const old = (await fixture.world.pods.list())
      .filter(({ workload }) => workload === "rolling-v1")
      .map(({ name }) => name);
    await client.patch(
      Deployments,
      { name: "rolling-v1", namespace: "default" },
      { spec: { template: { metadata: { annotations: { restarted: "1" } } } } },
    );
    await client.watchUntil(
      { kind: Pods, namespace: "default", labelSelector: "app=rolling", what: "three new pods and no old one" },
      (pods) => pods.filter(isReady).length === 3 && pods.every(({ metadata }) => !old.includes(metadata?.name ?? "")),
    );
    const counts = await running.stop();
    expect(counts.byStatus).toEqual({ 200: counts.total });
  });

  it("many pods are ready soon", async () => {
    const began = performance.now();
    await create("many", { replicas: 50 });
    await fixture.cluster.client.watchUntil(
      { kind: Deployments, namespace: "default", what: "fifty ready pods" },
      (all) => all.some(({ metadata, status }) => metadata?.name === "many-v1" && status?.readyReplicas === 50),
    );
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
