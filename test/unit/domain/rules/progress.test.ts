import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Measurement, Observation } from "../../../../src/domain/observation.ts";
import type { Release } from "../../../../src/api/rollout-status.ts";
import {
  aCanary,
  ago,
  aReplicaSet,
  aRollout,
  aWorkload,
  inRelease,
  routesSplit,
} from "../../../support/observation.ts";
import { counted as countedOf, counts } from "../../../support/measurement.ts";

const counted = (requests: number, ofStable = 9 * requests): Measurement =>
  countedOf(counts(requests), counts(ofStable), { scrapes: 6 });
const away: Measurement = { kind: "Unavailable", message: "Prometheus does not answer." };

function at(
  release: Partial<Release>,
  changes: { spec?: object; requests?: object; measurement?: Measurement; status?: object } = {},
): Observation {
  const observation = inRelease(release, { measurement: changes.measurement });
  const { spec } = aRollout({ spec: changes.spec ?? {} });
  const status = { ...observation.rollout.status, ...changes.status };
  return { ...observation, rollout: { ...observation.rollout, spec, requests: changes.requests ?? {}, status } };
}

test("a step that is passed a second time, after stepping back, has an event of another name: one name is told once", () => {
  const passed = at({ stepStartedAt: ago(120) }, { requests: { promote: "now" } });
  const key = (observation: Observation) => decide(observation).transitions[0]?.key;
  expect(decide(passed).transitions[0]).toMatchObject({ reason: "StepPassed" });
  expect(key({ ...passed, now: passed.now + 60_000 })).not.toBe(key(passed));
});

test("passStep goes on when the step has lasted and shown enough", () => {
  const decision = decide(at({ stepStartedAt: ago(31) }, { measurement: counted(200) }));
  expect(decision).toMatchObject({
    rule: "passStep",
    transitions: [{ reason: "StepPassed" }],
    status: { release: { stepIndex: 1 } },
  });
});

test.each([
  ["has not lasted long enough", at({ stepStartedAt: ago(29) }, { measurement: counted(500) })],
  ["has shown too little", at({ stepStartedAt: ago(100) }, { measurement: counted(10) })],
])("passStep stays when the step %s", (_why, observation) => {
  expect(decide(observation)).toMatchObject({
    rule: "passStep",
    transitions: [],
    status: { release: { stepIndex: 0 } },
  });
});

test("passStep holds where there are too many series to read, and says so", () => {
  const measurement = { kind: "NoData", message: "900 series", isTooMuch: true } as const;
  const held = decide(at({ stepStartedAt: ago(100) }, { measurement }));
  expect(held).toMatchObject({
    transitions: [{ reason: "MetricsUnavailable" }],
    status: {
      conditions: expect.arrayContaining([
        expect.objectContaining({ type: "Ready", reason: "TooManySeries" }),
      ]) as unknown,
    },
  });
  const later = at({ stepStartedAt: ago(100) }, { measurement: counted(500), status: held.status });
  expect(decide(later)).toMatchObject({ rule: "noticeMetrics" });
});

test("passStep holds without metrics, tells it once, and tells when they are back", () => {
  const first = decide(at({ stepStartedAt: ago(100) }, { measurement: away }));
  expect(first).toMatchObject({
    transitions: [{ reason: "MetricsUnavailable" }],
    status: { release: { stepIndex: 0 } },
  });
  const later = at({ stepStartedAt: ago(100) }, { measurement: away, status: first.status });
  expect(decide(later).transitions).toEqual([]);
  expect(decide({ ...later, measurement: counted(500) })).toMatchObject({
    rule: "noticeMetrics",
    transitions: [{ reason: "MetricsAvailable" }],
  });
});

const long = { maxStepDuration: "30m", minStepDuration: "30s" };

test.each([
  ["widen", 25, 601, "StepPassedWithoutEvidence"],
  ["widen", 5, 601, undefined],
  ["widen", 5, 1_801, "StepPassedWithoutEvidence"],
  ["hold", 25, 1_801, "Held"],
  ["promote", 0, 1_801, "StepPassedWithoutEvidence"],
] as const)(
  "passStep with onInsufficientTraffic %s, %i requests after %i s: %s",
  (policy, requests, seconds, reason) => {
    const spec = { analysis: { ...long, onInsufficientTraffic: policy } };
    const decision = decide(at({ stepStartedAt: ago(seconds) }, { spec, measurement: counted(requests) }));
    expect(decision.transitions.map((transition) => transition.reason)).toEqual(reason === undefined ? [] : [reason]);
  },
);

