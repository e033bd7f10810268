import { expect, test } from "vitest";
import type { Observation } from "../../../../src/domain/observation.ts";
import { decide } from "../../../../src/domain/decide.ts";
import { mustGoBackUnmeasured } from "../../../../src/domain/rules/safety.ts";
import {
  aCanary,
  ago,
  aReplicaSet,
  aRollout,
  aWorkload,
  inRelease,
  routesSplit,
} from "../../../support/observation.ts";
import { counted, counts } from "../../../support/measurement.ts";

const withCanary = (changes: Parameters<typeof aCanary>[0]) =>
  aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), aCanary(changes)] });
const measured = (errors: number) => counted(counts(100, errors), counts(900), { scrapes: 5 });
const abandoned = counted(counts(0), counts(1_800), { scrapes: 4, gone: { stable: 0, canary: 200 } });
const leftToService = [{ kind: "widenStable" }, { kind: "restoreRoute" }];
const asked = (observation: Observation, requests: object): Observation => ({
  ...observation,
  rollout: { ...observation.rollout, requests },
});

test.each([
  ["somebody asked for it", asked(inRelease(), { abort: ago(1) }), "Aborted"],
  [
    "a newer template arrived",
    inRelease(
      {},
      { workload: aWorkload({ paused: true, revision: "three", replicaSets: [aReplicaSet(), aCanary()] }) },
    ),
    "Superseded",
  ],
  [
    "the stable template came back",
    inRelease({}, { workload: aWorkload({ paused: true, replicaSets: [aReplicaSet(), aCanary()] }) }),
    "Reverted",
  ],
  [
    "a canary pod crashed",
    inRelease({}, { workload: withCanary({ crashes: ["pod/app: OOMKilled"] }) }),
    "CanaryCrashed",
  ],
  [
    "no canary pod is ready at a weight",
    inRelease({}, { workload: withCanary({ ready: 0, available: 0 }) }),
    "CanaryUnavailable",
  ],
  ["somebody scaled the canary to zero", inRelease({}, { workload: withCanary({ replicas: 0 }) }), "CanaryUnavailable"],
  [
    "the canary did not get ready in time",
    inRelease(
      { canaryReadyAt: undefined, canaryCreatedAt: ago(601), stepStartedAt: undefined },
      { workload: withCanary({ available: 0 }) },
    ),
    "ProgressDeadlineExceeded",
  ],
  ["too many requests failed", inRelease({}, { measurement: measured(20) }), "ErrorRateTooHigh"],
  ["callers give up on the canary", inRelease({}, { measurement: abandoned }), "CanaryHangs"],
  [
    "the user's route is gone",
    inRelease({}, { traffic: { problem: "RouteNotFound", message: "VirtualService shop/shop is gone" } }),
    "TrafficConfigLost",
  ],
  [
    "somebody deleted the canary's ReplicaSet",
    inRelease({}, { workload: aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet()] }) }),
    "CanaryUnavailable",
  ],
  [
    "somebody switches the hold off",
    inRelease(
      {},
      {
        workload: aWorkload({
          holdOff: true,
          paused: true,
          revision: "two",
          replicaSets: [aReplicaSet(), aCanary()],
        }),
      },
    ),
    "HoldOff",
  ],
  [
    "the operator stopped between sending traffic back and saying so",
    inRelease({}, { traffic: routesSplit(0) }),
    "Interrupted",
  ],
  [
    "a promotion that waits for pods takes too long",
    inRelease(
      { decision: "Promote", decidedAt: ago(601), canaryCreatedAt: ago(602), canaryReadyAt: undefined },
      { traffic: routesSplit(100) },
    ),
    "ProgressDeadlineExceeded",
  ],
  [
    "somebody aborts a promotion that was not handed over",
    asked(inRelease({ decision: "Promote", decidedAt: ago(1) }), { abort: ago(1) }),
    "Aborted",
  ],
])("goBack when %s", (_why, observation, reason) => {
  const decision = decide(observation);
  expect(decision).toMatchObject({ rule: "goBack", urgent: true, plan: [{ kind: "routeTraffic", weight: 0 }] });
  expect(decision.status.release).toMatchObject({ decision: "Rollback", reason, traffic: { weight: 0 } });
  expect(decision.transitions.map(({ reason: told }) => told)).toContain("RollbackStarted");
});

