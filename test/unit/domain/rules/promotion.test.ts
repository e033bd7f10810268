import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Observation, ReplicaSet, TrafficState, Workload } from "../../../../src/domain/observation.ts";
import type { Release } from "../../../../src/api/rollout-status.ts";
import {
  aCanary,
  ago,
  aReplicaSet,
  aWorkload,
  inRelease,
  leftToService,
  routesAtRest,
  routesSplit,
} from "../../../support/observation.ts";

const full = { replicas: 4, pods: 4, ready: 4, available: 4 };
const gone = { replicas: 0, pods: 0, ready: 0, available: 0 };
const split = { ...inRelease().rollout.status.release!.traffic!, weight: 100 };
const adoption = { startedAt: ago(2), maxSurge: '"25%"' };

function at(
  canary: Partial<ReplicaSet>,
  parts: {
    release?: Partial<Release>;
    workload?: Partial<Workload>;
    old?: Partial<ReplicaSet>;
    observation?: Partial<Observation>;
  } = {},
): Observation {
  const workload = aWorkload({
    paused: true,
    revision: "two",
    image: "product:v2",
    replicaSets: [aReplicaSet(parts.old), aCanary({ ...full, ...canary })],
    ...parts.workload,
  });
  return inRelease(
    { decision: "Promote", traffic: split, ...parts.release },
    { workload, traffic: routesSplit(100), ...parts.observation },
  );
}

const widened = { ...routesSplit(100), subsets: { kind: "Present", stable: undefined, canary: "two" } } as const;
const open = { maxSurge: '"100%"' };
const adopted = { controlledBy: "Deployment" as const };
const done = { paused: false, promotedRevision: "two", maxSurge: '"25%"' };

test.each([
  ["follows the Deployment's size", at({ replicas: 3 }), [{ kind: "scaleCanary", replicas: 4 }]],
  [
    "follows the Deployment down",
    at({ replicas: 5, available: 5, ready: 5 }),
    [{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 4 }],
  ],
  ["waits for all pods", at({ available: 3 }), []],
  ["notes that all pods are there", at({}, { release: { canaryReadyAt: undefined } }), []],
  ["records maxSurge before it is changed", at({}), []],
  ["opens the surge", at({}, { release: { adoption } }), [{ kind: "openSurge", was: '"25%"' }]],
  [
    "waits until the controller has seen it",
    at({}, { release: { adoption }, workload: { ...open, observedGeneration: 2 } }),
    [],
  ],
  [
    "hands over",
    at({}, { release: { adoption }, workload: open }),
    [{ kind: "handOver", replicaSet: "product-a-two", replicas: 4, revision: "two", evenIfNewer: false }],
  ],
  [
    "needs no surge with Recreate-like strategies",
    at({}, { release: { adoption: { startedAt: ago(2) } }, workload: { maxSurge: undefined } }),
    [{ kind: "handOver" }],
  ],
  ["waits for the adoption", at({ controlledBy: "Nobody" }, { release: { adoption }, workload: open }), []],
  ["waits for the old pods", at(adopted, { release: { adoption }, workload: open }), []],
  [
    "finishes the old ones when the controller does not",
    at(adopted, { release: { adoption: { ...adoption, startedAt: ago(9) } }, workload: open }),
    [{ kind: "finishOld", replicaSet: "product-one", replicas: 4 }],
  ],
  [
    "waits for old pods that are ending",
    at(adopted, {
      release: { adoption: { ...adoption, startedAt: ago(9) } },
      workload: open,
      old: { ...gone, pods: 1, ready: 1 },
    }),
    [],
  ],
  [
    "ends the hold when they are gone",
    at(adopted, { release: { adoption }, workload: open, old: gone }),
    [{ kind: "completeAdoption", maxSurge: '"25%"', revision: "two", keepPaused: false }],
  ],
  [
    "keeps a newer template held",
    at(adopted, { release: { adoption }, workload: { ...open, revision: "three" }, old: gone }),
    [{ kind: "completeAdoption", keepPaused: true }],
  ],
  [
    "widens subset stable first",
    at(adopted, { release: { adoption }, workload: done, old: gone }),
    [{ kind: "widenStable", canary: "two" }],
  ],
  [
    "waits before the routes",
    at(adopted, {
      release: { adoption, traffic: { ...split, subsets: "Widened", subsetsChangedAt: ago(1) } },
      workload: done,
      old: gone,
      observation: { traffic: widened },
    }),
    [],
  ],
  [
    "then the routes",
    at(adopted, {
      release: { adoption, traffic: { ...split, subsets: "Widened" } },
      workload: done,
      old: gone,
      observation: { traffic: widened },
    }),
    [{ kind: "restoreRoute" }],
  ],
  [
    "widens again what was lost, and waits again",
    at(adopted, { release: { adoption, traffic: { ...split, subsets: "Widened" } }, workload: done, old: gone }),
    [{ kind: "widenStable" }],
  ],
  [
    "corrects the weight before the old pods may go",
    at({}, { release: { adoption }, workload: open, observation: { traffic: routesSplit(40) } }),
    [{ kind: "routeTraffic", weight: 100 }],
  ],
  [
    "hands over again when nobody adopts",
    at({ controlledBy: "Nobody" }, { release: { adoption: { ...adoption, startedAt: ago(31) } }, workload: open }),
    [{ kind: "handOver" }],
  ],
  [
    "leaves a maxSurge that somebody set meanwhile",
    at(adopted, { release: { adoption }, workload: { ...done, maxSurge: '"50%"' }, old: gone }),
    [{ kind: "widenStable" }],
  ],
  [
    "gives back what it can when routes cannot be read",
    at(adopted, {
      release: { adoption },
      workload: done,
      old: gone,
      observation: { traffic: { problem: "RouteNotFound", message: "gone" } },
    }),
    [{ kind: "restoreRoute" }],
  ],
  [
    "waits before the subsets",
    at(adopted, {
      release: { adoption, traffic: { ...split, subsets: "Widened", route: "Rest", routeChangedAt: ago(1) } },
      workload: done,
      old: gone,
      observation: { traffic: { ...routesSplit(100), route: { kind: "Rest" } } },
    }),
    [],
  ],
  [
    "then the subsets",
    at(adopted, {
      release: { adoption, traffic: { ...split, subsets: "Widened", route: "Rest" } },
      workload: done,
      old: gone,
      observation: { traffic: { ...routesSplit(100), route: { kind: "Rest" } } },
    }),
    [{ kind: "restoreSubsets" }],
  ],
])("finishPromotion %s", (_stage, observation, plan) => {
  const decision = decide(observation);
  expect(decision.rule).toBe("finishPromotion");
  expect(decision.plan).toMatchObject(plan);
  expect(decision.plan).toHaveLength(plan.length);
});

