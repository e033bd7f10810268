import { describe, expect, inject, it } from "vitest";
import { createEventAnnouncer } from "../../../src/adapters/kubernetes/event-announcer.ts";
import { createInformers } from "../../../src/adapters/kubernetes/informers.ts";
import { createLeaseStore } from "../../../src/adapters/kubernetes/lease-store.ts";
import { createKubernetesObjects } from "../../../src/adapters/kubernetes/objects.ts";
import { connect } from "../../../src/adapters/kubernetes/transport.ts";
import type { Rollout } from "../../../src/api/rollout.ts";
import { runWhileLeading, type Term } from "../../../src/runtime/leader-election.ts";
import { silentLogger } from "../../../src/runtime/logger.ts";
import { systemTimers } from "../../../src/runtime/timers.ts";
import { until } from "../../cluster/processes/until.ts";
import { describeKubernetesObjects } from "../../contract/kubernetes-objects.contract.ts";
import { accessCluster, configMap, configMaps, createNamespace } from "./cluster-access.ts";

describeKubernetesObjects("on a real API server", async () => {
  const transport = connect({ kubeconfig: inject("kubeconfig") });
  const informers = createInformers({ transport, timers: systemTimers });
  const objects = createKubernetesObjects(transport, informers);
  const namespace = await createNamespace({ objects, signal: new AbortController().signal }, "contract");
  return { objects, namespace, close: () => transport.close() };
});

describe("KubernetesObjects on a real API server", () => {
  it("tells what is not accepted from what has changed", async () => {
    const access = accessCluster(inject("kubeconfig"));
    const { objects, signal } = access;
    const namespace = await createNamespace(access, "refused");
    await objects.create(configMaps, configMap(namespace, "a", { x: "1" }), { signal });
    const wrong = [{ op: "add", path: "/data/no key", value: "x" } as const];
    await expect(objects.jsonPatch(configMaps, namespace, "a", wrong, { signal })).rejects.toMatchObject({
      name: "RejectedError",
      message: expect.stringContaining("a valid config key must consist of") as string,
    });
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
      const lead = async ({ signal }: Term) => {
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