test.each([
  ["ErrorRateTooHigh", measured(20), "20 % of 100 canary requests failed"],
  ["CanaryHangs", abandoned, "requests to the canary do not end: callers gave up on 200"],
])("a verdict is told with its evidence: %s", (reason, measurement, evidence) => {
  const { transitions } = decide(inRelease({}, { measurement }));
  const failed = transitions.find((transition) => transition.reason === "AnalysisFailed");
  expect(failed?.note).toContain(`${reason}: ${evidence}`);
});

test.each([
  [
    "an abort that was handled",
    {
      ...asked(inRelease(), { abort: "t" }),
      rollout: {
        ...inRelease().rollout,
        requests: { abort: "t" },
        status: { ...inRelease().rollout.status, handled: { abort: "t" } },
      },
    },
  ],
  [
    "a canary that cannot start yet",
    inRelease(
      { canaryReadyAt: undefined, canaryCreatedAt: ago(601), stepStartedAt: undefined },
      { workload: withCanary({ available: 0, cannotStart: "quota" }) },
    ),
  ],
  [
    "a canary whose pods are all available, however late",
    inRelease({ canaryReadyAt: undefined, canaryCreatedAt: ago(601) }, { workload: withCanary({}) }),
  ],
  ["metrics that are away", inRelease({}, { measurement: { kind: "Unavailable", message: "away" } })],
  ["few failed requests", inRelease({}, { measurement: measured(1) })],
  [
    "pods that are unready without weight",
    inRelease(
      { traffic: { ...inRelease().rollout.status.release!.traffic!, weight: 0 } },
      { workload: withCanary({ ready: 0 }), traffic: routesSplit(0) },
    ),
  ],
])("goBack does not answer for %s", (_why, observation) => {
  expect(decide(observation).rule).not.toBe("goBack");
});

test("mustGoBackUnmeasured() is true for what needs no metrics, so that nothing waits for them", () => {
  expect(mustGoBackUnmeasured(asked(inRelease(), { abort: ago(1) }))).toBe(true);
  expect(mustGoBackUnmeasured(inRelease())).toBe(false);
});

test("goBack makes generated objects again instead of giving the revision up", () => {
  const absent = { ...routesSplit(10), subsets: { kind: "Absent" } as const };
  expect(decide(inRelease({}, { traffic: absent }))).toMatchObject({
    rule: "prepareTraffic",
    plan: [{ kind: "createRoute" }],
  });
});

test("goBack has no say once the Deployment has the pods", () => {
  const adopted = aWorkload({
    paused: true,
    revision: "two",
    replicaSets: [aReplicaSet(), aCanary({ controlledBy: "Deployment", replicas: 4, ready: 4, available: 4 })],
  });
  const release = { decision: "Promote" as const, adoption: { startedAt: ago(1) } };
  expect(
    decide(asked(inRelease(release, { workload: adopted, traffic: routesSplit(100) }), { abort: ago(1) })).rule,
  ).toBe("finishPromotion");
});

test("goBack ends a release whose stable ReplicaSet was cleaned away while the Deployment had 0 replicas", () => {
  const empty = aCanary({ replicas: 0, pods: 0, ready: 0, available: 0 });
  const scaled = (changes: object) => aWorkload({ paused: true, revision: "two", replicas: 0, ...changes });
  const lost = decide(inRelease({}, { workload: scaled({ replicaSets: [empty] }) }));
  expect(lost.status.release).toMatchObject({ decision: "Rollback", reason: "StableLost" });
  const kept = scaled({ replicaSets: [aReplicaSet({ replicas: 0, pods: 0, ready: 0, available: 0 }), empty] });
  expect(decide(inRelease({}, { workload: kept })).rule).not.toBe("goBack");
});

test("rollBack() is done with what was asked before: it passes no step of the next release, and tries nothing again", () => {
  const decision = decide(asked(inRelease(), { abort: "a", promote: "b", retry: "c" }));
  expect(decision.status.handled).toMatchObject({ abort: "a", promote: "b", retry: "c" });
});

const newer = aWorkload({ paused: true, revision: "three", replicaSets: [aReplicaSet(), aCanary()] });
const finishing = (observation: Observation): Observation => {
  const { spec } = aRollout({ spec: { onNewRevision: "finish" } });
  return { ...observation, rollout: { ...observation.rollout, spec } };
};

