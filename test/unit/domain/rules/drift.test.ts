import { expect, test } from "vitest";
import { canonicalJson } from "../../../../src/domain/canonical-json.ts";
import { decide } from "../../../../src/domain/decide.ts";
import {
  ago,
  aCanary,
  aReplicaSet,
  aRollout,
  aWorkload,
  anObservation,
  inRelease,
  noon,
  routesSplit,
} from "../../../support/observation.ts";

const traffic = (weight: number) => ({ ...inRelease().rollout.status.release!.traffic!, weight });

test("keepPaused pauses a Deployment again that somebody unpaused in mid-release", () => {
  const workload = aWorkload({ paused: false, revision: "two", replicaSets: [aReplicaSet(), aCanary()] });
  const decision = decide(inRelease({}, { workload }));
  expect(decision).toMatchObject({
    rule: "keepPaused",
    plan: [{ kind: "pauseWorkload", paused: true }],
    transitions: [{ reason: "HoldRestored" }],
  });
});

test.each([undefined, "Promote"] as const)(
  "keepCanary takes a canary back that nobody owns (decision %s)",
  (decision) => {
    const orphan = aCanary({ controlledBy: "Nobody" });
    const workload = aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), orphan] });
    expect(decide(inRelease({ decision }, { workload }))).toMatchObject({
      rule: "keepCanary",
      plan: [{ kind: "ownCanary", replicaSet: "product-a-two" }],
    });
    const handedOver = { startedAt: new Date(noon).toISOString(), maxSurge: '"25%"' };
    const rule = decision === undefined ? "keepCanary" : "finishPromotion";
    expect(decide(inRelease({ decision, adoption: handedOver }, { workload })).rule).toBe(rule);
  },
);

test.each([
  [[{ weight: 10 }, { weight: 50 }, { weight: 100 }], 50, 1],
  [[{ weight: 20 }, { weight: 100 }], 10, 0],
  [[{ weight: 5 }, { weight: 10 }, { weight: 60 }], 50, 1],
])("followSteps() with %j at weight %i goes on from index %i: nothing jumps ahead", (steps, weight, stepIndex) => {
  const before = canonicalJson([
    { weight: 10 },
    { weight: 20 },
    { weight: 30 },
    { weight: 40 },
    { weight: 50 },
    { weight: 100 },
  ]);
  const observation = inRelease(
    { steps: before, stepIndex: 4, traffic: traffic(weight) },
    { traffic: routesSplit(weight) },
  );
  const { spec } = aRollout({ spec: { steps } });
  const decision = decide({ ...observation, rollout: { ...observation.rollout, spec } });
  expect(decision).toMatchObject({ rule: "followSteps", plan: [], status: { release: { stepIndex } } });
});

test("followSteps() goes on from a pause only where it had begun: before it comes the verdict on its weight", () => {
  const before = canonicalJson([{ weight: 10 }, { pause: { duration: "1m" } }, { weight: 100 }]);
  const { spec } = aRollout({ spec: { steps: [{ weight: 10 }, { pause: { duration: "2m" } }, { weight: 100 }] } });
  const followed = (release: object) => {
    const observation = inRelease({ steps: before, traffic: traffic(10), ...release }, { traffic: routesSplit(10) });
    return decide({ ...observation, rollout: { ...observation.rollout, spec } }).status.release?.stepIndex;
  };
  expect(followed({ stepIndex: 0, stepStartedAt: ago(5) })).toBe(0);
  expect(followed({ stepIndex: 1, stepStartedAt: ago(50), pausedAt: ago(5) })).toBe(1);
});

test("followSteps leaves steps alone that did not change", () => {
  const { spec } = inRelease().rollout;
  expect(
    decide(inRelease({ steps: canonicalJson(spec!.steps), stepStartedAt: new Date(noon).toISOString() })).rule,
  ).not.toBe("followSteps");
});

const begun = aReplicaSet({
  name: "product-own",
  uid: "uid-own",
  revision: "two",
  podTemplateHash: "own",
  replicas: 2,
});
const rolling = (changes = {}) =>
  aWorkload({
    paused: true,
    revision: "two",
    replicaSets: [aReplicaSet({ replicas: 3, ready: 3, available: 3 }), aCanary(), begun],
    ...changes,
  });

test("keepStable takes back what the Deployment began to roll out by itself, in mid-release and at rest", () => {
  const expected = {
    rule: "keepStable",
    plan: [{ kind: "finishOld", replicaSet: "product-own", replicas: 2 }],
    transitions: [{ reason: "HoldRestored" }],
  };
  expect(decide(inRelease({}, { workload: rolling() }))).toMatchObject(expected);
  expect(decide(inRelease({ decision: "Promote" }, { workload: rolling() }))).toMatchObject(expected);
  expect(decide(anObservation({ workload: rolling() }))).toMatchObject(expected);
});

test.each([
  ["its controller has not seen the pause", inRelease({}, { workload: rolling({ observedGeneration: 2 }) })],
  ["somebody switched the hold off", anObservation({ workload: rolling({ holdOff: true }) })],
  ["the Rollout is suspended", anObservation({ workload: rolling(), rollout: aRollout({ spec: { suspend: true } }) })],
  [
    "no stable pod is available",
    inRelease({}, { workload: rolling({ replicaSets: [aReplicaSet({ available: 0 }), aCanary(), begun] }) }),
  ],
])("keepStable leaves it while %s", (_why, observation) => {
  expect(decide(observation).rule).not.toBe("keepStable");
});
