import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Measurement, Observation } from "../../../../src/domain/observation.ts";
import type { Release } from "../../../../src/api/rollout-status.ts";
import {
  aCanary,
  aReplicaSet,
  aRollout,
  aWorkload,
  inRelease,
  noon,
  routesSplit,
} from "../../../support/observation.ts";

const ago = (seconds: number) => new Date(noon - seconds * 1_000).toISOString();
const counted = (requests: number): Measurement => {
  const counts = { requests, errors: 0, slow: 0, slowOrClose: 0 };
  return {
    kind: "Counts",
    until: noon,
    stable: { ...counts, requests: requests * 9 },
    canary: counts,
    sinceShift: undefined,
  };
};
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

const pausing = { steps: [{ weight: 10 }, { pause: {} }, { weight: 100 }] };
const timed = { steps: [{ weight: 10 }, { pause: { duration: "1m" } }, { weight: 100 }] };

test.each([
  ["begins", at({ stepIndex: 1 }, { spec: pausing }), ["Paused"], 1],
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
  expect(baking(121, counted(10))).toMatchObject({
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