test("goBack lets a release end where that is asked for, but not without its pods or against a git revert", () => {
  expect(decide(finishing(inRelease({}, { workload: newer }))).rule).not.toBe("goBack");
  const podless = { ...newer, replicaSets: [aReplicaSet()] };
  const before = { ...inRelease().rollout.status.release!.traffic!, weight: 0 };
  expect(
    decide(finishing(inRelease({ traffic: before }, { workload: podless, traffic: routesSplit(0) }))),
  ).toMatchObject({ rule: "goBack", status: { release: { reason: "Superseded" } } });
  const reverted = { ...newer, revision: "one" };
  expect(decide(finishing(inRelease({}, { workload: reverted })))).toMatchObject({
    rule: "goBack",
    status: { release: { reason: "Reverted" } },
  });
});

test.each([undefined, "Promote"] as const)(
  "goBack sends traffic to whatever runs, when the Deployment replaced the stable pods itself (decision %s)",
  (decision) => {
    const own = aReplicaSet({ name: "product-own", revision: "two", podTemplateHash: "own" });
    const gone = aReplicaSet({ replicas: 0, pods: 0, ready: 0, available: 0 });
    const workload = aWorkload({ revision: "two", replicaSets: [gone, own, aCanary()] });
    expect(decide(inRelease({ decision }, { workload }))).toMatchObject({
      rule: "goBack",
      urgent: true,
      plan: leftToService,
      status: { release: { reason: "RolledOutByItself" } },
    });
  },
);

test("goBack leaves the traffic to the Service where the hold is switched off and the Deployment rolls", () => {
  const workload = aWorkload({ holdOff: true, revision: "two", replicaSets: [aReplicaSet(), aCanary()] });
  expect(decide(inRelease({}, { workload }))).toMatchObject({
    rule: "goBack",
    urgent: true,
    plan: leftToService,
    status: { release: { reason: "HoldOff" } },
  });
});

test("a promotion that has all its pods is not late, whatever keeps the Deployment from taking them", () => {
  const full = withCanary({ replicas: 4, pods: 4, ready: 4, available: 4 });
  const blocked = inRelease(
    { decision: "Promote", decidedAt: ago(601) },
    { workload: full, traffic: routesSplit(100) },
  );
  expect(decide(blocked).rule).toBe("finishPromotion");
  const short = withCanary({ replicas: 4, pods: 4, ready: 3, available: 3 });
  const lost = decide({ ...blocked, workload: short });
  expect(lost).toMatchObject({ rule: "finishPromotion", status: { release: { canaryCreatedAt: ago(0) } } });
  expect(lost.status.release?.canaryReadyAt).toBeUndefined();
});

test("the deadline of a promotion begins with its decision, however old the canary is", () => {
  const waiting = { canaryCreatedAt: ago(3_600), canaryReadyAt: undefined, decision: "Promote" } as const;
  const ruleAt = (seconds: number) =>
    decide(inRelease({ ...waiting, decidedAt: ago(seconds) }, { traffic: routesSplit(100) })).rule;
  expect([ruleAt(599), ruleAt(601)]).toEqual(["finishPromotion", "goBack"]);
  const created = { ...waiting, decidedAt: ago(3_600), canaryCreatedAt: ago(599) };
  expect(decide(inRelease(created, { traffic: routesSplit(100) })).rule).toBe("finishPromotion");
});

test("routes at 0 say that a rollback was interrupted only where they are ours, had weight, and were written a while ago", () => {
  const { traffic } = inRelease().rollout.status.release!;
  const reasonOf = (asked: object, seen: object = {}) =>
    decide(inRelease({ traffic: { ...traffic!, ...asked } }, { traffic: { ...routesSplit(0), ...seen } })).status
      .release?.reason;
  expect(reasonOf({ routeChangedAt: ago(11) })).toBe("Interrupted");
  expect(reasonOf({ routeChangedAt: ago(9) })).toBeUndefined();
  expect(reasonOf({ routeChangedAt: ago(11), weight: 0 })).toBeUndefined();
  expect(reasonOf({ routeChangedAt: ago(11) }, { route: { ...routesSplit(0).route, weight: 5 } })).toBeUndefined();
});

test("nothing is late while the Deployment has 0 replicas, and the deadline begins when it has some again", () => {
  const none = { replicas: 0, pods: 0, ready: 0, available: 0 };
  const replicaSets = [aReplicaSet(none), aCanary(none)];
  const workload = aWorkload({ paused: true, revision: "two", replicas: 0, replicaSets });
  const release = { canaryReadyAt: undefined, canaryCreatedAt: ago(601), stepStartedAt: undefined, highestWeight: 0 };
  const { traffic } = inRelease().rollout.status.release!;
  const asleep = decide(
    inRelease({ ...release, traffic: { ...traffic!, weight: 0 } }, { workload, traffic: routesSplit(0) }),
  );
  expect(asleep).toMatchObject({ rule: "waitForCanary", status: { phase: "Held" } });
  expect(asleep.status.release?.canaryCreatedAt).toBe(ago(0));
});

