import { describe, expect, test } from "vitest";
import { withMeasurement } from "../../../../src/domain/evidence.ts";
import type { Observation } from "../../../../src/domain/observation.ts";
import { tuningFor } from "../../../../src/domain/outliers/tuning.ts";
import { aCanary, aReplicaSet, routesSplit } from "../../../support/observation.ts";
import {
  aPod,
  aReport,
  comparedWithStable,
  oneBadPod,
  tunedFor,
  untouched,
  withOutlierSpec,
} from "../../../support/pods.ts";

const whyNot = (observation: Observation) => {
  const tuning = tuningFor(observation, "canary");
  return tuning?.kind === "No" ? tuning.why : tuning;
};

describe("tuningFor", () => {
  test("computes settings for a few bad pods, and says what was found and what is expected", () => {
    const tuning = tuningFor(oneBadPod(), "canary");
    if (tuning?.kind !== "Tune") throw new Error(tuning?.why);
    const { settings } = tuning.computed;
    expect(settings).toEqual({ consecutive5xxErrors: 4, baseEjectionTime: "1h", maxEjectionPercent: 25 });
    expect(tuning.found.map(({ pod }) => pod)).toEqual(["product-a-1"]);
    expect(tuning.why).toBe(
      "product-a-1 failed 250 of 250 requests, the other 3 pods of canary 0 of 750 requests (limit 1%). " +
        "4 errors in a row eject a pod: a bad one is expected to go 200ms after a proxy has the setting (1 proxy calls), a good one of either version by chance 0.008 times a day",
    );
    expect(tuningFor(oneBadPod(), "stable")).toBeUndefined();
    const two = oneBadPod(
      {},
      { pods: aReport({ callers: { ...aReport().callers, canary: { rates: [50, 50, 0], errors: 250 } } }) },
    );
    expect(tuningFor(two, "canary")?.why).toContain("300ms after a proxy has the setting (2 proxies call)");
  });

  test("is nothing without counts of pods, a release that is judged, or with tuning Off", () => {
    expect(tuningFor(oneBadPod({}, { pods: undefined }), "canary")).toBeUndefined();
    expect(tuningFor(oneBadPod({}, { pods: { kind: "Unknown", message: "" } }), "canary")).toBeUndefined();
    expect(tuningFor(oneBadPod({ analysis: undefined }), "canary")).toBeUndefined();
    expect(tuningFor(withOutlierSpec({ tuning: "Off" }), "canary")).toBeUndefined();
    const lost = { problem: "RouteNotFound", message: "" } as const;
    expect(tuningFor(oneBadPod({}, { traffic: lost }), "canary")).toBeUndefined();
    const { rollout } = oneBadPod();
    expect(tuningFor(oneBadPod({}, { rollout: { ...rollout, spec: undefined } }), "canary")).toBeUndefined();
  });

  test("more pods than may be ejected are the version", () => {
    const bad = (count: number) =>
      aReport({ pods: [1, 2, 3, 4].map((at) => aPod("canary", `product-a-${at}`, 100, at <= count ? 100 : 0)) });
    const two = oneBadPod({}, { pods: bad(2) });
    expect(tuningFor(two, "canary")?.kind).toBe("No"); // Two of four: the others would be overloaded.
    expect(tuningFor(oneBadPod({}, { pods: bad(3) }), "canary")).toBeUndefined();
    const bounds = { ...two.rollout.spec!.outlierDetection.bounds, maxEjectionPercent: { max: 49 } };
    expect(tuningFor(withOutlierSpec({ bounds }, two), "canary")).toBeUndefined();
    // One pod may be ejected whatever the bound says.
    const least = { ...bounds, maxEjectionPercent: { max: 1 } };
    expect(tuningFor(withOutlierSpec({ bounds: least }), "canary")?.kind).toBe("Tune");
  });

  test("is not tried twice for a version in one release, and once for each", () => {
    expect(whyNot(tunedFor())).toBe("outlier detection was tuned for this version once in this release already");
    const stable = { version: "stable", pod: "product-1", requests: 9, errors: 9 } as const;
    expect(tuningFor(tunedFor({ found: [stable] }), "canary")?.kind).toBe("Tune");
  });

  test("is not tried where the DestinationRule would not do it", () => {
    const traffic = routesSplit(50);
    expect(whyNot(oneBadPod({}, { traffic }))).toBe("there is no DestinationRule to tune");
    const outliers = { ...untouched, obstacles: ["subset canary has its own", "another"] };
    expect(whyNot(oneBadPod({}, { traffic: { ...traffic, outliers } }))).toBe("subset canary has its own");
  });

  test("is not tried where the other pods would get more than half more than a pod got before", () => {
    // At 100 %, two pods of the canary carry what eight did.
    const { traffic } = oneBadPod().rollout.status.release!;
    const whole = oneBadPod({ traffic: { ...traffic!, weight: 100 } });
    expect(whyNot(whole)).toBe(
      "the 3 other pods of canary would get 2.7 times what a pod got before the release, and 1.5 times is the most",
    );
    // Stable's share of it is the rest.
    const pods = aReport({ pods: [aPod("stable", "bad", 25, 25), aPod("stable", "well", 25), aPod("canary", "a", 9)] });
    const stable = oneBadPod({ traffic: { ...traffic!, weight: 10 } }, { pods });
    expect(tuningFor(stable, "stable")?.kind).toBe("Tune");
  });

  test("counts the pods that are ready, where some of them had no requests", () => {
    const { workload } = oneBadPod();
    const replicaSets = [aReplicaSet(), aCanary({ ready: 8 })];
    const tuning = tuningFor(oneBadPod({}, { workload: { ...workload, replicaSets } as typeof workload }), "canary");
    expect(tuning).toMatchObject({ computed: { settings: { maxEjectionPercent: 13 } } });
  });

  test("says why settings would not help", () => {
    expect(
      whyNot(
        oneBadPod({}, { pods: aReport({ callers: { ...aReport().callers, canary: { rates: [0.1], errors: 250 } } }) }),
      ),
    ).toMatch(/^with 3 errors/);
  });

  test("is not tried where proxies would call ejected pods again, or the other version would be overloaded", () => {
    const where = "DestinationRule shop/product, spec.trafficPolicy.outlierDetection";
    const outliers = { ...untouched, policies: { stable: undefined, canary: { where, minHealthPercent: 80 } } };
    expect(whyNot(oneBadPod({}, { traffic: { ...routesSplit(50), outliers } }))).toMatch(
      /^DestinationRule shop\/product, .*: with 1 of 4 pods ejected fewer than minHealthPercent 80 % are left/,
    );
    // 25 % of two pods of stable are none, half of them would be one: it carries half of what eight pods carry.
    const { bounds } = oneBadPod().rollout.spec!.outlierDetection;
    const half = withOutlierSpec({ bounds: { ...bounds, maxEjectionPercent: { max: 50 } } });
    const two = aReport({
      pods: [
        aPod("canary", "bad", 25, 25),
        aPod("canary", "well", 75),
        aPod("stable", "a", 50),
        aPod("stable", "b", 50),
      ],
    });
    const replicaSets = [aReplicaSet({ ready: 2 }), aCanary({ ready: 2 })];
    const { workload } = half;
    const small = { ...half, pods: two, workload: { ...workload, replicas: 2, replicaSets } as typeof workload };
    expect(tuningFor(small, "canary")?.kind).toBe("Tune");
    const large = { ...small, workload: { ...workload, replicas: 4, replicaSets } as typeof workload };
    expect(whyNot(large)).toBe(
      "the 1 other pods of canary would get 2.0 times what a pod got before the release, and 1.5 times is the most",
    );
  });

  test("is not tried where a team's own settings would leave the other version without a pod", () => {
    const own = { where: "here", maxEjectionPercent: 100 };
    const outliers = { ...untouched, policies: { stable: undefined, canary: own } };
    const pods = aReport({ pods: aReport().pods.filter(({ pod }) => pod !== "product-2") });
    const { workload } = oneBadPod();
    const replicaSets = [aReplicaSet({ ready: 1 }), aCanary({ ready: 4 })];
    const one = oneBadPod(
      {},
      { pods, workload: { ...workload, replicaSets } as typeof workload, traffic: { ...routesSplit(50), outliers } },
    );
    expect(whyNot(one)).toBe("no pod of stable would be left");
  });

  test("counts what is called where no ReplicaSet is seen, and leaves a version without pods alone", () => {
    const { workload } = oneBadPod();
    const pods = aReport({ pods: aReport().pods.filter(({ version }) => version === "canary") });
    const none = oneBadPod({}, { pods, workload: { ...workload, replicaSets: [] } as typeof workload });
    expect(tuningFor(none, "canary")).toMatchObject({
      kind: "Tune",
      computed: { settings: { maxEjectionPercent: 25 } },
    });
    const problem = { problem: "WorkloadNotFound", message: "", canary: undefined } as const;
    expect(tuningFor(oneBadPod({}, { workload: problem }), "canary")).toBeUndefined();
  });

  test("computes with the share that a bad pod fails, and with the good pods of both versions", () => {
    const half = aReport({}, 12);
    const tuning = (observation: Observation) => {
      const found = tuningFor(observation, "canary");
      if (found?.kind !== "Tune") throw new Error(found?.why);
      return found.computed;
    };
    // With 12 of 25 the expectation of four in a row is 18 times that of a pod that fails everything.
    expect(tuning(oneBadPod({}, { pods: half })).ejectedAfter / tuning(oneBadPod()).ejectedAfter).toBeCloseTo(8.58, 1);
    // Stable's bad pod that was found before says nothing of its good ones.
    const failing = aReport({
      pods: [...aReport().pods.filter(({ pod }) => pod !== "product-2"), aPod("stable", "product-2", 50, 10)],
    });
    const known = { version: "stable", pod: "product-2", requests: 500, errors: 100 } as const;
    const aware = tunedFor({ found: [known] }, oneBadPod({}, { pods: failing }));
    expect(tuning(aware).falsePerDay).toBeLessThan(1);
    expect(tuning(oneBadPod({}, { pods: failing })).settings.consecutive5xxErrors).toBeGreaterThan(
      tuning(aware).settings.consecutive5xxErrors,
    );
  });

  test("keeps to a team's own settings where these are tighter", () => {
    const own = { where: "here", consecutive5xxErrors: 2, maxEjectionPercent: 30 };
    const outliers = { ...untouched, policies: { stable: own, canary: own } };
    const tuning = tuningFor(oneBadPod({}, { traffic: { ...routesSplit(50), outliers } }), "canary");
    expect(tuning).toMatchObject({ computed: { settings: { consecutive5xxErrors: 2, maxEjectionPercent: 30 } } });
  });

  test("where only stable is compared with, its share is the limit", () => {
    expect(tuningFor(withMeasurement(comparedWithStable()), "canary")?.kind).toBe("Tune");
  });

  test("names three pods and how many more there are", () => {
    const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    const pods = aReport({ pods: names.map((name, at) => aPod("canary", name, 25, at < 4 ? 25 : 0)) });
    const tuning = tuningFor(oneBadPod({}, { pods }), "canary");
    expect(tuning?.why).toMatch(
      /^a failed 250 of 250 requests, b failed .*, c failed 250 of 250 requests and 1 more, the/,
    );
  });
});