test("finishPromotion goes back when a newer template arrives before the hand-over", () => {
  const decision = decide(at({}, { workload: { revision: "three", image: "product:v3" } }));
  expect(decision).toMatchObject({ urgent: true, plan: [{ kind: "routeTraffic", weight: 0 }] });
  expect(decision.status.release).toMatchObject({ decision: "Rollback", reason: "Superseded" });
});

test.each([
  [undefined, "Promoted"],
  [true, "PromotedWithoutEvidence"],
])("finishPromotion ends with the canary as stable (without evidence: %s)", (withoutEvidence, reason) => {
  const release = {
    adoption,
    withoutEvidence,
    traffic: { ...split, subsets: "Rest" as const, route: "Rest" as const },
  };
  const decision = decide(at(adopted, { release, workload: done, old: gone, observation: { traffic: routesAtRest } }));
  expect(decision.transitions).toMatchObject([{ reason }]);
  expect(decision.status).toMatchObject({
    phase: "Ready",
    stable: { revision: "two", workload: "product-a" },
    history: [{ outcome: "Promoted" }],
  });
  expect([decision.status.release, decision.status.canary]).toEqual([undefined, undefined]);
});

test.each([
  [at({}, { release: { adoption }, workload: open }), "handOver"],
  [at(adopted, { release: { adoption }, workload: open, old: gone }), "completeAdoption"],
])("finishPromotion goes on although the spec cannot be understood any more: %#", (observation, kind) => {
  const rollout = { ...observation.rollout, spec: undefined, problems: ["spec.steps: not a list"] };
  const decision = decide({ ...observation, rollout });
  expect(decision).toMatchObject({ rule: "finishPromotion", plan: [{ kind }] });
});

test("finishPromotion lets a newer template wait although the spec cannot be understood any more", () => {
  const newer = at({}, { release: { adoption }, workload: { ...open, revision: "three", image: "product:v3" } });
  const rollout = { ...newer.rollout, spec: undefined, problems: ["spec.steps: not a list"] };
  expect(decide({ ...newer, rollout })).toMatchObject({ plan: [{ kind: "handOver", evenIfNewer: true }] });
  const short = at({ available: 3, cannotStart: "exceeded quota" }, { release: { adoption } });
  const told = decide({
    ...short,
    rollout: { ...short.rollout, spec: undefined, problems: ["spec.steps: not a list"] },
  });
  expect(told.status.message).toContain("exceeded quota; spec.steps: not a list");
});

