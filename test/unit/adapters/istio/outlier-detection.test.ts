import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  disownedPatch,
  outlierState,
  ownEntry,
  restoredPatch,
  tunedConfiguration,
} from "../../../../src/adapters/istio/outlier-detection.ts";
import { writeOutliers } from "../../../../src/adapters/istio/outlier-writes.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import { createObjectStore } from "./object-store.ts";
import { destinationRuleOf, serviceOf } from "./samples.ts";

const names = { stable: "stable", canary: "canary" };
const settings = { consecutive5xxErrors: 4, baseEjectionTime: "1h", maxEjectionPercent: 25 };

/** A DestinationRule with a policy at its top, and subsets. */
function rule(trafficPolicy?: object, subsets: readonly object[] = []): KubernetesObject {
  const spec = { host: "product", ...(trafficPolicy && { trafficPolicy }), ...(subsets.length > 0 && { subsets }) };
  return destinationRuleOf("product", spec);
}

const { signal } = new AbortController();
const target = {
  namespace: "shop",
  service: "product",
  virtualService: { name: "product", generated: false },
  destinationRule: { name: "product", generated: false },
};
const stateOf = (object: KubernetesObject, service?: KubernetesObject) => outlierState(object, names, service);

/** A store with the object, tuned and put back by the writes of a release. */
function opened(object: KubernetesObject) {
  const store = createObjectStore();
  store.put("destinationrules", object);
  const { before } = stateOf(object);
  const now = () => store.get("destinationrules", "shop", "product")!;
  return {
    now,
    change: (spec: object) => store.put("destinationrules", { ...now(), spec: { ...now().spec, ...spec } }),
    tune: () => writeOutliers(store, target, { kind: "tuneOutliers", settings, before }, signal),
    restore: () => writeOutliers(store, target, { kind: "restoreOutliers", before }, signal),
  };
}

describe("tuning", () => {
  test("applies three fields, and keeps locality load balancing as it is where there was no outlier detection", () => {
    const untold = rule();
    const bare = { ...untold, metadata: { ...untold.metadata, uid: "uid-1" } };
    const { name, namespace, uid, resourceVersion } = bare.metadata;
    expect(tunedConfiguration(bare, settings, stateOf(bare).before)).toEqual({
      apiVersion: bare.apiVersion,
      kind: bare.kind,
      // Whoever is late must not tune what was put back meanwhile, nor make anew what was deleted.
      metadata: { name, namespace, uid, resourceVersion },
      spec: {
        trafficPolicy: { outlierDetection: settings, loadBalancer: { localityLbSetting: { enabled: false } } },
      },
    });
  });

  test.each([
    ["with outlier detection, which has locality on already", { outlierDetection: {} }],
    [
      "with weights of localities",
      { loadBalancer: { localityLbSetting: { distribute: [{ from: "a/*", to: { "a/*": 100 } }] } } },
    ],
  ])("changes nothing else %s", (_, policy) => {
    const before = rule(policy);
    const applied = tunedConfiguration(before, settings, stateOf(before).before);
    expect(applied).toHaveProperty("spec", { trafficPolicy: { outlierDetection: settings } });
  });
});

