import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { V1Deployment, V1Pod, V1ReplicaSet } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster } from "../cluster.ts";
import type { LocalCluster } from "../cluster.ts";
import { KubernetesError, kind } from "../kubernetes.ts";
import type { KubernetesObject } from "../kubernetes.ts";
import { until } from "../processes/until.ts";
import { findTraces } from "./fixtures/left.ts";

const Deployments = kind<V1Deployment>("apps/v1", "Deployment");
const ReplicaSets = kind<V1ReplicaSet>("apps/v1", "ReplicaSet");
const Pods = kind<V1Pod>("v1", "Pod");
const ConfigMaps = kind<KubernetesObject & { data?: Record<string, string> }>("v1", "ConfigMap");

let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await startCluster();
});

afterAll(() => cluster.stop());

function deployment(name: string, replicas: number): KubernetesObject & { spec: object } {
  const labels = { app: name };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "app", image: "app:1" }] } },
    },
  };
}

function configMap(name: string): KubernetesObject & { data: Record<string, string> } {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data: { a: "1" } };
}

describe("the control plane", () => {
  it.each([
    "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
    "/apis/networking.istio.io/v1/virtualservices",
    "/apis/networking.istio.io/v1/destinationrules",
    "/apis/gateway.networking.k8s.io/v1/httproutes",
  ])("serves %s", async (path) => {
    expect(await cluster.client.raw(path)).toMatchObject({ items: [] });
  });

  it("makes a ReplicaSet and pods of a Deployment, and takes them away with it", async () => {
    const { client } = cluster;
    await client.apply(deployment("three", 3));
    const selection = { namespace: "default", labelSelector: "app=three" };
    await client.watchUntil({ kind: Pods, ...selection }, (pods) => pods.length === 3);
    const { items } = await client.list(ReplicaSets, selection);
    expect(items.map(({ spec }) => spec?.replicas)).toEqual([3]);
    await client.delete(Deployments, { namespace: "default", name: "three" });
    await client.watchUntil({ kind: Pods, ...selection }, (pods) => pods.length === 0);
  });

  it("makes 300 pods at once in reasonable time", async () => {
    const { client } = cluster;
    await client.apply(deployment("many", 300));
    const query = { kind: Pods, namespace: "default", labelSelector: "app=many", timeout: 30_000 };
    await client.watchUntil(query, (pods) => pods.length === 300);
    await client.delete(Deployments, { namespace: "default", name: "many" });
    await client.watchUntil(query, (pods) => pods.length === 0);
  });

  it("answers kubectl of its own version", async () => {
    const version = await cluster.kubectl(["version", "--output=json"]);
    const { clientVersion, serverVersion } = JSON.parse(version.stdout) as Record<string, { gitVersion: string }>;
    expect(clientVersion?.gitVersion).toBe(serverVersion?.gitVersion);
    const applied = await cluster.kubectl(["apply", "-f", "-"], { input: JSON.stringify(configMap("typed")) });
    expect(applied).toMatchObject({ code: 0, stdout: "configmap/typed created\n" });
    expect(await cluster.kubectl(["get", "configmap", "none"])).toMatchObject({ code: 1, stderr: /not found/ });
  });
});

describe("the client", () => {
  it("creates, reads, patches, replaces and deletes", async () => {
    const { client } = cluster;
    const place = { namespace: "default", name: "crud" };
    await client.create(configMap("crud"));
    await expect(client.create(configMap("crud"))).rejects.toMatchObject({ status: 409, reason: "AlreadyExists" });
    const patched = await client.patch(ConfigMaps, place, { data: { b: "2" } });
    expect(patched.data).toEqual({ a: "1", b: "2" });
    await client.replace({ ...patched, data: { c: "3" } });
    await expect(client.replace({ ...patched, data: {} })).rejects.toBeInstanceOf(KubernetesError);
    expect((await client.get(ConfigMaps, place))?.data).toEqual({ c: "3" });
    await client.delete(ConfigMaps, place);
    await client.delete(ConfigMaps, place);
    expect(await client.get(ConfigMaps, place)).toBeUndefined();
  });

  it("says what it saw when what it waits for does not come", async () => {
    await cluster.client.create(configMap("seen"));
    const query = { kind: ConfigMaps, namespace: "default", timeout: 300, what: "a miracle" };
    await expect(cluster.client.watchUntil(query, () => false)).rejects.toThrow(/^a miracle did not .* 0\.3 s.*"seen"/);
  });
});

