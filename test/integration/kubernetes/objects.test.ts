import { describe, expect, inject, it } from "vitest";
import { createEventAnnouncer } from "../../../src/adapters/kubernetes/event-announcer.ts";
import { createLeaseStore } from "../../../src/adapters/kubernetes/lease-store.ts";
import type { Rollout } from "../../../src/api/rollout.ts";
import type { KubernetesObject } from "../../../src/ports/kubernetes-objects.ts";
import { runWhileLeading } from "../../../src/runtime/leader-election.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { systemTimers } from "../../../src/runtime/timers.ts";
import { until } from "../../cluster/processes/until.ts";
import { accessCluster, configMap, configMaps, createNamespace } from "./cluster-access.ts";

describe("KubernetesObjects on a real API server", () => {
  it("writes conditionally and says what a refusal means", async () => {
    const access = accessCluster(inject("kubeconfig"));
    const { objects, signal } = access;
    const namespace = await createNamespace(access, "objects");
    const options = { signal };
    const created = await objects.create(configMaps, configMap(namespace, "a", { x: "1" }), options);
    const patchOf = (resourceVersion: string | undefined) => ({ metadata: { resourceVersion }, data: { x: "2" } });
    const version = created.metadata.resourceVersion;

    await objects.mergePatch(configMaps, namespace, "a", patchOf(version), options);
    await expect(objects.mergePatch(configMaps, namespace, "a", patchOf(version), options)).rejects.toMatchObject({
      name: "ConflictError",
    });
    await expect(objects.create(configMaps, configMap(namespace, "a"), options)).rejects.toMatchObject({
      name: "ConflictError",
      cause: { reason: "AlreadyExists" },
    });
    const test = (value: string) => [{ op: "test", path: "/data/x", value } as const];
    await objects.jsonPatch(configMaps, namespace, "a", test("2"), options);
    await expect(objects.jsonPatch(configMaps, namespace, "a", test("1"), options)).rejects.toMatchObject({
      name: "ConflictError",
    });
    const wrong = [{ op: "add", path: "/data/no key", value: "x" } as const];
    await expect(objects.jsonPatch(configMaps, namespace, "a", wrong, options)).rejects.toMatchObject({
      name: "RejectedError",
      message: expect.stringContaining("a valid config key must consist of") as string,
    });
    await expect(objects.mergePatch(configMaps, namespace, "none", {}, options)).rejects.toMatchObject({
      name: "NotFoundError",
    });
  });

  it("dry runs change nothing, apply owns as serin, removal spares another object of the name", async () => {
    const access = accessCluster(inject("kubeconfig"));
    const { objects, signal } = access;
    const namespace = await createNamespace(access, "objects");
    await objects.create(configMaps, configMap(namespace, "a"), { signal, dryRun: true });
    expect(await objects.read(configMaps, namespace, "a", signal)).toBeUndefined();
    const applied = await objects.apply(configMaps, configMap(namespace, "a", { x: "1" }), { signal });
    expect(applied.metadata.managedFields).toMatchObject([{ manager: "serin", operation: "Apply" }]);
    const other: KubernetesObject = { metadata: { namespace, name: "a", uid: "00000000-0000-0000-0000-000000000000" } };
    await objects.remove(configMaps, other, { signal });
    expect(
      (await objects.list(configMaps, namespace, "", signal)).map(({ kind, metadata }) => [kind, metadata.name]),
    ).toContainEqual(["ConfigMap", "a"]);
    await objects.remove(configMaps, applied, { signal, dryRun: true });
    await objects.remove(configMaps, applied, { signal });
    await objects.remove(configMaps, applied, { signal });
    expect(await objects.read(configMaps, namespace, "a", signal)).toBeUndefined();
  });

  it("costs no request while nothing happens, and knows a change without asking", async () => {
    const access = accessCluster(inject("kubeconfig"));
    const { objects, informers, signal, requests } = access;
    const namespace = await createNamespace(access, "cache");
    const changed: string[] = [];
    const watched = { resource: configMaps, optional: false, namespaces: [namespace] };
    informers.watch(watched, ({ kind, object }) => changed.push(`${kind} ${object.metadata.name}`), signal);
    await until(() => objects.watches(configMaps), { timeout: 30_000, what: "the first list" });
    await objects.create(configMaps, configMap(namespace, "a", { x: "1" }), { signal });
    await until(() => objects.cached(configMaps, namespace, "a"), { timeout: 30_000, what: "the change in the cache" });
    expect(objects.cached(configMaps, namespace, "a")).toMatchObject({
      apiVersion: "v1",
      kind: "ConfigMap",
      data: { x: "1" },
    });
    expect(changed).toContain("changed a");
    expect(requests).toEqual(["POST 201", "GET 200", "WATCH 200", "POST 201"]);
  });
});

describe("createEventAnnouncer() on a real API server", () => {
  it("delivers each event once, whatever its note", async () => {
    const access = accessCluster(inject("kubeconfig"));
    const { objects, signal } = access;
    const namespace = await createNamespace(access, "events");
    const announcer = createEventAnnouncer({ objects, instance: "serin-test", log: silentLogger });
    const rollout: Rollout = {
      key: { namespace, name: "product" },
      uid: "6b1b2f0c-6d57-4d33-9f4e-0d2f3a1c9e55",
      generation: 1,
      resourceVersion: "1",
      deleting: false,
      claimed: true,
      spec: undefined,
      problems: [],
      status: { observedGeneration: 1 },
      requests: {},
    };
    const event = { name: "product.1", reason: "RolledBack", action: "rollBack", note: "€".repeat(1_000) } as const;
    const pending = [{ ...event, at: new Date().toISOString() }];
    expect(await announcer.announce(rollout, pending, signal)).toEqual(["product.1"]);
    expect(await announcer.announce(rollout, pending, signal)).toEqual(["product.1"]);
    const events = await objects.list(
      { group: "events.k8s.io", version: "v1", plural: "events" },
      namespace,
      "",
      signal,
    );
    expect(events).toMatchObject([
      { type: "Warning", reason: "RolledBack", regarding: { kind: "Rollout", name: "product" } },
    ]);
  });
});

describe("runWhileLeading() on a real API server", () => {
  it("hands over in less than two seconds, and never has two leaders", async () => {
    const access = accessCluster(inject("kubeconfig"));
    const namespace = await createNamespace(access, "lease");
    const leaders: string[] = [];
    const stops = ["a", "b"].map((identity) => {
      const stop = new AbortController();
      const options = {
        store: createLeaseStore(access.objects, { namespace, name: "serin" }),
        identity,
        timers: systemTimers,
        random: Math.random,
        wallClock: Date.now,
        log: silentLogger,
      };
      const lead = async (signal: AbortSignal) => {
        leaders.push(identity);
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
        leaders.splice(leaders.indexOf(identity), 1);
      };
      return { identity, stop, ended: runWhileLeading(options, lead, stop.signal) };
    });
    await until(() => leaders.length > 0, { timeout: 30_000, what: "a leader" });
    const [first] = leaders;
    const leader = stops.find(({ identity }) => identity === first)!;
    const began = performance.now();
    leader.stop.abort();
    expect(await leader.ended).toBe("stopped");
    await until(() => leaders.length > 0, { timeout: 30_000, every: 5, what: "the next leader" });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(leaders.length).toBe(1);
    for (const { stop } of stops) stop.abort();
    expect(await Promise.all(stops.map(({ ended }) => ended))).toEqual(["stopped", "stopped"]);
  });
});