test("finishPromotion records another maxSurge that git wrote, and puts that one back", () => {
  const decision = decide(at({}, { release: { adoption }, workload: { maxSurge: '"60%"' } }));
  expect(decision.plan).toEqual([]);
  expect(decision.status.release?.adoption).toEqual({ ...adoption, maxSurge: '"60%"' });
});

test.each([
  ["shrunk with the old one", { ...adopted, replicas: 3, available: 3, ready: 3 }, {}],
  ["adopted while a newer template is held", adopted, { revision: "three" }],
])("finishPromotion helps at once with a canary that was %s", (_what, canary, workload) => {
  const decision = decide(at(canary, { release: { adoption }, workload }));
  expect(decision.plan).toMatchObject([{ kind: "finishOld", replicaSet: "product-one", replicas: 4 }]);
});

const rolling = { ...done, revision: "three", image: "product:v3", labelled: false };

test.each([
  ["none of the adopted pods is ready", { ...adopted, ready: 0, available: 0 }, {}],
  ["the template is stable's again", adopted, { revision: "one" }],
  ["the template is stable's again before the adoption", { controlledBy: "Nobody" as const }, { revision: "one" }],
])("finishPromotion leaves the traffic to the Service when %s, and keeps the old pods", (_when, canary, changes) => {
  const late = { startedAt: ago(60), maxSurge: '"25%"' };
  const left = decide(at(canary, { release: { adoption: late }, workload: { ...open, ...changes } }));
  expect(left).toMatchObject({ rule: "finishPromotion", plan: [{ kind: "widenStable" }, { kind: "restoreRoute" }] });
  const { release } = left.status;
  expect(release?.traffic).toMatchObject({ route: "Rest", subsets: "Narrowed", routeChangedAt: ago(0) });
  const then = decide(
    at(canary, {
      release: { ...release, decision: "Promote", adoption: late },
      workload: { ...open, ...changes },
      observation: { traffic: leftToService },
    }),
  );
  expect(then.plan.filter(({ kind }) => kind !== "handOver")).toEqual([]);
  if (canary.controlledBy === "Deployment") {
    const isWhy = (then.status.message ?? "").includes("None of its 4 pods is available");
    expect(isWhy).toBe("available" in canary);
  }
});

test("finishPromotion writes again what was lost while the traffic was left to the Service", () => {
  const asked = { ...split, route: "Rest" as const };
  const unready = { ...adopted, ready: 0, available: 0 };
  const lost = decide(at(unready, { release: { adoption, traffic: asked }, workload: open }));
  expect(lost.plan).toMatchObject([{ kind: "widenStable" }, { kind: "restoreRoute" }]);
  const given = { ...asked, subsets: "Rest" as const };
  const replaced = { ...open, replicaSets: [aReplicaSet(gone)] };
  const blind = decide(at(adopted, { release: { adoption, traffic: given }, workload: { ...done, ...replaced } }));
  expect(blind.plan).toMatchObject([{ kind: "restoreRoute" }]);
});

test("a promotion ends when its Deployment is deleted before anybody has adopted the pods", () => {
  const canary = aCanary({ ...full, controlledBy: "Nobody" });
  const workload = { problem: "WorkloadNotFound", message: "Deployment product is gone", canary } as const;
  const lost = decide(at({}, { release: { adoption }, observation: { workload } }));
  expect(lost.status.release).toMatchObject({ decision: "Rollback", reason: "WorkloadLost" });
});

test("an empty ReplicaSet of the canary's template does not count as adopted", () => {
  const twin = aCanary({ ...gone, ...adopted, name: "product-two" });
  const workload = { replicaSets: [aReplicaSet(), twin] };
  const lost = decide(at({}, { release: { adoption }, workload }));
  expect(lost.status.release).toMatchObject({ decision: "Rollback", reason: "CanaryUnavailable" });
});

test("a promotion whose pods cannot start is held, and their time begins when they can", () => {
  const short = { available: 3, ready: 3, cannotStart: "exceeded quota: room" };
  const decided = { decidedAt: ago(700), canaryReadyAt: ago(900) };
  const held = decide(at(short, { release: decided }));
  expect(held).toMatchObject({ rule: "finishPromotion", status: { phase: "Held" } });
  expect(held.status.message).toContain("exceeded quota: room");
  const { release } = held.status;
  const freed = decide(
    at({ ...short, cannotStart: undefined }, { release: { ...release, ...{ decision: "Promote" } } }),
  );
  expect(freed).toMatchObject({ rule: "finishPromotion", status: { phase: "Promoting" } });
});