/** Bets have come to so much against the canary being within its limit, and worse than stable. */
const evidence = (wealth: number) => {
  const cash = { cash: wealth, mean: [] };
  return { errors: { limit: cash, stable: cash } };
};
const analysis = (wealth: number) => ({ ...inRelease().rollout.status.release!.analysis!, evidence: evidence(wealth) });

test("passStep waits for more requests, however few are asked for, where something speaks against the canary", () => {
  const spec = { analysis: { ...long, onInsufficientTraffic: "widen" } };
  const step = (wealth: number) =>
    decide(at({ stepStartedAt: ago(601), analysis: analysis(wealth) }, { spec, measurement: counted(25) }));
  expect(step(30)).toMatchObject({ rule: "passStep", transitions: [], status: { phase: "Progressing" } });
  expect(step(1).transitions).toMatchObject([{ reason: "StepPassedWithoutEvidence" }]);
});

test.each([
  ["hold", ["Held"], { phase: "Held", release: { stepIndex: 0 } }],
  ["promote", ["StepPassedWithoutEvidence"], { release: { stepIndex: 1, withoutEvidence: true } }],
  ["rollback", ["RollbackStarted"], { release: { decision: "Rollback", reason: "Inconclusive" } }],
] as const)("passStep with enough requests and no verdict, onInconclusive %s: %j", (policy, reasons, status) => {
  const spec = { analysis: { ...long, onInconclusive: policy } };
  const after = (seconds: number) =>
    decide(at({ stepStartedAt: ago(seconds), analysis: analysis(2) }, { spec, measurement: counted(900) }));
  expect(after(1_799)).toMatchObject({ transitions: [], status: { phase: "Progressing", release: { stepIndex: 0 } } });
  const decision = after(1_800);
  expect(decision.transitions.map(({ reason }) => reason)).toEqual(reasons);
  expect(decision.status).toMatchObject(status);
  expect(decision.status.message).toContain("No verdict after 30m");
});

test("passStep at a step without traffic needs no requests", () => {
  const spec = { steps: [{ weight: 0 }, { weight: 100 }] };
  const none = { ...inRelease().rollout.status.release!.traffic!, weight: 0 };
  const quiet = { traffic: none, analysis: undefined, highestWeight: 0 };
  const begun = decide({ ...at({ ...quiet, stepStartedAt: undefined }, { spec }), traffic: routesSplit(0) });
  expect(begun).toMatchObject({ rule: "waitForTraffic", plan: [], transitions: [] });
  expect(begun.status.release).toMatchObject({ stepStartedAt: ago(0), stepIndex: 0 });
  const passed = decide({ ...at({ ...quiet, stepStartedAt: ago(1) }, { spec }), traffic: routesSplit(0) });
  expect(passed).toMatchObject({ rule: "passStep", transitions: [{ reason: "StepPassed" }] });
  expect(passed.status.message).toBe("Step 1 of 2 at weight 0 passed: The step asks for no traffic.");
});

const pausing = { steps: [{ weight: 10 }, { pause: {} }, { weight: 100 }] };
const timed = { steps: [{ weight: 10 }, { pause: { duration: "1m" } }, { weight: 100 }] };

test.each([
  ["begins", at({ stepIndex: 1 }, { spec: pausing }), ["Paused"], 1],
  ["begins with its length", at({ stepIndex: 1 }, { spec: timed }), ["Paused"], 1],
  ["waits for a person", at({ stepIndex: 1, pausedAt: ago(9_999) }, { spec: pausing }), [], 1],
  [
    "ends when a person promotes",
    at({ stepIndex: 1, pausedAt: ago(5) }, { spec: pausing, requests: { promote: "t" } }),
    ["StepPassed"],
    2,
  ],
  [
    "is not ended by a request that was handled",
    at(
      { stepIndex: 1, pausedAt: ago(5) },
      { spec: pausing, requests: { promote: "t" }, status: { handled: { promote: "t" } } },
    ),
    [],
    1,
  ],
  ["lasts as long as it says", at({ stepIndex: 1, pausedAt: ago(59) }, { spec: timed }), [], 1],
  ["ends by itself", at({ stepIndex: 1, pausedAt: ago(60) }, { spec: timed }), ["StepPassed"], 2],
])("a pause step %s", (_what, observation, reasons, stepIndex) => {
  const decision = decide(observation);
  expect(decision.transitions.map(({ reason }) => reason)).toEqual(reasons);
  expect(decision.status.release?.stepIndex).toBe(stepIndex);
});