describe("a part", () => {
  const readyz = (): Promise<unknown> => cluster.client.raw("/readyz");

  it("the API server comes back after a crash, where it was, and watches go on", async () => {
    const { client, parts } = cluster;
    const waiting = client.watchUntil({ kind: ConfigMaps, namespace: "default" }, (all) =>
      all.some(({ metadata }) => metadata?.name === "afterwards"),
    );
    await parts.apiserver.stop("SIGKILL");
    await expect(readyz()).rejects.toThrow();
    await parts.apiserver.start();
    await client.create(configMap("afterwards"));
    expect(await waiting).toBe(true);
  });

  it("etcd frozen: nothing can be written until it goes on", async () => {
    const { client, parts } = cluster;
    const path = "/api/v1/namespaces/default/configmaps";
    parts.etcd.suspend();
    try {
      const request = { method: "POST", body: configMap("frozen"), signal: AbortSignal.timeout(1000) } as const;
      await expect(client.raw(path, request)).rejects.toThrow(/timeout/);
    } finally {
      parts.etcd.resume();
    }
    await client.apply(configMap("frozen"));
  });

  it("etcd keeps its data when it is started again", async () => {
    const { client, parts } = cluster;
    await client.create(configMap("kept"));
    await parts.etcd.stop("SIGKILL");
    await parts.etcd.start();
    const place = { namespace: "default", name: "kept" };
    const read = (): Promise<unknown> => client.get(ConfigMaps, place);
    expect(await until(read, { timeout: 20_000, what: "the API server's return to etcd" })).toMatchObject({
      data: { a: "1" },
    });
  });

  it("the controller manager takes up its work when it is started again", async () => {
    const { client, parts } = cluster;
    await parts.controllerManager.stop();
    await client.apply(deployment("late", 2));
    await parts.controllerManager.start();
    await client.watchUntil(
      { kind: Pods, namespace: "default", labelSelector: "app=late" },
      (pods) => pods.length === 2,
    );
  });
});

describe("Prometheus", () => {
  interface Answer {
    readonly data: { readonly result: readonly { readonly metric: object; readonly value: [number, string] }[] };
  }

  async function query(expression: string): Promise<Answer["data"]["result"]> {
    const response = await fetch(`${cluster.prometheusUrl}/api/v1/query?query=${encodeURIComponent(expression)}`);
    return ((await response.json()) as Answer).data.result;
  }

  it("scrapes targets that are added, keeps what it saw over a restart, and forgets targets that are removed", async () => {
    const server = createServer((request, response) => {
      response.setHeader("content-type", "text/plain; version=0.0.4");
      response.end(`answer{path="${request.url ?? ""}"} 42\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const target = { job: "own", address, path: "/numbers", labels: { pod: "p" } };
    const begin = performance.now();
    cluster.prometheus.addTarget(target);
    await cluster.prometheus.awaitScraped(address);
    expect(performance.now() - begin).toBeLessThan(15_000);
    const metric = { job: "own", pod: "p", path: "/numbers", instance: address };
    expect(await query("answer")).toMatchObject([{ metric, value: [expect.any(Number), "42"] }]);

    cluster.prometheus.removeTarget(target);
    await until(async () => (await query("answer")).length === 0, { timeout: 20_000, what: "the end of the series" });
    await cluster.parts.prometheus.stop("SIGKILL");
    await cluster.parts.prometheus.start();
    expect(await query("count_over_time(answer[5m]) > 0")).toHaveLength(1);
    server.close();
  });
});

it("leaves nothing when it is stopped", async () => {
  const own = await startCluster();
  const traces = { run: own.supervisor.run, folder: own.runFolder, urls: [own.server, own.prometheusUrl] };
  expect((await findTraces(traces)).length).toBeGreaterThanOrEqual(7);
  await own.stop();
  expect(await findTraces(traces)).toEqual([]);
});
