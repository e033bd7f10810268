import { describe, expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Observation } from "../../../../src/domain/observation.ts";
import { outlierFlaws, untilEjected } from "../../../../src/domain/rules/outliers.ts";
import { conditionOf } from "../../../../src/domain/standing.ts";
import { counted, counts } from "../../../support/measurement.ts";
import {
  aCanary,
  aRelease,
  aReplicaSet,
  aWorkload,
  noon,
  routesAtRest,
  routesSplit,
} from "../../../support/observation.ts";
import { aPod, aReport, oneBadPod, tunedFor, tunedState, untouched } from "../../../support/pods.ts";

const stableBad = aReport({
  callers: { stable: { rates: [100], errors: 120 }, canary: { rates: [100], errors: 0 } },
  pods: [aPod("stable", "product-1", 12, 12), aPod("stable", "product-2", 88), aPod("canary", "product-a-1", 100)],
});
const fine = counted(counts(1_000), counts(1_000, 120), { scrapes: 8 });
const settings = { consecutive5xxErrors: 4, baseEjectionTime: "1h", maxEjectionPercent: 25 };

describe("tuneOutliers", () => {
  test("has proxies eject the canary's bad pod instead of rolling back, and judges the step anew", () => {
    const { rule, urgent, plan, status, transitions } = decide(oneBadPod());
    expect({ rule, urgent }).toEqual({ rule: "tuneOutliers", urgent: false });
    expect(plan).toEqual([{ kind: "tuneOutliers", settings, before: untouched.before }]);
    expect(status.outlierDetection).toMatchObject({
      found: [{ version: "canary", pod: "product-a-1", requests: 250, errors: 250 }],
      tuned: settings,
      since: new Date(noon).toISOString(),
      ejectedBy: new Date(noon + 2_320).toISOString(),
      written: "Asked",
      before: untouched.before,
    });
    expect(status.release?.stepStartedAt).toBe(new Date(noon + 2_320).toISOString());
    expect(status.release?.decision).toBeUndefined();
    expect(status.release?.analysis?.evidence?.errors?.limit).toBeUndefined();
    expect(status.release?.analysis?.release.canary).toMatchObject({ requests: 1_000, errors: 250 });
    expect(transitions).toMatchObject([{ reason: "OutlierDetectionTuned", key: "release-1 canary" }]);
    expect(transitions[0]?.note).toMatch(
      /^product-a-1 failed 250 of 250 requests, .*\. The step is held until .*; the release is rolled back if it stays over its limit\. What was there/,
    );
  });

  test("a bake begins again with the step's evidence", () => {
    const since = new Date(noon - 5_000).toISOString();
    expect(decide(oneBadPod({ bakingSince: since })).status.release?.bakingSince).toBeUndefined();
  });

  test("without it the same release is rolled back at once, and so is one of which all pods fail", () => {
    const off = oneBadPod();
    const spec = {
      ...off.rollout.spec!,
      outlierDetection: { ...off.rollout.spec!.outlierDetection, tuning: "Off" as const },
    };
    const { rule, status } = decide({ ...off, rollout: { ...off.rollout, spec } });
    expect(rule).toBe("goBack");
    expect(status.release).toMatchObject({ decision: "Rollback", reason: "ErrorRateTooHigh" });
    const all = aReport({ pods: [1, 2, 3, 4].map((at) => aPod("canary", `product-a-${at}`, 25, 6)) });
    const gone = decide(oneBadPod({}, { pods: all }));
    expect(gone).toMatchObject({ rule: "goBack", status: { release: { reason: "ErrorRateTooHigh" } } });
    expect(gone.status.release?.explanation).not.toContain("tuned");
  });

  test("a rollback says which pods failed and why they were not ejected", () => {
    const outliers = { ...untouched, obstacles: ["DestinationRule shop/product: portLevelSettings"] };
    const { rule, status } = decide(oneBadPod({}, { traffic: { ...routesSplit(50), outliers } }));
    expect(rule).toBe("goBack");
    expect(status.release?.explanation).toContain(
      "; the failed requests went to product-a-1 (250 of 250 requests); outlier detection was not tuned: DestinationRule shop/product: portLevelSettings",
    );
  });

  test("a canary that is slow as well is rolled back for that: ejection is for errors", () => {
    const slow = oneBadPod({}, { measurement: counted(counts(1_000, 0, 400), counts(1_000), { scrapes: 8 }) });
    const spec = {
      ...slow.rollout.spec!,
      analysis: { ...slow.rollout.spec!.analysis, latency: { quantile: 0.99, max: "500ms" } },
    };
    const { status } = decide({ ...slow, rollout: { ...slow.rollout, spec } });
    expect(status.release).toMatchObject({ decision: "Rollback", reason: "LatencyTooHigh" });
  });

  test("does not blame the canary for stable's bad pod, and judges on", () => {
    const { rule, plan, status, transitions } = decide(oneBadPod({}, { measurement: fine, pods: stableBad }));
    expect(rule).toBe("tuneOutliers");
    expect(plan).toMatchObject([{ kind: "tuneOutliers", settings: { maxEjectionPercent: 13 } }]);
    expect(status.outlierDetection?.ejectedBy).toBeUndefined();
    expect(status.release?.analysis?.step.canary.requests).toBe(1_000);
    expect(transitions[0]).toMatchObject({ key: "release-1 stable" });
    expect(transitions[0]?.note).toContain("The canary is not blamed for it.");
  });

  test("a second version keeps what was found in the first, and settings that fit both", () => {
    const earlier = tunedFor({}, oneBadPod({}, { measurement: fine, pods: stableBad }));
    const { status } = decide(earlier);
    expect(status.outlierDetection).toMatchObject({
      found: [{ pod: "product-a-1" }, { pod: "product-1" }],
      tuned: { consecutive5xxErrors: 5, maxEjectionPercent: 25 },
      ejectedBy: new Date(noon + 5_000).toISOString(),
      before: untouched.before,
    });
  });

  test("a write is made again until it was seen, however long that takes", () => {
    const quiet = oneBadPod({}, { measurement: counted(counts(100), counts(100)), pods: undefined });
    const since = new Date(noon - 600_000).toISOString();
    const { tuned } = tunedFor().rollout.status.outlierDetection!;
    const asked = tunedFor({ written: "Asked", since }, quiet);
    expect(decide(asked).plan).toEqual([{ kind: "tuneOutliers", settings: tuned, before: untouched.before }]);
    const traffic = { ...routesSplit(50), outliers: tunedState };
    const seen = decide({ ...asked, traffic });
    expect(seen.plan).toEqual([]);
    expect(seen.status.outlierDetection?.written).toBe("Seen");
    // What was tuned for the other version before is not what is asked for now.
    const other = { ...tunedState, written: { ...tunedState.written, maxEjectionPercent: 13 } };
    expect(decide({ ...asked, traffic: { ...traffic, outliers: other } }).plan).toHaveLength(1);
  });

  test("who changes it after that has the last word, and it is told once", () => {
    const quiet = oneBadPod({}, { measurement: counted(counts(100), counts(100)), pods: undefined });
    const traffic = { ...routesSplit(50), outliers: untouched, subsetsManager: "argocd-controller" };
    const { plan, status: after, transitions } = decide(tunedFor({}, { ...quiet, traffic }));
    expect(plan).toEqual([]);
    expect(after.outlierDetection?.written).toBe("Undone");
    expect(transitions).toMatchObject([{ reason: "OutlierDetectionUndone" }]);
    expect(transitions[0]?.note).toMatch(
      /^Outlier detection for product-a-1 was changed by argocd-controller\. The release is judged with what is there\./,
    );
    expect(decide(tunedFor({ written: "Undone" }, { ...quiet, traffic })).rule).not.toBe("tuneOutliers");
    const unnamed = { ...traffic, subsetsManager: undefined };
    expect(decide(tunedFor({}, { ...quiet, traffic: unnamed })).transitions[0]?.note).toContain("changed by somebody");
    const { rollout } = oneBadPod();
    const refused = {
      type: "Ready",
      status: "Unknown",
      reason: "TrafficConfigRejected",
      message: "DestinationRule shop/product: a policy says no.",
      observedGeneration: 7,
      lastTransitionTime: new Date(noon).toISOString(),
    } as const;
    const status = { ...rollout.status, conditions: [refused] };
    const forbidden = decide(tunedFor({ written: "Asked" }, { ...quiet, traffic, rollout: { ...rollout, status } }));
    expect(forbidden.plan).toEqual([]);
    expect(forbidden.transitions[0]?.note).toContain(
      "could not be written: DestinationRule shop/product: a policy says no.",
    );
    const bare = { ...unnamed, outliers: undefined };
    expect(decide(tunedFor({}, { ...quiet, traffic: bare })).transitions).toMatchObject([
      { reason: "OutlierDetectionUndone" },
    ]);
  });
});

