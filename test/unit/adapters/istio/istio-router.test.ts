import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { createIstioRouter } from "../../../../src/adapters/istio/istio-router.ts";
import type { Rollout } from "../../../../src/api/rollout.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import type { TrafficAction, TrafficRouter } from "../../../../src/ports/traffic-router.ts";
import { ConflictError, NotFoundError, RejectedError } from "../../../../src/runtime/errors.ts";
import { describeTrafficRouter, duringRelease } from "../../../contract/traffic-router.contract.ts";
import { meshOf, referenced, routerOn } from "./mesh.ts";
import { arbitraryMesh, notOurs, sums } from "./arbitrary-mesh.ts";
import { createObjectStore, type ObjectStore } from "./object-store.ts";
import { destinationRuleOf, rolloutOf, serviceOf, to, virtualServiceOf } from "./samples.ts";

const { signal } = new AbortController();

describeTrafficRouter("the Istio router on objects in memory", (form) => {
  const store = createObjectStore();
  store.put("services", serviceOf());
  if (form === "referenced") {
    const managedFields = [{ manager: "kubectl", operation: "Apply", time: "2026-01-01T00:00:00Z" }];
    const virtualService = virtualServiceOf("product", { hosts: ["product"], http: [{ route: [to()] }] });
    store.put("virtualservices", { ...virtualService, metadata: { ...virtualService.metadata, managedFields } });
    store.put("destinationrules", destinationRuleOf("product", { host: "product" }));
  }
  const snapshot = (): unknown =>
    ["services", "virtualservices", "destinationrules"].flatMap((plural) =>
      store.cachedAll({ group: "", version: "", plural }).map(({ kind, metadata, spec }) => {
        const { resourceVersion: _, uid: __, ...kept } = metadata;
        return { kind, metadata: kept, spec };
      }),
    );
  return Promise.resolve({
    router: routerOn(store),
    rollout: rolloutOf(form === "referenced" ? referenced : {}),
    snapshot: () => Promise.resolve(structuredClone(snapshot())),
    caughtUp: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });
});

describe("the example with referenced objects", () => {
  const documents = (file: string): KubernetesObject[] =>
    parseAllDocuments(readFileSync(new URL(`../../../../examples/referenced/${file}`, import.meta.url), "utf8")).map(
      (document) => document.toJS() as KubernetesObject,
    );

  function example(): { store: ObjectStore; rollout: Rollout } {
    const store = createObjectStore();
    const plurals: Readonly<Record<string, string>> = {
      VirtualService: "virtualservices",
      DestinationRule: "destinationrules",
    };
    for (const object of [...documents("mesh.yaml"), ...documents("service.yaml")]) {
      store.put(plurals[object.kind ?? ""] ?? "services", object);
    }
    const spec = documents("rollout.yaml")[0]?.spec as { traffic: { istio: object }; service: object };
    return { store, rollout: rolloutOf(spec.traffic.istio, { service: spec.service }) };
  }

  test("splits the default route, leaves X-Canary: true where it goes, and ends as git has it", async () => {
    const { store, rollout } = example();
    const router = routerOn(store);
    const spec = (plural: string): unknown => structuredClone(store.get(plural, "shop", "product-service")?.spec);
    const before = [spec("virtualservices"), spec("destinationrules")];
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Rest" }, unsplit: [] });
    const original = router.describeOriginal(rollout);
    await router.perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" }, rollout, signal);
    await router.perform({ kind: "routeTraffic", weight: 10, original }, rollout, signal);
    expect(spec("virtualservices")).toEqual({
      hosts: ["product-service"],
      http: [
        {
          match: [{ headers: { "X-Canary": { exact: "true" } } }],
          route: [to("v2", 100, "product-service")],
        },
        { name: "primary", route: [to("stable", 90, "product-service"), to("canary", 10, "product-service")] },
      ],
    });
    expect(spec("destinationrules")).toMatchObject({
      subsets: [
        { name: "v2", labels: { version: "v2" } },
        { name: "stable", labels: { app: "product", "pod-template-hash": "aaa" } },
        { name: "canary", labels: { "pod-template-hash": "bbb" } },
      ],
    });
    await router.perform({ kind: "restoreRoute", original }, rollout, signal);
    await router.perform({ kind: "restoreSubsets", original }, rollout, signal);
    expect([spec("virtualservices"), spec("destinationrules")]).toEqual(before);
  });
});

