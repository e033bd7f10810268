import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import { aRollout, aWorkload, anObservation, routesAtRest, stableRevision } from "../../../support/observation.ts";

const held = (changes = {}) => aWorkload({ paused: true, revision: "two", image: "product:v2", ...changes });

test("startRelease begins with the first step and names the canary after the free slot", () => {
  const decision = decide(anObservation({ workload: held() }));
  expect(decision).toMatchObject({ rule: "startRelease", plan: [], transitions: [{ reason: "ReleaseStarted" }] });
  expect(decision.status).toMatchObject({
    releases: 1,
    release: { number: 1, stepIndex: 0, highestWeight: 0 },
    canary: { revision: "two", replicaSet: "product-a-two", workload: "product-a", podTemplateHash: "two" },
  });
});

test("startRelease tells which weights the release will go by", () => {
  const rollout = aRollout({ spec: { steps: [{ weight: 10 }, { pause: {} }, { weight: 50 }] } });
  expect(decide(anObservation({ rollout, workload: held() })).transitions).toMatchObject([
    { note: "Release 1: product:v1 → product:v2 (revision two), by 10, 50, 100 % of the traffic." },
  ]);
});

test("startRelease takes slot b while a serves, so that the two differ in every metric", () => {
  const rollout = aRollout({ status: { stable: { ...stableRevision, workload: "product-a" }, releases: 4 } });
  expect(decide(anObservation({ rollout, workload: held() })).status).toMatchObject({
    releases: 5,
    canary: { workload: "product-b" },
  });
});

test("startRelease notes the commit that brought the template, and says it", () => {
  const { status, transitions } = decide(anObservation({ workload: held({ commit: "4f5e" }) }));
  expect(status.release).toMatchObject({ commit: "4f5e" });
  expect(transitions[0]?.note).toContain("(revision two, commit 4f5e)");
  expect(decide(anObservation({ workload: held() })).status.release).not.toHaveProperty("commit");
});

const rejected = [{ revision: "two", image: "product:v2", reason: "ErrorRateTooHigh", at: "then" }];

test("startRelease does not try a rejected revision again, until somebody asks", () => {
  expect(decide(anObservation({ rollout: aRollout({ status: { rejected } }), workload: held() })).rule).toBe("rest");
  const asked = aRollout({ status: { rejected }, requests: { retry: "t" } });
  expect(decide(anObservation({ rollout: asked, workload: held() }))).toMatchObject({
    rule: "startRelease",
    status: { handled: { retry: "t" } },
  });
  const handled = aRollout({ status: { rejected, handled: { retry: "t" } }, requests: { retry: "t" } });
  expect(decide(anObservation({ rollout: handled, workload: held() })).rule).toBe("rest");
});

test.each([
  ["the template is the stable one", anObservation({ workload: aWorkload({ paused: true }) })],
  ["the Deployment is being deleted", anObservation({ workload: held({ deleting: true }) })],
  ["the Rollout is suspended", anObservation({ rollout: aRollout({ spec: { suspend: true } }), workload: held() })],
])("startRelease does not answer when %s", (_why, observation) => {
  expect(decide(observation).rule).toBe("rest");
});

test("startRelease refuses while callers would meet canary pods by pod share, unless that is accepted", () => {
  const traffic = { ...routesAtRest, unsplit: ["VirtualService shop/front routes to product without a subset"] };
  const refused = decide(anObservation({ workload: held(), traffic }));
  expect(refused.status).toMatchObject({ phase: "Stalled" });
  expect(refused.status.release).toBeUndefined();
  expect(refused.status.message).toContain("VirtualService shop/front");
  const accepting = aRollout({ spec: { traffic: { istio: {}, unsplit: "accept" } } });
  expect(decide(anObservation({ rollout: accepting, workload: held(), traffic })).status.release).toBeDefined();
});

test("startRelease lets the template through when stable's ReplicaSet is gone: nothing else would ever run", () => {
  expect(decide(anObservation({ workload: held({ replicaSets: [] }) }))).toMatchObject({
    rule: "startRelease",
    plan: [{ kind: "pauseWorkload", paused: false }],
  });
});

test("startRelease with 0 replicas lets the template through: nothing runs that could be compared", () => {
  expect(decide(anObservation({ workload: held({ replicas: 0 }) }))).toMatchObject({
    plan: [{ kind: "pauseWorkload", paused: false }],
  });
});