test("finishPromotion pauses a newer template that rolls out while the routes name the canary", () => {
  const decision = decide(at(adopted, { release: { adoption }, workload: rolling, old: gone }));
  expect(decision.plan).toEqual([{ kind: "holdWorkload" }, { kind: "pauseWorkload", paused: true }]);
  expect(decision.transitions).toMatchObject([{ reason: "HoldRestored" }]);
});

test("finishPromotion ends what a newer template has begun to roll out, once it is held", () => {
  const newer = aReplicaSet({ name: "product-three", revision: "three", podTemplateHash: "three", replicas: 1 });
  const replicaSets = [aReplicaSet(gone), aCanary({ ...full, ...adopted, replicas: 3 }), newer];
  const held = decide(at(adopted, { release: { adoption }, workload: { ...rolling, paused: true, replicaSets } }));
  expect(held.plan).toMatchObject([{ kind: "finishOld", replicaSet: "product-three", replicas: 1 }]);
});

test("finishPromotion gives the routes back where the hold is switched off and a newer template rolls out", () => {
  const decision = decide(at(adopted, { release: { adoption }, workload: { ...rolling, holdOff: true } }));
  expect(decision.plan).toMatchObject([{ kind: "widenStable" }, { kind: "restoreRoute" }]);
  const { release } = decision.status;
  const again = (traffic: TrafficState) =>
    decide(
      at(adopted, {
        release: { ...release, decision: "Promote", adoption },
        workload: { ...rolling, holdOff: true },
        observation: { traffic },
      }),
    );
  // A write that was not seen is made again; then the release goes on to its end.
  expect(again({ ...routesSplit(100), route: { kind: "Rest" } }).plan).toMatchObject([{ kind: "widenStable" }]);
  expect(again(leftToService)).toMatchObject({ rule: "finishPromotion", plan: [] });
});

test("finishPromotion gives the routes back when a newer template has rolled out to the end, and ends", () => {
  const newer = aReplicaSet({ name: "product-three", revision: "three", podTemplateHash: "three" });
  const workload = {
    ...rolling,
    paused: true,
    replicaSets: [aReplicaSet(gone), aCanary({ ...gone, ...adopted }), newer],
  };
  const replaced = decide(at(adopted, { release: { adoption }, workload }));
  expect(replaced.plan).toMatchObject([{ kind: "restoreRoute" }]);
  const traffic = { ...split, subsets: "Rest" as const, route: "Rest" as const };
  const ended = decide(
    at(adopted, { release: { adoption, traffic }, workload, observation: { traffic: routesAtRest } }),
  );
  expect(ended.status).toMatchObject({ release: undefined, stable: { revision: "two" } });
});

test.each([
  ["replaced", { ...rolling, paused: true, replicaSets: [aReplicaSet(gone), aCanary({ ...gone, ...adopted })] }],
  ["deleted", { ...done, replicaSets: [aReplicaSet(gone)] }],
])("finishPromotion gives no subset back before its routes are everywhere, the pods being %s", (how, workload) => {
  const newer = aReplicaSet({ name: "product-three", revision: "three", podTemplateHash: "three" });
  const replicaSets = how === "replaced" ? [...workload.replicaSets, newer] : workload.replicaSets;
  const atRest = { ...routesSplit(100), route: { kind: "Rest" } } as const;
  const unread = { problem: "RouteNotFound", message: "gone" } as const;
  const after = (seconds: number, traffic: Observation["traffic"]) => {
    const asked = { ...split, route: "Rest" as const, routeChangedAt: ago(seconds) };
    const decision = decide(
      at(adopted, {
        release: { adoption, traffic: asked },
        workload: { ...workload, replicaSets },
        observation: { traffic },
      }),
    );
    expect(decision.rule).toBe("finishPromotion");
    return decision.plan.map(({ kind }) => kind);
  };
  expect(after(1, atRest)).toEqual([]);
  expect(after(3, atRest)).toEqual(["restoreSubsets"]);
  // What is not seen to be written is written again, and its time begins again.
  expect(after(1, routesSplit(100))).toEqual(["restoreRoute"]);
  expect(after(3, routesSplit(100))).toEqual(["restoreRoute"]);
  expect(after(1, unread)).toEqual(["restoreRoute"]);
});