describe("whatever the objects of a user are like", () => {
  const step = fc.oneof(
    fc.integer({ min: 0, max: 100 }).map((weight) => ({ kind: "routeTraffic", weight }) as const),
    fc.constantFrom<{ kind: "narrow" | "widen" | "restoreRoute" | "restoreSubsets" }>(
      { kind: "narrow" },
      { kind: "widen" },
      { kind: "restoreRoute" },
      { kind: "restoreSubsets" },
    ),
  );

  const actionOf = (asked: { kind: string; weight?: number }, original: string): TrafficAction => {
    if (asked.kind === "narrow") return { kind: "narrowSubsets", stable: "aaa", canary: "bbb" };
    if (asked.kind === "widen") return { kind: "widenStable", original, canary: "bbb" };
    if (asked.kind === "routeTraffic") return { kind: "routeTraffic", weight: asked.weight ?? 0, original };
    return asked.kind === "restoreRoute" ? { kind: "restoreRoute", original } : { kind: "restoreSubsets", original };
  };

  test("what is not ours stays byte for byte, sums stay, and the end is the start", async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryMesh,
        fc.array(step, { maxLength: 8 }),
        async ({ virtualService, destinationRule }, steps) => {
          const store = meshOf(virtualService, destinationRule);
          const router = routerOn(store);
          const rollout = rolloutOf(referenced);
          const start = store.versions.slice(-2).map(({ object }) => object);
          const original = router.describeOriginal(rollout);
          for (const asked of [...steps, { kind: "restoreRoute" }, { kind: "restoreSubsets" }]) {
            await router.perform(actionOf(asked, original), rollout, signal);
          }
          for (const { plural, object } of store.versions.slice(3)) {
            const first = start[plural === "virtualservices" ? 0 : 1]!;
            expect(notOurs(object)).toBe(notOurs(first));
            expect(sums(object)).toEqual(sums(first));
            expect(sums(object).every((sum) => sum > 0)).toBe(true);
          }
          expect(JSON.stringify(store.get("virtualservices", "shop", "product")?.spec)).toBe(
            JSON.stringify(start[0]?.spec),
          );
          expect(JSON.stringify(store.get("destinationrules", "shop", "product")?.spec)).toBe(
            JSON.stringify(start[1]?.spec),
          );
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("in mid-release", () => {
  const subsets = { host: "product" };
  const split = async (
    http: readonly object[],
  ): Promise<{ store: ObjectStore; router: TrafficRouter; original: string; rollout: Rollout }> => {
    const store = meshOf({ hosts: ["product"], http }, subsets);
    const router = routerOn(store);
    const rollout = rolloutOf(referenced);
    const original = router.describeOriginal(rollout);
    await router.perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" }, rollout, signal);
    await router.perform({ kind: "routeTraffic", weight: 10, original }, rollout, signal);
    return { store, router, original, rollout: duringRelease(rollout, original, "Split", 10) };
  };
  const routesOf = (store: ObjectStore): unknown => store.get("virtualservices", "shop", "product")?.spec?.["http"];

  test("weights that somebody else writes are seen and corrected", async () => {
    const { store, router, original, rollout } = await split([{ route: [to()] }]);
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["product"], http: [{ route: [to()] }] }));
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Rest" } });
    await router.perform({ kind: "routeTraffic", weight: 10, original }, rollout, signal);
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Split", weight: 10 } });
    const http = [{ route: [to("stable", 60), { ...to("canary", 40), headers: {} }] }];
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["product"], http }));
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Split", weight: undefined } });
  });

  test("a route that git adds is split too, and ends without subsets as it came", async () => {
    const { store, router, original, rollout } = await split([{ name: "old", route: [to()] }]);
    const added = { name: "new", route: [to(undefined, 40), to(undefined, 60, "other")] };
    const now = [{ name: "old", route: [to("stable", 90), to("canary", 10)] }, added];
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["product"], http: now }));
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Split", weight: undefined } });
    await router.perform({ kind: "routeTraffic", weight: 10, original }, rollout, signal);
    expect(routesOf(store)).toEqual([
      now[0],
      { name: "new", route: [to("stable", 36), to("canary", 4), to(undefined, 60, "other")] },
    ]);
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Split", weight: 10 } });
    await router.perform({ kind: "restoreRoute", original }, rollout, signal);
    expect(routesOf(store)).toEqual([{ name: "old", route: [to()] }, added]);
  });

  test("a route that somebody renames goes back all the same", async () => {
    const named = rolloutOf({ ...referenced, virtualService: { name: "product", routes: ["primary"] } });
    const own = { name: "theirs", route: [to("v1", 100)] };
    const store = meshOf({ hosts: ["product"], http: [{ name: "primary", route: [to()] }, own] }, subsets);
    const router = routerOn(store);
    const original = router.describeOriginal(named);
    await router.perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" }, named, signal);
    await router.perform({ kind: "routeTraffic", weight: 10, original }, named, signal);
    const renamed = [{ name: "another", route: [to("stable", 90), to("canary", 10)] }, own];
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["product"], http: renamed }));
    await router.perform({ kind: "routeTraffic", weight: 0, original }, named, signal);
    expect(routesOf(store)).toEqual([{ name: "another", route: [to("stable", 100), to("canary", 0)] }, own]);
    await router.perform({ kind: "restoreRoute", original }, named, signal);
    expect(routesOf(store)).toEqual([{ name: "another", route: [to()] }, own]);
  });

  test("a route that somebody renames gets back what it was, subsets of the user or not", async () => {
    const stable = { name: "stable", labels: { app: "product" } };
    const store = meshOf(
      { hosts: ["product"], http: [{ name: "primary", route: [to()] }] },
      { ...subsets, subsets: [stable] },
    );
    const router = routerOn(store);
    const rollout = rolloutOf(referenced);
    const original = router.describeOriginal(rollout);
    await router.perform({ kind: "routeTraffic", weight: 10, original }, rollout, signal);
    const renamed = [{ name: "another", route: [to("stable", 90), to("canary", 10)] }];
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["product"], http: renamed }));
    await router.perform({ kind: "restoreRoute", original }, rollout, signal);
    expect(routesOf(store)).toEqual([{ name: "another", route: [to()] }]);
  });

  test("the way back reaches copies of a split route, but no route that the user sends to the canary", async () => {
    const named = rolloutOf({ ...referenced, virtualService: { name: "product", routes: ["primary"] } });
    const testers = { name: "testers", match: [{ headers: { "x-tester": {} } }], route: [to("canary")] };
    const store = meshOf({ hosts: ["product"], http: [testers, { name: "primary", route: [to()] }] }, subsets);
    const router = routerOn(store);
    const original = router.describeOriginal(named);
    const pair = [to("stable", 90), to("canary", 10)];
    const copied = [testers, { name: "primary", route: pair }, { name: "copy", route: pair }];
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["product"], http: copied }));
    await router.perform({ kind: "routeTraffic", weight: 0, original }, named, signal);
    const back = [to("stable", 100), to("canary", 0)];
    expect(routesOf(store)).toEqual([testers, { name: "primary", route: back }, { name: "copy", route: back }]);
    const moved = [testers, { name: "another", route: pair }];
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["product"], http: moved }));
    await router.perform({ kind: "restoreRoute", original }, named, signal);
    expect(routesOf(store)).toEqual([testers, { name: "another", route: [to()] }]);
  });

  test("a renamed route that names only a subset which is about to go loses it", async () => {
    const { store, router, original, rollout } = await split([{ name: "primary", route: [to()] }]);
    const named = { ...rollout, spec: rolloutOf({ ...referenced }).spec };
    const http = [{ name: "another", route: [to("stable", 100)] }];
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["product"], http }));
    await router.perform({ kind: "restoreRoute", original }, named, signal);
    expect(routesOf(store)).toEqual([{ name: "another", route: [to()] }]);
  });

  test("the route goes back when the DestinationRule is gone, and the other way round", async () => {
    const { store, router, original, rollout } = await split([{ route: [to()] }]);
    const rule = store.get("destinationrules", "shop", "product")!;
    await store.remove({ group: "", version: "", plural: "destinationrules" }, rule, { signal });
    await router.perform({ kind: "routeTraffic", weight: 0, original }, rollout, signal);
    await router.perform({ kind: "restoreRoute", original }, rollout, signal);
    await router.perform({ kind: "restoreSubsets", original }, rollout, signal);
    expect(routesOf(store)).toEqual([{ route: [to()] }]);
    store.put("destinationrules", rule);
    const route = store.get("virtualservices", "shop", "product")!;
    await store.remove({ group: "", version: "", plural: "virtualservices" }, route, { signal });
    await router.perform({ kind: "restoreRoute", original }, rollout, signal);
    await router.perform({ kind: "restoreSubsets", original }, rollout, signal);
    expect(store.get("destinationrules", "shop", "product")?.spec).toEqual(subsets);
  });

  test("an original that cannot be read does not keep traffic from going back", async () => {
    const { store, router, rollout } = await split([{ route: [to()] }]);
    const lost = duringRelease(rollout, "{}", "Split", 10);
    await router.perform({ kind: "restoreRoute", original: "{}" }, lost, signal);
    expect(routesOf(store)).toEqual([{ route: [to("stable", 100), to("canary", 0)] }]);
  });

  test("git's own pair at 0 % is a split or rest, as it was asked", () => {
    const pair = [{ route: [to("stable", 100), to("canary", 0)] }];
    const store = meshOf(
      { hosts: ["product"], http: pair },
      { host: "product", subsets: [{ name: "stable", labels: { app: "product" } }] },
    );
    const router = routerOn(store);
    const rollout = rolloutOf(referenced);
    const original = router.describeOriginal(rollout);
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Rest" } });
    expect(router.readTraffic(duringRelease(rollout, original, "Rest", 0))).toMatchObject({ route: { kind: "Rest" } });
    expect(router.readTraffic(duringRelease(rollout, original, "Split", 0))).toMatchObject({
      route: { kind: "Split", weight: 0 },
    });
  });

  test("the split stays on the object that the release began with when the spec names another", async () => {
    const { store, router, original, rollout } = await split([{ route: [to()] }]);
    const renamed = { ...rollout, spec: rolloutOf({ ...referenced, virtualService: { name: "another" } }).spec };
    await router.perform({ kind: "restoreRoute", original }, renamed, signal);
    expect(routesOf(store)).toEqual([{ route: [to()] }]);
  });

  test("a write on an object that has changed is refused, and objects that are gone are told", async () => {
    const { store, router, original, rollout } = await split([{ route: [to()] }]);
    const stale = createIstioRouter({
      objects: { ...store, read: () => Promise.resolve(store.versions[1]?.object) },
      rootNamespace: "istio-system",
      clusterDomain: "cluster.local",
    });
    await expect(stale.perform({ kind: "routeTraffic", weight: 50, original }, rollout, signal)).rejects.toThrow(
      ConflictError,
    );
    for (const plural of ["virtualservices", "destinationrules"]) {
      await store.remove({ group: "", version: "", plural }, store.get(plural, "shop", "product")!, { signal });
    }
    await expect(router.perform({ kind: "routeTraffic", weight: 50, original }, rollout, signal)).rejects.toThrow(
      NotFoundError,
    );
    await expect(router.perform({ kind: "narrowSubsets", stable: "a", canary: "b" }, rollout, signal)).rejects.toThrow(
      NotFoundError,
    );
    await router.perform({ kind: "routeTraffic", weight: 0, original }, rollout, signal);
    await router.perform({ kind: "restoreRoute", original }, rollout, signal);
    await router.perform({ kind: "restoreSubsets", original }, rollout, signal);
    expect(router.readTraffic(rollout)).toMatchObject({ problem: "RouteNotFound" });
  });
});

