import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  outlierState,
  ownEntry,
  restoredPatch,
  tunedConfiguration,
} from "../../../../src/adapters/istio/outlier-detection.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import { destinationRuleOf } from "./samples.ts";

const names = { stable: "stable", canary: "canary" };
const settings = { consecutive5xxErrors: 4, baseEjectionTime: "30s", maxEjectionPercent: 25 };

/** A DestinationRule with a policy at its top, and subsets. */
function rule(trafficPolicy?: object, subsets: readonly object[] = []): KubernetesObject {
  const spec = { host: "product", ...(trafficPolicy && { trafficPolicy }), ...(subsets.length > 0 && { subsets }) };
  return destinationRuleOf("product", spec);
}

/** What the API server makes of an object and an applied configuration: records are merged, all else is replaced. */
function merged(current: unknown, applied: unknown): unknown {
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isRecord(current) || !isRecord(applied)) return applied;
  const fields = Object.entries(applied).map(([field, value]) => [field, merged(current[field], value)]);
  return { ...current, ...Object.fromEntries(fields) };
}

const tuned = (before: KubernetesObject): KubernetesObject => {
  const spec = merged(
    before.spec,
    (tunedConfiguration(before, settings, outlierState(before, names).before) as KubernetesObject).spec,
  );
  return { ...before, spec } as KubernetesObject;
};

/** The object after the patch. */
function patched(object: KubernetesObject, from: KubernetesObject): KubernetesObject {
  const change = restoredPatch(object, settings, outlierState(from, names).before).find(
    ({ path }) => path === "/spec/trafficPolicy",
  );
  if (change === undefined) return object;
  const { trafficPolicy: _, ...rest } = object.spec ?? {};
  return {
    ...object,
    spec: change.op === "remove" ? rest : { ...rest, trafficPolicy: change.op === "test" ? undefined : change.value },
  };
}

describe("tuning", () => {
  test("applies three fields, and keeps locality load balancing as it is where there was no outlier detection", () => {
    const bare = rule();
    expect(tunedConfiguration(bare, settings, outlierState(bare, names).before)).toEqual({
      apiVersion: bare.apiVersion,
      kind: bare.kind,
      metadata: { name: bare.metadata.name, namespace: bare.metadata.namespace },
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
    const applied = tunedConfiguration(before, settings, outlierState(before, names).before);
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
  ])("to %s", (_, policy) => {
    const before = rule(policy);
    expect(patched(tuned(before), before).spec).toEqual(before.spec);
  });

  test("is that of every policy", () => {
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
    fc.assert(
      fc.property(policy, (trafficPolicy) => {
        const before = rule(trafficPolicy);
        expect(patched(tuned(before), before).spec).toEqual(before.spec);
      }),
    );
  });

  test("leaves what somebody else has written since", () => {
    const before = rule({ outlierDetection: { consecutive5xxErrors: 7 } });
    const changed = { consecutive5xxErrors: 3, baseEjectionTime: "30s", maxEjectionPercent: 25, interval: "2s" };
    const spec = { ...tuned(before).spec, trafficPolicy: { outlierDetection: changed, tls: {} } };
    expect(patched({ ...before, spec }, before).spec?.["trafficPolicy"]).toEqual({
      outlierDetection: { consecutive5xxErrors: 3, interval: "2s" },
      tls: {},
    });
  });

  test("has nothing to do where the policy is gone, as it was, or nobody knows what was there", () => {
    const { before } = outlierState(rule(), names);
    expect(restoredPatch(rule(), settings, before)).toEqual([]);
    const whole = rule({ outlierDetection: { interval: "1s" } });
    expect(restoredPatch(whole, settings, outlierState(whole, names).before)).toEqual([]);
    const unknown = restoredPatch(rule({ outlierDetection: settings }), settings, "no JSON");
    expect(unknown.at(-1)).toEqual({ op: "remove", path: "/spec/trafficPolicy" });
  });

  test("is written only over the version that was read", () => {
    const before = rule();
    const [test] = restoredPatch(tuned(before), settings, outlierState(before, names).before);
    expect(test).toEqual({ op: "test", path: "/metadata/resourceVersion", value: before.metadata.resourceVersion });
  });
});

describe("what a DestinationRule says", () => {
  test("is tuned where the operator has applied something", () => {
    const by = (manager: string, operation: string) => ({
      ...rule(),
      metadata: { ...rule().metadata, managedFields: [{ manager, operation }] },
    });
    expect(outlierState(by("serin", "Apply"), names).isTuned).toBe(true);
    expect(outlierState(by("serin", "Update"), names).isTuned).toBe(false);
    expect(outlierState(by("git", "Apply"), names).isTuned).toBe(false);
    expect(ownEntry(rule())).toBeUndefined();
  });

  test("has the settings of the subset's own block where there is one", () => {
    const own = {
      name: "canary",
      trafficPolicy: {
        outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, minHealthPercent: 5 },
      },
    };
    const { policies } = outlierState(rule({ outlierDetection: { maxEjectionPercent: 30 } }, [own]), names);
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
    expect(outlierState(rule(), names).policies).toEqual({ stable: undefined, canary: undefined });
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
    const { obstacles } = outlierState(rule(policy, subsets), names);
    expect(obstacles).toHaveLength(1);
    expect(obstacles[0]).toMatch(expected);
  });

  test("other subsets, and a loadBalancer beside outlier detection, do not", () => {
    const others = [{ name: "v7", trafficPolicy: { outlierDetection: {} } }];
    expect(outlierState(rule(undefined, others), names).obstacles).toEqual([]);
    const balanced = [{ name: "canary", trafficPolicy: { loadBalancer: {} } }];
    expect(outlierState(rule({ outlierDetection: {} }, balanced), names).obstacles).toEqual([]);
  });
});