test("finishPromotion gives the routes back when the adopted ReplicaSet was deleted, and ends with its successor", () => {
  const lost = decide(at(adopted, { release: { adoption }, workload: { ...done, replicaSets: [aReplicaSet(gone)] } }));
  expect(lost.rule).toBe("finishPromotion");
  expect(lost.plan).toMatchObject([{ kind: "restoreRoute" }]);
  const successor = aCanary({ ...full, ...adopted, name: "product-fresh", podTemplateHash: "fresh" });
  const traffic = { ...split, subsets: "Rest" as const, route: "Rest" as const };
  const ended = decide(
    at(adopted, {
      release: { adoption, traffic },
      workload: { ...done, replicaSets: [aReplicaSet(gone), successor] },
      observation: { traffic: routesAtRest },
    }),
  );
  expect(ended.status.stable).toMatchObject({ replicaSet: "product-fresh", podTemplateHash: "fresh" });
});

test("a canary that is being deleted before the hand-over takes no traffic any more", () => {
  const decision = decide(at({ deleting: true }, { release: { adoption } }));
  expect(decision.status.release).toMatchObject({ decision: "Rollback", reason: "CanaryUnavailable" });
});

test("the pods of a promotion have a deadline only while more of them are asked for", () => {
  const grown = decide(at({ replicas: 3 })).status.release;
  expect(grown).toMatchObject({ canaryCreatedAt: ago(0), canaryReadyAt: undefined });
  expect(decide(at({ replicas: 5, available: 5 })).status.release).toMatchObject({ canaryReadyAt: ago(60) });
  const complete = decide(at({}, { release: { canaryReadyAt: undefined } }));
  expect(complete.status.release?.canaryReadyAt).toBe(ago(0));
  expect(complete.status.message).toBe("All 4 canary pods are available.");
});

test("finishPromotion only pauses a newer template that rolls out where the label is there", () => {
  const decision = decide(at(adopted, { release: { adoption }, workload: { ...rolling, labelled: true }, old: gone }));
  expect(decision.plan).toEqual([{ kind: "pauseWorkload", paused: true }]);
});

const givenBack = { ...split, subsets: "Rest" as const, route: "Rest" as const };

test("finishPromotion waits for the ReplicaSet that the Deployment makes, when all was given back already", () => {
  const workload = { ...done, replicaSets: [aReplicaSet(gone)] };
  const decision = decide(
    at(adopted, { release: { adoption, traffic: givenBack }, workload, observation: { traffic: routesAtRest } }),
  );
  expect(decision).toMatchObject({ rule: "finishPromotion", plan: [], status: { release: { decision: "Promote" } } });
  expect(decision.status.message).toBe("Waiting for the canary's ReplicaSet to be seen.");
});

test("finishPromotion widens no subset that was given back, though none of the adopted pods is ready", () => {
  const unready = { ...adopted, ready: 0, available: 0 };
  const decision = decide(
    at(unready, { release: { adoption, traffic: givenBack }, workload: open, observation: { traffic: routesAtRest } }),
  );
  expect(decision).toMatchObject({ rule: "finishPromotion", plan: [] });
  expect(decision.status.message).toContain("None of its 4 pods is available, so the old ones stay.");
});

test("routes that cannot be read are given back until that has worked, and the subsets after them", () => {
  const unread = { problem: "RouteNotFound", message: "gone" } as const;
  const after = (reason: "Held" | "Progressing") => {
    const traffic = { ...split, subsets: "Widened" as const, route: "Rest" as const };
    const observation = at(adopted, {
      release: { adoption, traffic },
      workload: done,
      old: gone,
      observation: { traffic: unread },
    });
    const ready = { type: "Ready", status: "Unknown", reason, message: "", observedGeneration: 7 } as const;
    const status = { ...observation.rollout.status, conditions: [{ ...ready, lastTransitionTime: ago(9) }] };
    return decide({ ...observation, rollout: { ...observation.rollout, status } });
  };
  expect(after("Held").plan).toEqual([{ kind: "restoreRoute", original: "{}" }]);
  expect(after("Held").status.release?.traffic?.routeChangedAt).toBe(ago(0));
  expect(after("Progressing").plan).toEqual([{ kind: "restoreSubsets", original: "{}" }]);
});

test("finishPromotion waits for a ReplicaSet that is not seen, with nothing to give back", () => {
  const workload = aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet()] });
  const asked = { decision: "Promote", traffic: undefined } as const;
  expect(decide(inRelease(asked, { workload, traffic: routesAtRest })).plan).toEqual([]);
});