describe("while pods are being ejected", () => {
  const seen = { ...routesSplit(50), outliers: tunedState };

  test("the step is held, and what still fails is not held against the canary", () => {
    const { rule, status } = decide(tunedFor({}, oneBadPod({}, { traffic: seen })));
    expect(rule).toBe("passStep");
    expect(status.message).toMatch(/^Waiting for proxies to eject product-a-1\. product-a-1 failed 250 of 250/);
    expect(status.release?.analysis).toMatchObject({
      step: { canary: { requests: 0 } },
      release: { canary: { requests: 1_000, errors: 250 } },
    });
    expect(untilEjected(oneBadPod())).toBeUndefined();
    expect(untilEjected({ ...tunedFor(), now: noon + 6_000 })).toBeUndefined();
  });

  test("other evidence goes on: a canary that gets slow is rolled back in time", () => {
    const latency = { quantile: 0.99, max: "500ms" };
    const slow = tunedFor(
      {},
      oneBadPod({}, { traffic: seen, measurement: counted(counts(1_000, 250, 400), counts(1_000), { scrapes: 8 }) }),
    );
    const spec = { ...slow.rollout.spec!, analysis: { ...slow.rollout.spec!.analysis, latency } };
    const { status } = decide({ ...slow, rollout: { ...slow.rollout, spec } });
    expect(status.release).toMatchObject({ decision: "Rollback", reason: "LatencyTooHigh" });
  });

  test("a pause that ends meanwhile does not let the release go on", () => {
    const paused = tunedFor(
      {},
      oneBadPod({ stepIndex: 2, pausedAt: new Date(noon - 60_000).toISOString() }, { traffic: seen }),
    );
    const spec = { ...paused.rollout.spec!, steps: [{ weight: 10 }, { weight: 50 }, { pause: { duration: "30s" } }] };
    const { status } = decide({ ...paused, rollout: { ...paused.rollout, spec } });
    expect(status.release?.stepIndex).toBe(2);
  });

  test("a canary whose other pods fail too is rolled back at once", () => {
    const pods = aReport({ pods: [aPod("canary", "product-a-1", 25, 25), aPod("canary", "product-a-2", 25, 9)] });
    const { rule, urgent, status } = decide(tunedFor({}, oneBadPod({}, { traffic: seen, pods })));
    expect({ rule, urgent }).toEqual({ rule: "goBack", urgent: true });
    expect(status.release).toMatchObject({ decision: "Rollback", reason: "ErrorRateTooHigh" });
    expect(status.release?.explanation).toMatch(/^90 of 250 requests to the canary's other pods failed as well/);
  });

  test("afterwards the aggregate is judged: rolled back where it stays over its limit, without a second try", () => {
    const late = tunedFor({ ejectedBy: new Date(noon - 60_000).toISOString() }, oneBadPod({}, { traffic: seen }));
    const { rule, status } = decide(late);
    expect(rule).toBe("goBack");
    expect(status.release?.explanation).toContain("was tuned for this version once in this release already");
  });
});

describe("the way back", () => {
  const ended = (changes: Partial<Observation>, release = {}): Observation => {
    const traffic = {
      ...aRelease().traffic!,
      weight: 0,
      route: "Rest",
      subsets: "Narrowed",
      routeChangedAt: new Date(noon - 60_000).toISOString(),
    } as const;
    const workload = aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet()] });
    return tunedFor(
      {},
      oneBadPod(
        { decision: "Rollback", reason: "Aborted", traffic, ...release },
        { workload, pods: undefined, measurement: undefined, ...changes },
      ),
    );
  };
  const tuned = { ...routesAtRest, outliers: tunedState };
  const restore = { kind: "restoreOutliers", before: untouched.before };

  test("of a rollback puts it back after the routes, tells it, and which pods to look at", () => {
    const { rule, plan, transitions, status } = decide(ended({ traffic: tuned }));
    expect(rule).toBe("finishRollback");
    expect(plan).toEqual([restore]);
    expect(status.release).toBeDefined();
    expect(transitions).toEqual([]);
  });

  test("goes on when it is seen to be back, and ends with nothing left of it", () => {
    const next = decide(ended({ traffic: { ...routesAtRest, outliers: untouched } }));
    expect(next.plan).toEqual([{ kind: "restoreSubsets", original: "{}" }]);
    const traffic = {
      ...aRelease().traffic!,
      weight: 0,
      route: "Rest",
      subsets: "Rest",
      routeChangedAt: new Date(noon - 60_000).toISOString(),
    } as const;
    const { status } = decide(ended({ traffic: { ...routesAtRest, outliers: untouched } }, { traffic }));
    expect(status.release).toBeUndefined();
    expect(status.outlierDetection).toBeUndefined();
    const told = (found: object) => {
      const { transitions } = decide(
        tunedFor(found, ended({ traffic: { ...routesAtRest, outliers: untouched } }, { traffic })),
      );
      return transitions.find(({ reason }) => reason === "OutlierDetectionRestored")?.note;
    };
    // The canary's pods are gone by now.
    expect(told({})).toBe(
      "Outlier detection is as it was before the release. What failed requests during it: product-a-1 (canary).",
    );
    const pod = { version: "stable", requests: 9, errors: 9 };
    expect(told({ found: [{ ...pod, pod: "product-1" }] })).toMatch(
      /have it replaced: kubectl delete pod -n shop product-1$/,
    );
    expect(told({ found: [{ ...pod, pod: "10.0.0.1:8080" }] })).toMatch(/10\.0\.0\.1:8080 \(stable\)\.$/);
  });

  test("of a rollback whose routes are gone goes with them from the first write to the last", () => {
    const traffic = { problem: "RouteNotFound", message: "gone" } as const;
    const { traffic: split } = oneBadPod().rollout.status.release!;
    const canary = aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), aCanary()] });
    const first = decide(ended({ traffic, workload: canary }, { traffic: { ...split!, weight: 0 } }));
    expect(first.plan).toContainEqual(restore);
    const { release } = first.status;
    expect(decide(ended({ traffic, workload: canary }, release)).plan).toEqual([restore]);
  });

  test("of a rollback that cannot see the routes goes with them", () => {
    const traffic = { problem: "RouteNotFound", message: "gone" } as const;
    const asked = {
      ...aRelease().traffic!,
      weight: 0,
      route: "Rest",
      routeChangedAt: new Date(noon).toISOString(),
    } as const;
    const { plan } = decide(ended({ traffic }, { traffic: asked }));
    expect(plan).toEqual([{ kind: "restoreRoute", original: "{}" }, restore]);
  });

  test("of a promotion that cannot see the routes goes with them", () => {
    const lost = { problem: "RouteNotFound", message: "gone" } as const;
    const adopted = aCanary({ controlledBy: "Deployment", replicas: 4, ready: 4, available: 4 });
    const replicaSets = [aReplicaSet({ replicas: 0, ready: 0, available: 0 }), adopted];
    const workload = aWorkload({ revision: "two", promotedRevision: "two", replicaSets });
    const asked = { ...aRelease().traffic!, weight: 100 };
    const adoption = { startedAt: new Date(noon - 60_000).toISOString(), maxSurge: '"25%"' };
    const first = decide(ended({ workload, traffic: lost }, { decision: "Promote", traffic: asked, adoption }));
    expect(first.plan).toEqual([{ kind: "restoreRoute", original: "{}" }, restore]);
    const later = decide(ended({ workload, traffic: lost }, first.status.release));
    expect(later.plan).toEqual([{ kind: "restoreRoute", original: "{}" }, restore]);
  });

  test("of a promotion puts it back between routes and subsets", () => {
    const adopted = aCanary({ controlledBy: "Deployment", replicas: 4, ready: 4, available: 4 });
    const workload = aWorkload({
      revision: "two",
      promotedRevision: "two",
      replicas: 4,
      replicaSets: [aReplicaSet({ replicas: 0, ready: 0, available: 0 }), adopted],
    });
    const asked = {
      ...aRelease().traffic!,
      weight: 100,
      route: "Rest",
      subsets: "Widened",
      routeChangedAt: new Date(noon - 60_000).toISOString(),
      subsetsChangedAt: new Date(noon - 60_000).toISOString(),
    } as const;
    const release = {
      decision: "Promote",
      traffic: asked,
      adoption: { startedAt: new Date(noon - 60_000).toISOString(), maxSurge: '"25%"' },
    } as const;
    const subsets = { kind: "Present", stable: undefined, canary: "two" } as const;
    const seenAt = { route: noon - 50_000, subsets: noon - 50_000, steady: noon - 50_000 };
    const { rule, plan, transitions } = decide(ended({ workload, traffic: { ...tuned, subsets }, seenAt }, release));
    expect(rule).toBe("finishPromotion");
    expect(plan).toEqual([restore]);
    expect(transitions).toEqual([]);
    const end = ended(
      { workload, traffic: { ...routesAtRest, outliers: untouched }, seenAt },
      { ...release, traffic: { ...asked, subsets: "Rest" } },
    );
    expect(decide(end).transitions).toMatchObject([
      { reason: "Promoted" },
      {
        reason: "OutlierDetectionRestored",
        note: expect.stringMatching(/kubectl delete pod -n shop product-a-1$/) as string,
      },
    ]);
  });
});