test("goBack leaves a release of subsets that is to end first, though the next subset is not there yet", () => {
  const workload = { problem: "WorkloadNotFound", message: "no subset v3", canary: aCanary() } as const;
  const asked = (onNewRevision: "finish" | "restart") => {
    const seen = inRelease({}, { workload });
    const { spec } = aRollout({
      spec: {
        targetRef: undefined,
        subset: "v3",
        service: { name: "product" },
        traffic: { istio: { virtualService: { name: "product" }, destinationRule: { name: "product" } } },
        onNewRevision,
      },
    });
    return decide({ ...seen, rollout: { ...seen.rollout, spec } }).rule;
  };
  expect([asked("finish"), asked("restart")]).toEqual(["waitForCanary", "goBack"]);
});

test("goBack does not take a ReplicaSet for deleted when the Deployment cannot be told", () => {
  const workload = { problem: "WorkloadClaimed", message: "claimed by another", canary: undefined } as const;
  const claimed = inRelease({ decision: "Promote", decidedAt: ago(1) }, { workload, traffic: routesSplit(100) });
  expect(decide(claimed)).toMatchObject({ rule: "finishPromotion", plan: [] });
});

test("goBack from a Deployment that is being deleted leaves what is there to the Service", () => {
  const workload = { ...withCanary({}), deleting: true };
  const back = decide(inRelease({}, { workload }));
  expect(back).toMatchObject({ rule: "goBack", plan: leftToService, status: { release: { reason: "WorkloadLost" } } });
});

test("goBack without a Deployment gives the routes back: stable's pods go with it, the canary's stay for a while", () => {
  const workload = { problem: "WorkloadNotFound", message: "gone", canary: aCanary() } as const;
  expect(decide(inRelease({}, { workload }))).toMatchObject({
    rule: "goBack",
    urgent: true,
    plan: leftToService,
    status: { release: { reason: "WorkloadLost" } },
  });
});

const traffic = inRelease().rollout.status.release!.traffic!;

test.each([
  ["routes that cannot be read right after they were written", { problem: "RouteNotFound", message: "gone" } as const],
  ["routes at 0 that a write of ours may be about to change", routesSplit(0)],
])("goBack gives a cache the time to show %s", (_what, seen) => {
  const observation = (seconds: number) =>
    inRelease({ traffic: { ...traffic, routeChangedAt: ago(seconds) } }, { traffic: seen });
  expect(decide(observation(1)).status.release?.decision).toBeUndefined();
  expect(decide(observation(11)).status.release?.decision).toBe("Rollback");
});

test("goBack before anything was asked of the mesh has nothing to take back", () => {
  const begun = { traffic: undefined, analysis: undefined, highestWeight: 0, stepStartedAt: undefined };
  const decision = decide(asked(inRelease(begun), { abort: ago(1) }));
  expect(decision).toMatchObject({ rule: "goBack", plan: [], status: { weight: 0, release: { reason: "Aborted" } } });
  expect(decision.status.message).toContain("from weight 0: Aborted");
});

test("goBack before the routes were changed leaves them, and the time at which they were written", () => {
  const written = { ...traffic, route: "Rest" as const, weight: 0, routeChangedAt: ago(300) };
  const { plan, status } = decide(
    asked(inRelease({ traffic: written }, { traffic: { ...routesSplit(0), route: { kind: "Rest" } } }), {
      abort: ago(1),
    }),
  );
  expect(plan).toEqual([]);
  expect(status.release?.traffic).toEqual(written);
});

test.each([undefined, "Promote"] as const)(
  "a canary is too late also where its Deployment cannot be released any more (decision %s)",
  (decision) => {
    const canary = aCanary({ replicas: 4, available: 3 });
    const workload = { problem: "WorkloadNotSupported", message: "strategy Recreate", canary } as const;
    const late = { decision, canaryReadyAt: undefined, canaryCreatedAt: ago(601), decidedAt: ago(601) };
    const { release } = decide(inRelease(late, { workload })).status;
    expect(release).toMatchObject({
      decision: "Rollback",
      reason: "ProgressDeadlineExceeded",
      explanation: "3 of 4 canary pods were available after 10m (spec.progressDeadline).",
    });
  },
);