describe("the way back", () => {
  test.each([
    ["no policy", undefined],
    ["an empty policy", {}],
    ["another policy", { connectionPool: { http: { http1MaxPendingRequests: 1 } } }],
    ["an empty block", { outlierDetection: {} }],
    ["settings of its own", { outlierDetection: { consecutive5xxErrors: 7, interval: "5s", maxEjectionPercent: 10 } }],
    ["a setting that is the same", { outlierDetection: { consecutive5xxErrors: 4 } }],
    ["a load balancer", { loadBalancer: { simple: "RANDOM" } }],
    ["locality switched on", { loadBalancer: { localityLbSetting: { enabled: true } } }],
    ["locality switched off", { loadBalancer: { localityLbSetting: { enabled: false } } }],
    ["empty blocks of a load balancer", { loadBalancer: { localityLbSetting: {} } }],
  ])("to %s", async (_, policy) => {
    const before = rule(policy);
    const { now, tune, restore } = opened(before);
    await tune();
    expect(stateOf(now())).toMatchObject({ isTuned: true, written: settings });
    await restore();
    expect(now().spec).toEqual(before.spec);
    expect(stateOf(now())).toMatchObject({ isTuned: false, written: {} });
  });

  test("is that of every policy", async () => {
    const field = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
    const record = (fields: Record<string, fc.Arbitrary<unknown>>) => fc.record(fields, { requiredKeys: [] });
    const policy = field(
      record({
        outlierDetection: record({
          consecutive5xxErrors: fc.integer({ min: 0, max: 10 }),
          baseEjectionTime: fc.constantFrom("30s", "10s"),
          maxEjectionPercent: fc.constantFrom(0, 25, 100),
          interval: fc.constant("1s"),
        }),
        loadBalancer: record({
          simple: fc.constant("RANDOM"),
          localityLbSetting: record({ enabled: fc.boolean(), failover: fc.constant([{ from: "a", to: "b" }]) }),
        }),
        tls: fc.constant({ mode: "ISTIO_MUTUAL" }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(policy, async (trafficPolicy) => {
        const before = rule(trafficPolicy);
        const { now, tune, restore } = opened(before);
        await tune();
        await restore();
        expect(now().spec).toEqual(before.spec);
      }),
    );
  });

  test("leaves what somebody else has written since", async () => {
    const { now, change, tune, restore } = opened(rule({ outlierDetection: { consecutive5xxErrors: 7 } }));
    await tune();
    change({ trafficPolicy: { outlierDetection: { ...settings, consecutive5xxErrors: 3, interval: "2s" }, tls: {} } });
    expect(stateOf(now()).written).toEqual({ baseEjectionTime: "1h", maxEjectionPercent: 25 });
    await restore();
    expect(now().spec?.["trafficPolicy"]).toEqual({
      outlierDetection: { consecutive5xxErrors: 3, interval: "2s" },
      tls: {},
    });
  });

  test("has nothing to do where nothing is there, it is as it was, or nobody knows what it was", async () => {
    await writeOutliers(createObjectStore(), target, { kind: "tuneOutliers", settings, before: "{}" }, signal);
    const { before } = stateOf(rule());
    expect(restoredPatch(rule(), before)).toEqual([]);
    const whole = rule({ outlierDetection: { interval: "1s" } });
    expect(restoredPatch(whole, stateOf(whole).before)).toEqual([]);
    const { now, tune } = opened(rule());
    await tune();
    expect(restoredPatch(now(), "no JSON").at(-1)).toEqual({ op: "remove", path: "/spec/trafficPolicy" });
  });

  test("is written only over the version that was read", async () => {
    const { now, tune } = opened(rule());
    await tune();
    const value = now().metadata.resourceVersion;
    expect(restoredPatch(now(), "{}")[0]).toEqual({ op: "test", path: "/metadata/resourceVersion", value });
  });

  test.each([
    ["whole, where it is all that the operator has", { "f:outlierDetection": {} }, {}, ["/f:spec"]],
    [
      "as a block beside others",
      { "f:outlierDetection": {}, "f:tls": {} },
      {},
      ["/f:spec/f:trafficPolicy/f:outlierDetection"],
    ],
    [
      "with its parent, where that has no other",
      { "f:outlierDetection": {} },
      { "f:subsets": {} },
      ["/f:spec/f:trafficPolicy"],
    ],
    ["not at all, where the operator has none of it", { "f:tls": {} }, {}, []],
  ])("gives up what putting back has made the operator's: %s", (_, owned, others, paths) => {
    const whole = rule({ outlierDetection: { interval: "1s" } });
    const fieldsV1 = { "f:spec": { "f:trafficPolicy": owned, ...others } };
    const managedFields = [
      { manager: "git", operation: "Apply", fieldsV1 },
      { manager: "serin", operation: "Update", fieldsV1 },
    ];
    const patch = disownedPatch({ ...whole, metadata: { ...whole.metadata, managedFields } }, stateOf(whole).before);
    const removed = patch.filter(({ op }) => op === "remove").map(({ path }) => path);
    expect(removed).toEqual(paths.map((path) => `/metadata/managedFields/1/fieldsV1${path}`));
  });
});

describe("what a DestinationRule says", () => {
  test("is tuned where the operator has applied something", () => {
    const by = (manager: string, operation: string) => ({
      ...rule(),
      metadata: { ...rule().metadata, managedFields: [{ manager, operation }] },
    });
    expect(stateOf(by("serin", "Apply")).isTuned).toBe(true);
    expect(stateOf(by("serin", "Update")).isTuned).toBe(false);
    expect(stateOf(by("git", "Apply")).isTuned).toBe(false);
    expect(ownEntry(rule())).toBeUndefined();
  });

  test("has the settings of the subset's own block where there is one", () => {
    const own = {
      name: "canary",
      trafficPolicy: {
        outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, minHealthPercent: 5 },
      },
    };
    const { policies } = stateOf(rule({ outlierDetection: { maxEjectionPercent: 30 } }, [own]));
    expect(policies.stable).toEqual({
      where: "DestinationRule shop/product, spec.trafficPolicy.outlierDetection",
      maxEjectionPercent: 30,
    });
    expect(policies.canary).toEqual({
      where: "DestinationRule shop/product, subset canary, trafficPolicy.outlierDetection",
      consecutive5xxErrors: 0,
      consecutiveGatewayErrors: 2,
      minHealthPercent: 5,
    });
    expect(stateOf(rule()).policies).toEqual({ stable: undefined, canary: undefined });
  });

  test.each([
    [
      "a subset's outlierDetection",
      undefined,
      [{ name: "stable", trafficPolicy: { outlierDetection: {} } }],
      /subset stable has outlierDetection of its own/,
    ],
    [
      "a subset's loadBalancer",
      undefined,
      [{ name: "canary", trafficPolicy: { loadBalancer: {} } }],
      /subset canary has a loadBalancer of its own, .*by locality$/,
    ],
    [
      "a subset's ports",
      undefined,
      [{ name: "canary", trafficPolicy: { portLevelSettings: [{}] } }],
      /subset canary has portLevelSettings of its own/,
    ],
    [
      "ports",
      { portLevelSettings: [{ port: { number: 8080 } }] },
      [],
      /: portLevelSettings take the place of its top level$/,
    ],
  ])("%s stand in the way of tuning the top level", (_, policy, subsets, expected) => {
    const { obstacles } = stateOf(rule(policy, subsets));
    expect(obstacles).toHaveLength(1);
    expect(obstacles[0]).toMatch(expected);
  });

  test.each([
    ["trafficDistribution", serviceOf(undefined, { trafficDistribution: "PreferClose" })],
    [
      "annotation",
      {
        ...serviceOf(),
        metadata: {
          name: "product",
          namespace: "shop",
          annotations: { "networking.istio.io/traffic-distribution": "PreferClose" },
        },
      },
    ],
  ])("a Service's %s stands in the way where locality would have to be switched off", (_, service) => {
    const expected = ["Service shop/product has a trafficDistribution, which tuning would switch off"];
    expect(stateOf(rule(), service).obstacles).toEqual(expected);
    expect(stateOf(rule({ outlierDetection: {} }), service).obstacles).toEqual([]);
    expect(stateOf(rule(), serviceOf()).obstacles).toEqual([]);
  });

  test("a list of codes stands in the way: not every error counts then", () => {
    const listed = rule({ outlierDetection: { outlierDetectionHttpErrorCodes: ["503"] } });
    expect(stateOf(listed).obstacles).toEqual([
      "DestinationRule shop/product: outlierDetectionHttpErrorCodes leave errors out",
    ]);
  });

  test("other subsets, and a loadBalancer beside outlier detection, do not", () => {
    const others = [{ name: "v7", trafficPolicy: { outlierDetection: {} } }];
    expect(stateOf(rule(undefined, others)).obstacles).toEqual([]);
    const balanced = [{ name: "canary", trafficPolicy: { loadBalancer: {} } }];
    expect(stateOf(rule({ outlierDetection: {} }, balanced)).obstacles).toEqual([]);
  });
});