describe("before a release", () => {
  test("says whether pods are counted, where it could be seen, whenever it is looked", () => {
    const said = (pods: Observation["pods"]) =>
      conditionOf(decide(oneBadPod({}, { pods, measurement: undefined })).status, "PodsCounted");
    expect(said(aReport())).toMatchObject({ status: "True", reason: "PodsCounted" });
    expect(said({ kind: "Unknown", message: "no label pod." })).toMatchObject({
      status: "False",
      reason: "PodsNotCounted",
      message: "Outlier detection is not tuned: no label pod.",
    });
    expect(said({ kind: "Unavailable", message: "" })).toBeUndefined();
    expect(said(undefined)).toBeUndefined();
  });

  test("keeps the condition through the release, and drops it where tuning is Off", () => {
    const begun = decide({
      ...oneBadPod(
        { traffic: undefined, analysis: undefined },
        { pods: { kind: "Unknown", message: "no label pod." }, traffic: routesAtRest, measurement: undefined },
      ),
      original: "{}",
    });
    expect(begun.status.conditions).toContainEqual(
      expect.objectContaining({ type: "PodsCounted", status: "False", reason: "PodsNotCounted" }),
    );
    const on = oneBadPod({}, { pods: undefined });
    const kept = { ...on.rollout, status: { ...on.rollout.status, conditions: begun.status.conditions } };
    const types = (observation: Observation) => decide(observation).status.conditions?.map(({ type }) => type);
    expect(types({ ...on, rollout: kept })).toContain("PodsCounted");
    const spec = { ...kept.spec!, outlierDetection: { ...kept.spec!.outlierDetection, tuning: "Off" as const } };
    expect(types({ ...on, rollout: { ...kept, spec } })).not.toContain("PodsCounted");
  });

  test("tells settings that cannot work once, and nothing where there are none", () => {
    const policy = {
      where: "DestinationRule shop/product, spec.trafficPolicy.outlierDetection",
      maxEjectionPercent: 10,
    };
    const outliers = { ...untouched, policies: { stable: policy, canary: policy } };
    const begun = decide({
      ...oneBadPod({ traffic: undefined, analysis: undefined }, { traffic: { ...routesAtRest, outliers } }),
      original: "{}",
    });
    expect(begun.transitions).toMatchObject([{ reason: "OutlierDetectionIneffective", key: "release-1" }]);
    expect(begun.transitions[0]?.note).toMatch(
      /^Outlier detection will not work as it is set: DestinationRule shop\/product, .*: maxEjectionPercent 10 of 8 pods is less than one/,
    );
    const release = aRelease();
    const obstructed = { ...routesAtRest, outliers: { ...untouched, obstacles: ["subset canary has its own"] } };
    expect(outlierFlaws(oneBadPod({}, { traffic: obstructed }), release)[0]?.note).toBe(
      "Outlier detection will not work as it is set: it cannot be tuned: subset canary has its own.",
    );
    const { rollout } = oneBadPod();
    const off = { ...rollout.spec!, outlierDetection: { ...rollout.spec!.outlierDetection, tuning: "Off" as const } };
    const untuned = oneBadPod({}, { traffic: obstructed, rollout: { ...rollout, spec: off } });
    expect(outlierFlaws(untuned, release)).toEqual([]);
    expect(outlierFlaws(oneBadPod(), release)).toEqual([]);
    expect(outlierFlaws(oneBadPod({}, { traffic: routesAtRest }), release)).toEqual([]);
    const problem = { problem: "WorkloadNotFound", message: "", canary: undefined } as const;
    expect(outlierFlaws(oneBadPod({}, { workload: problem }), release)).toEqual([]);
    expect(outlierFlaws(oneBadPod({}, { traffic: problem }), release)).toEqual([]);
  });
});