describe("generated objects", () => {
  const generated = (traffic: object = {}): { store: ObjectStore; router: TrafficRouter; rollout: Rollout } => {
    const store = createObjectStore();
    store.put("services", serviceOf());
    return { store, router: routerOn(store), rollout: rolloutOf(traffic) };
  };

  test("say whose they are and tell GitOps tools to leave them alone", async () => {
    const { store, router, rollout } = generated();
    await router.perform({ kind: "createRoute" }, rollout, signal);
    expect(store.requests).toEqual(["create destinationrules/product", "create virtualservices/product"]);
    expect(store.get("virtualservices", "shop", "product")).toMatchObject({
      apiVersion: "networking.istio.io/v1",
      kind: "VirtualService",
      metadata: {
        labels: { "app.kubernetes.io/managed-by": "serin" },
        annotations: { "kustomize.toolkit.fluxcd.io/reconcile": "disabled" },
        ownerReferences: [
          { apiVersion: "serin.dev/v1alpha1", kind: "Rollout", name: "product", uid: "rollout-1", controller: true },
        ],
      },
      spec: { hosts: ["product"], http: [{ name: "primary", match: [{ port: 8080 }], route: [to()] }] },
    });
    expect(store.get("destinationrules", "shop", "product")?.spec).toEqual({ host: "product" });
  });

  test("follow the spec at rest", async () => {
    const { store, router, rollout } = generated();
    await router.perform({ kind: "createRoute" }, rollout, signal);
    const changed = {
      ...rollout,
      spec: rolloutOf({ hosts: ["product", "shop.example.com"], gateways: ["mesh", "edge/web"] }).spec,
    };
    expect(router.readTraffic(changed)).toMatchObject({ route: { kind: "Absent" } });
    expect(router.readTraffic({ ...changed, deleting: true })).toMatchObject({ route: { kind: "Rest" } });
    await router.perform({ kind: "createRoute" }, changed, signal);
    expect(router.readTraffic(changed)).toMatchObject({ route: { kind: "Rest" } });
    expect(store.get("virtualservices", "shop", "product")?.spec).toEqual({
      hosts: ["product", "shop.example.com"],
      gateways: ["mesh", "edge/web"],
      http: [
        { name: "primary", match: [{ port: 8080, gateways: ["mesh"] }, { gateways: ["edge/web"] }], route: [to()] },
      ],
    });
  });

  test("keep their hosts and gateways when the spec cannot be understood any more", async () => {
    const { store, router, rollout } = generated();
    const { spec } = rolloutOf({ hosts: ["product", "shop.example.com"], gateways: ["mesh", "edge/web"] });
    const understood = { ...rollout, spec };
    await router.perform({ kind: "createRoute" }, understood, signal);
    const before = store.get("virtualservices", "shop", "product")?.spec;
    const released = duringRelease(understood, router.describeOriginal(understood), "Split", 100);
    await router.perform({ kind: "createRoute" }, { ...released, spec: undefined }, signal);
    expect(store.get("virtualservices", "shop", "product")?.spec).toEqual(before);
  });

  test("of somebody else are not touched", async () => {
    const { store, router, rollout } = generated();
    store.put("virtualservices", virtualServiceOf("product", { hosts: ["another"], http: [{ route: [to()] }] }));
    expect(router.readTraffic(rollout)).toMatchObject({ problem: "HostClaimed" });
    await expect(router.perform({ kind: "createRoute" }, rollout, signal)).rejects.toThrow(RejectedError);
    await router.perform({ kind: "removeRoute" }, rollout, signal);
    expect(store.get("virtualservices", "shop", "product")).toBeDefined();
  });

  const withoutOwner = (store: ObjectStore): void => {
    for (const plural of ["virtualservices", "destinationrules"]) {
      const { ownerReferences: _, ...metadata } = store.get(plural, "shop", "product")!.metadata;
      store.put(plural, { ...store.get(plural, "shop", "product")!, metadata });
    }
  };

  test("that lost their owner are given back by a Rollout that is deleted, and by no other", async () => {
    const { store, router, rollout } = generated();
    await router.perform({ kind: "createRoute" }, rollout, signal);
    withoutOwner(store);
    await router.perform({ kind: "removeRoute" }, rollout, signal);
    expect(store.get("virtualservices", "shop", "product")).toBeDefined();
    const leaving = { ...rollout, deleting: true };
    await router.perform({ kind: "removeRoute" }, leaving, signal);
    await router.perform({ kind: "removeSubsets" }, leaving, signal);
    expect(store.get("virtualservices", "shop", "product")).toBeUndefined();
    expect(store.get("destinationrules", "shop", "product")).toBeUndefined();
  });

  test("that lost their owner are given back by the release that has recorded them", async () => {
    const { store, router, rollout } = generated();
    await router.perform({ kind: "createRoute" }, rollout, signal);
    const original = router.describeOriginal(rollout);
    const released = duringRelease(rollout, original, "Split", 10);
    await router.perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" }, released, signal);
    await router.perform({ kind: "routeTraffic", weight: 10, original }, released, signal);
    withoutOwner(store);
    await router.perform({ kind: "routeTraffic", weight: 0, original }, released, signal);
    await router.perform({ kind: "restoreRoute", original }, released, signal);
    await router.perform({ kind: "restoreSubsets", original }, released, signal);
    expect(store.get("virtualservices", "shop", "product")?.spec).toMatchObject({ http: [{ route: [to()] }] });
    expect(store.get("destinationrules", "shop", "product")?.spec).toEqual({ host: "product" });
  });

  test("that somebody else put in the place of ours are left alone, and keep no release from going back", async () => {
    const { store, router, rollout } = generated();
    await router.perform({ kind: "createRoute" }, rollout, signal);
    const original = router.describeOriginal(rollout);
    const released = duringRelease(rollout, original, "Split", 10);
    const pair = [to("stable", 90), to("canary", 10)];
    const route = store.put(
      "virtualservices",
      virtualServiceOf("product", { hosts: ["product"], http: [{ name: "primary", route: pair }] }),
    );
    const rule = store.put("destinationrules", destinationRuleOf("product", { host: "product", subsets: [] }));
    await router.perform({ kind: "routeTraffic", weight: 0, original }, released, signal);
    await router.perform({ kind: "restoreRoute", original }, released, signal);
    await router.perform({ kind: "restoreSubsets", original }, released, signal);
    expect(store.get("virtualservices", "shop", "product")).toEqual(route);
    expect(store.get("destinationrules", "shop", "product")).toEqual(rule);
    const forward = router.perform({ kind: "routeTraffic", weight: 10, original }, released, signal);
    await expect(forward).rejects.toThrow(RejectedError);
  });

  test("carry over the policy that they would cancel", async () => {
    const { store, router, rollout } = generated();
    const trafficPolicy = { outlierDetection: { consecutive5xxErrors: 8 } };
    store.put("destinationrules", destinationRuleOf("all", { host: "*.local", trafficPolicy }, "istio-system"));
    await router.perform({ kind: "createRoute" }, rollout, signal);
    expect(store.get("destinationrules", "shop", "product")?.spec).toEqual({ host: "product", trafficPolicy });
  });

  test("are restored to a route without subsets even when nobody remembers the release", async () => {
    const { store, router, rollout } = generated();
    await router.perform({ kind: "createRoute" }, rollout, signal);
    const rest = structuredClone(store.get("virtualservices", "shop", "product")?.spec);
    const known = router.describeOriginal(rollout);
    await router.perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" }, rollout, signal);
    await router.perform({ kind: "routeTraffic", weight: 30, original: known }, rollout, signal);
    expect(router.readTraffic(rollout)).toMatchObject({ route: { kind: "Split", weight: 30 } });
    const original = router.describeOriginal(rollout);
    expect(original).toBe(known);
    await router.perform({ kind: "restoreRoute", original }, rollout, signal);
    await router.perform({ kind: "restoreSubsets", original }, rollout, signal);
    expect(store.get("virtualservices", "shop", "product")?.spec).toEqual(rest);
    expect(store.get("destinationrules", "shop", "product")?.spec).toEqual({ host: "product" });
  });

  test("a generated object that vanished is Absent", async () => {
    const { store, router, rollout } = generated();
    await router.perform({ kind: "createRoute" }, rollout, signal);
    const released = duringRelease(rollout, router.describeOriginal(rollout), "Split", 10);
    await router.perform({ kind: "removeRoute" }, released, signal);
    await router.perform({ kind: "removeSubsets" }, released, signal);
    expect(store.requests.slice(-2)).toEqual(["remove virtualservices/product", "remove destinationrules/product"]);
    expect(router.readTraffic(released)).toMatchObject({ route: { kind: "Absent" }, subsets: { kind: "Absent" } });
  });
});