test("passStep of the last step begins to bake", () => {
  const full = {
    traffic: { ...inRelease().rollout.status.release!.traffic!, weight: 100 },
    stepIndex: 2,
    stepStartedAt: ago(31),
  };
  const observation = at(full, { measurement: counted(300) });
  const workload = aWorkload({
    paused: true,
    revision: "two",
    replicaSets: [aReplicaSet(), aCanary({ replicas: 4, pods: 4, ready: 4, available: 4 })],
  });
  const decision = decide({ ...observation, workload, traffic: routesSplit(100) });
  expect(decision.transitions.map(({ reason }) => reason)).toEqual(["StepPassed", "Baking"]);
  expect(decision.status.release?.bakingSince).toBe(ago(0));
  const baking = (seconds: number, measurement: Measurement, requests = {}) =>
    decide({
      ...at({ ...full, bakingSince: ago(seconds) }, { measurement, requests }),
      workload,
      traffic: routesSplit(100),
    });
  expect(baking(60, counted(10)).status).toMatchObject({ phase: "Baking" });
  expect(baking(121, counted(300, 0))).toMatchObject({
    rule: "bake",
    transitions: [{ reason: "Adopting" }],
    status: { release: { decision: "Promote" } },
  });
  expect(baking(121, away).status.release?.decision).toBeUndefined();
  expect(baking(5, away, { promote: "t" }).status.release?.decision).toBe("Promote");
});

test("standStill keeps a paused or suspended release where it is, and says when it goes on", () => {
  const paused = decide(at({ stepStartedAt: ago(100) }, { measurement: counted(500), requests: { pause: "t" } }));
  expect(paused).toMatchObject({
    rule: "standStill",
    plan: [],
    transitions: [{ reason: "Paused" }],
    status: { handled: { pause: "t" } },
  });
  const still = at({ stepStartedAt: ago(100) }, { requests: { pause: "t" }, status: paused.status });
  expect(decide(still)).toMatchObject({ rule: "standStill", transitions: [] });
  const suspended = decide(at({ stepStartedAt: ago(100) }, { measurement: counted(500), spec: { suspend: true } }));
  expect(suspended).toMatchObject({ rule: "standStill", status: { phase: "Paused" } });
  const resumed = decide(at({}, { status: { handled: { pause: "t" } } }));
  expect(resumed).toMatchObject({ rule: "standStill", transitions: [{ reason: "Resumed" }] });
  expect(resumed.status.handled?.pause).toBeUndefined();
});

test("standStill keeps the weight, and what somebody else writes is put back meanwhile", () => {
  const observation = at({ stepIndex: 1 }, { requests: { pause: "t" } });
  expect(decide(observation)).toMatchObject({ rule: "standStill", plan: [] });
  const foreign = { ...routesSplit(60), foreignManager: "kubectl-edit" };
  expect(decide({ ...observation, traffic: foreign })).toMatchObject({ plan: [{ kind: "routeTraffic", weight: 10 }] });
});

test("a pause step says what ends it", () => {
  expect(decide(at({ stepIndex: 1 }, { spec: timed })).status.message).toBe("The release waits at weight 10 for 1m.");
  expect(decide(at({ stepIndex: 1 }, { spec: pausing })).status.message).toContain("serin promote");
});

test("a pause step goes on saying what ends it, whatever was said in between", () => {
  const status = { message: "flux changed the weights of the release; putting them back to 10 % for the canary." };
  const waiting = (spec: object) => decide(at({ stepIndex: 1, pausedAt: ago(20) }, { spec, status })).status.message;
  expect(waiting(pausing)).toBe("The release waits at weight 10 until somebody promotes it (serin promote).");
  expect(waiting(timed)).toBe("The release waits at weight 10 for 1m.");
});
