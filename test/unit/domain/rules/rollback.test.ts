import { expect, test } from "vitest";
import type { HistoryEntry } from "../../../../src/api/rollout-status.ts";
import { decide } from "../../../../src/domain/decide.ts";
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
import { counted } from "../../../support/measurement.ts";

const withCanary = (changes: Parameters<typeof aCanary>[0]) =>
  aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), aCanary(changes)] });
const counts = (requests: number) => ({ requests, errors: 0, slow: 0, slowOrClose: 0 });
const rolledBack = (traffic: object = {}) => ({
  decision: "Rollback" as const,
  reason: "ErrorRateTooHigh",
  explanation: "10 % failed",
  traffic: { ...inRelease().rollout.status.release!.traffic!, weight: 0, routeChangedAt: ago(5), ...traffic },
});
const seen = (canary: number) => counted(counts(0), counts(900), { sinceShift: { stable: 900, canary, callers: [] } });

test("sending traffic back again waits neither for a status nor for events", () => {
  expect(decide(inRelease(rolledBack(), { traffic: routesSplit(10) }))).toMatchObject({
    urgent: true,
    plan: [{ kind: "routeTraffic", weight: 0 }],
  });
  expect(decide(inRelease(rolledBack(), { traffic: routesSplit(0), measurement: seen(0) })).urgent).toBe(false);
});

test.each([
  [
    "traffic first",
    inRelease(rolledBack(), { traffic: routesSplit(10) }),
    [{ kind: "routeTraffic", weight: 0, original: "{}" }],
  ],
  [
    "subsets that somebody emptied meanwhile at once, because the routes name them",
    inRelease(rolledBack(), {
      traffic: { ...routesSplit(0), subsets: { kind: "Present", stable: undefined, canary: undefined } },
      measurement: seen(90),
    }),
    [
      { kind: "routeTraffic", weight: 0 },
      { kind: "narrowSubsets", stable: "one", canary: "two" },
    ],
  ],
  [
    "no subsets that could not be put back until the deadline",
    inRelease(rolledBack({ routeChangedAt: ago(31) }), {
      traffic: { ...routesSplit(0), subsets: { kind: "Present", stable: undefined, canary: undefined } },
    }),
    [{ kind: "scaleCanary", replicas: 0 }],
  ],
  ["then it is seen to be back", inRelease(rolledBack(), { traffic: routesSplit(0), measurement: seen(90) }), []],
  [
    "then the pods",
    inRelease(rolledBack(), { traffic: routesSplit(0), measurement: seen(0) }),
    [{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 }],
  ],
  [
    "the pods after the deadline, whatever was seen",
    inRelease(rolledBack({ routeChangedAt: ago(31) }), { traffic: routesSplit(0), measurement: seen(90) }),
    [{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 }],
  ],
  [
    "the ReplicaSet only when no pod is ready",
    inRelease(rolledBack(), {
      traffic: routesSplit(0),
      measurement: seen(0),
      workload: withCanary({ replicas: 0, ready: 1 }),
    }),
    [],
  ],
  [
    "then the ReplicaSet",
    inRelease(rolledBack(), {
      traffic: routesSplit(0),
      measurement: seen(0),
      workload: withCanary({ replicas: 0, ready: 0 }),
    }),
    [{ kind: "removeCanary", replicaSet: "product-a-two" }],
  ],
  [
    "then the routes",
    inRelease(rolledBack(), {
      traffic: routesSplit(0),
      measurement: seen(0),
      workload: aWorkload({ paused: true, revision: "two" }),
    }),
    [{ kind: "restoreRoute", original: "{}" }],
  ],
  [
    "then time for the proxies",
    inRelease(rolledBack({ route: "Rest", routeChangedAt: ago(1) }), {
      workload: aWorkload({ paused: true, revision: "two" }),
      traffic: { ...routesSplit(0), route: { kind: "Rest" } },
    }),
    [],
  ],
  [
    "then the subsets",
    inRelease(rolledBack({ route: "Rest" }), {
      workload: aWorkload({ paused: true, revision: "two" }),
      traffic: { ...routesSplit(0), route: { kind: "Rest" } },
    }),
    [{ kind: "restoreSubsets", original: "{}" }],
  ],
])("finishRollback: %s", (_stage, observation, plan) => {
  expect(decide(observation)).toMatchObject({ rule: "finishRollback", plan });
});

test("finishRollback ends with the revision rejected, and puts maxSurge back that an adoption had opened", () => {
  const release = {
    ...rolledBack({ route: "Rest", subsets: "Rest" }),
    adoption: { startedAt: ago(9), maxSurge: '"25%"' },
  };
  const workload = aWorkload({ paused: true, revision: "two", maxSurge: '"100%"' });
  const first = decide(inRelease(release, { workload, traffic: routesAtRest }));
  expect(first).toMatchObject({
    plan: [{ kind: "restoreSurge", maxSurge: '"25%"' }],
    status: { release: { number: 1 } },
  });
  const decision = decide(inRelease(release, { workload: { ...workload, maxSurge: '"25%"' }, traffic: routesAtRest }));
  expect(decision.status).toMatchObject({ phase: "RolledBack", rejected: [{ revision: "two" }] });
  expect(decision.status.release).toBeUndefined();
});

test("finishRollback does not end while the subsets still select the canary, as the next release records what it finds", () => {
  const release = rolledBack({ route: "Rest", subsets: "Rest" });
  const traffic = { ...routesSplit(0), route: { kind: "Rest" } } as const;
  const workload = aWorkload({ paused: true, revision: "two" });
  const decision = decide(inRelease(release, { workload, traffic }));
  expect(decision).toMatchObject({ plan: [{ kind: "restoreSubsets" }], status: { release: { number: 1 } } });
});

const problem = { problem: "RouteNotFound", message: "DestinationRule shop/shop is gone" } as const;
const lost = { decision: "Rollback" as const, reason: "TrafficConfigLost" };

test("finishRollback of a route that names missing subsets puts the route back before anything else", () => {
  for (const traffic of [problem, { ...routesSplit(0), subsets: { kind: "Absent" } as const }]) {
    const decision = decide(inRelease(rolledBack({ routeChangedAt: ago(1) }), { traffic }));
    expect(decision).toMatchObject({
      plan: [{ kind: "restoreRoute" }],
      status: { release: { traffic: { route: "Rest" } } },
    });
  }
});

test("finishRollback removes the canary although its Deployment is gone, or the garbage collector took its owner", () => {
  const canary = aCanary({ controlledBy: "Nobody" });
  const gone = { problem: "WorkloadNotFound", message: "gone", canary } as const;
  const traffic = leftToService;
  const plan = decide(inRelease(rolledBack({ route: "Rest" }), { workload: gone, traffic })).plan;
  expect(plan).toEqual([{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 }]);
});

test("finishRollback rejects nothing when the revision is not to blame", () => {
  const release = { ...rolledBack({ route: "Rest", subsets: "Rest" }), ...lost };
  const workload = aWorkload({ paused: true, revision: "two" });
  expect(decide(inRelease(release, { workload, traffic: routesAtRest })).status.rejected).toEqual([]);
});

test("finishRollback keeps the rejected template held, whoever unpauses it", () => {
  const workload = aWorkload({ paused: false, revision: "two", replicaSets: [aReplicaSet(), aCanary()] });
  const { plan } = decide(inRelease(rolledBack(), { workload, traffic: routesSplit(10) }));
  expect(plan.map(({ kind }) => kind)).toEqual(["routeTraffic", "pauseWorkload"]);
});

const taken = aWorkload({
  paused: true,
  revision: "two",
  replicaSets: [
    aReplicaSet({ replicas: 0, pods: 0, ready: 0, available: 0 }),
    aReplicaSet({ name: "product-own", revision: "two", podTemplateHash: "own" }),
    aCanary(),
  ],
});

test("finishRollback sends traffic to whatever runs, when the stable pods were replaced", () => {
  const first = decide(inRelease(rolledBack(), { workload: taken, traffic: routesSplit(0), measurement: seen(90) }));
  expect(first).toMatchObject({
    plan: [{ kind: "scaleCanary", replicas: 0 }, { kind: "widenStable" }, { kind: "restoreRoute" }],
    status: { release: { traffic: { route: "Rest" } } },
  });
  const traffic = leftToService;
  const since = (seconds: number) => rolledBack({ route: "Rest", routeChangedAt: ago(seconds) });
  expect(decide(inRelease(since(1), { workload: taken, traffic })).plan).toEqual([]);
  expect(decide(inRelease(since(3), { workload: taken, traffic })).plan).toEqual([
    { kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 },
  ]);
});

test("finishRollback waits for the proxies only, where the hold was switched off, and leaves the pause to people", () => {
  const workload = aWorkload({
    holdOff: true,
    paused: true,
    revision: "two",
    replicaSets: [aReplicaSet(), aCanary()],
  });
  const back = inRelease(rolledBack(), { workload, traffic: routesSplit(0), measurement: seen(90) });
  expect(decide(back).plan).toEqual([{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 }]);
});

test("finishRollback leaves the traffic to the Service where the hold was switched off and the Deployment rolls", () => {
  const workload = { ...taken, paused: false, holdOff: true, replicaSets: [aReplicaSet({ replicas: 3 }), aCanary()] };
  const rolling = inRelease(rolledBack(), { workload, traffic: routesSplit(0), measurement: seen(90) });
  expect(decide(rolling).plan).toMatchObject([
    { kind: "scaleCanary", replicas: 0 },
    { kind: "widenStable" },
    { kind: "restoreRoute" },
  ]);
  // Nothing was held against a revision that somebody else's word has ended: it serves on beside the others.
  const spared = inRelease({ ...rolledBack(), reason: "HoldOff" }, { workload, traffic: routesSplit(0) });
  expect(decide(spared).plan).toMatchObject([{ kind: "widenStable" }, { kind: "restoreRoute" }]);
  // Proxies that may still send to the canary find it.
  const early = inRelease(rolledBack({ routeChangedAt: ago(1) }), { workload, traffic: routesSplit(0) });
  expect(decide(early).plan).toMatchObject([{ kind: "widenStable" }, { kind: "restoreRoute" }]);
});

test("finishRollback gives the routes back again until they are seen, before it takes the canary's pods", () => {
  const workload = { ...taken, paused: false, holdOff: true, replicaSets: [aReplicaSet({ replicas: 3 }), aCanary()] };
  const asked = { ...rolledBack({ route: "Rest", routeChangedAt: ago(60) }), reason: "HoldOff" };
  const lost = decide(inRelease(asked, { workload, traffic: routesSplit(50) }));
  expect(lost.plan).toMatchObject([{ kind: "widenStable" }, { kind: "restoreRoute" }]);
  expect(lost.status.release?.traffic?.routeChangedAt).toBe(ago(0));
  // Its own write may not be in the cache yet: nothing is written for that.
  const soon = { ...rolledBack({ route: "Rest", routeChangedAt: ago(0.5) }), reason: "HoldOff" };
  expect(decide(inRelease(soon, { workload, traffic: routesSplit(50) })).plan).toEqual([]);
  const half = decide(inRelease(asked, { workload, traffic: { ...routesSplit(50), route: { kind: "Rest" } } }));
  expect(half.plan).toMatchObject([{ kind: "widenStable" }]);
  expect(decide(inRelease(asked, { workload, traffic: leftToService })).plan).toMatchObject([{ kind: "scaleCanary" }]);
});

test("finishRollback keeps the canary's pods while the Deployment is being deleted, and for a while after it", () => {
  const going = { ...withCanary({}), deleting: true };
  const gone = { problem: "WorkloadNotFound", message: "gone", canary: aCanary() } as const;
  const lost = (seconds: number, workload: typeof going | typeof gone = going) =>
    inRelease(
      { ...rolledBack({ route: "Rest", routeChangedAt: ago(5) }), reason: "WorkloadLost", decidedAt: ago(seconds) },
      { workload, traffic: leftToService },
    );
  expect(decide(lost(10)).plan.filter(({ kind }) => kind !== "pauseWorkload")).toEqual([]);
  expect(decide(lost(10)).status.release?.decidedAt).toBe(ago(10));
  expect(decide(lost(16)).status.release?.decidedAt).toBe(ago(0));
  expect(decide(lost(29, gone)).plan).toEqual([]);
  expect(decide(lost(31, gone)).plan).toMatchObject([{ kind: "scaleCanary", replicas: 0 }]);
});

test("finishRollback keeps the canary's pods until a Deployment that was made anew has as many", () => {
  const lost = (available: number, changes: object = {}) => {
    const replicaSets = [aReplicaSet({ replicas: 3, available }), aCanary()];
    const workload = aWorkload({ paused: true, revision: "two", replicas: 3, replicaSets });
    const asked = rolledBack({ route: "Rest", routeChangedAt: ago(60) });
    return inRelease({ ...asked, reason: "WorkloadLost", ...changes }, { workload, traffic: leftToService });
  };
  const leaves = (observation: ReturnType<typeof lost>) =>
    decide(observation).plan.some(({ kind }) => kind === "scaleCanary");
  expect([leaves(lost(2)), leaves(lost(3))]).toEqual([false, true]);
  // Nobody was ever sent to one that had no weight, and whatever was lost, a deleted Rollout leaves no pods.
  expect(leaves(lost(2, { highestWeight: 0 }))).toBe(true);
  expect(leaves(lost(2, { reason: "ErrorRateTooHigh" }))).toBe(true);
  const deleted = lost(2);
  expect(leaves({ ...deleted, rollout: { ...deleted.rollout, deleting: true } })).toBe(true);
});

test.each([
  ["that somebody has changed since", '"25%"', '"50%"'],
  ["that was open before the adoption", '"100%"', '"100%"'],
])("finishRollback leaves a maxSurge as it is %s", (_what, before, now) => {
  const asked = rolledBack({ route: "Rest", subsets: "Rest" });
  const release = { ...asked, adoption: { startedAt: ago(9), maxSurge: before } };
  const workload = aWorkload({ paused: true, revision: "two", maxSurge: now });
  const { plan, status } = decide(inRelease(release, { workload, traffic: routesAtRest }));
  expect(plan.filter(({ kind }) => kind === "restoreSurge")).toEqual([]);
  expect(status.phase).toBe("RolledBack");
});

test("finishRollback writes the routes again while it cannot see them, and ends when that has worked", () => {
  const traffic = { problem: "RouteNotFound", message: "the DestinationRule is gone" } as const;
  const seen = (seconds: number, reason: "RollingBack" | "Held") => {
    const asked = rolledBack({ route: "Rest", subsets: "Rest", routeChangedAt: ago(seconds) });
    const back = inRelease(asked, { traffic, workload: aWorkload({ paused: true, revision: "two" }) });
    const ready = { type: "Ready", status: "Unknown", reason, message: "", observedGeneration: 1 } as const;
    const conditions = [{ ...ready, lastTransitionTime: ago(seconds) }];
    return decide({ ...back, rollout: { ...back.rollout, status: { ...back.rollout.status, conditions } } });
  };
  expect(seen(1, "RollingBack").plan).toMatchObject([{ kind: "restoreRoute" }]);
  expect(seen(60, "Held").plan).toMatchObject([{ kind: "restoreRoute" }]);
  expect(seen(60, "RollingBack").status.release).toBeUndefined();
});

test("finishRollback does not hold a Deployment that was made anew", () => {
  const fresh = aReplicaSet({ name: "product-new", uid: "new", revision: "three", available: 1 });
  const workload = aWorkload({ paused: false, revision: "three", replicaSets: [fresh, aCanary()] });
  const lost = { ...rolledBack({ route: "Rest", routeChangedAt: ago(60) }), reason: "WorkloadLost" };
  expect(decide(inRelease(lost, { workload, traffic: leftToService })).plan).toEqual([]);
});

test("finishRollback says after three releases in a row that none of them could end", () => {
  const release = { ...rolledBack({ route: "Rest", subsets: "Rest" }), reason: "Superseded", number: 3 };
  const workload = aWorkload({ paused: true, revision: "three" });
  const superseded = { reason: "Superseded" } as HistoryEntry;
  const ending = (history: HistoryEntry[]) => {
    const observation = inRelease(release, { workload, traffic: routesAtRest });
    const { rollout } = observation;
    return decide({ ...observation, rollout: { ...rollout, status: { ...rollout.status, history } } });
  };
  expect(ending([superseded, superseded]).transitions).toMatchObject([
    { reason: "RolledBack" },
    { reason: "SupersededRepeatedly", note: expect.stringContaining("onNewRevision: finish") as string },
  ]);
  expect(ending([superseded]).transitions).toHaveLength(1);
});

test("finishRollback says who still reaches the canary, and names them once when the deadline ends the wait", () => {
  const callers = ["shop/client 90 of 990 to canary"];
  const measurement = { ...seen(90), sinceShift: { stable: 900, canary: 90, callers } };
  const waiting = decide(inRelease(rolledBack(), { traffic: routesSplit(0), measurement }));
  expect(waiting.status.message).toContain("some still reaches the canary: shop/client 90 of 990 to canary");
  expect(waiting.transitions).toEqual([]);
  const late = inRelease(rolledBack({ routeChangedAt: ago(31) }), { traffic: routesSplit(0), measurement });
  expect(decide(late)).toMatchObject({
    plan: [{ kind: "scaleCanary", replicas: 0 }],
    transitions: [{ reason: "TrafficNotShifted", key: expect.stringContaining("Rollback") as string }],
  });
  expect(decide(late).transitions[0]?.note).toContain("90 of 990 requests still reached the canary: shop/client");
  expect(decide({ ...late, measurement: seen(4) }).transitions).toEqual([]);
  // As long as the routes are not seen to be back, they are put back, and nobody is named.
  expect(decide({ ...late, traffic: routesSplit(10) }).transitions).toEqual([]);
});

test("finishRollback of a release that had asked for nothing ends at once", () => {
  const workload = aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet()] });
  const decision = decide(
    inRelease({ ...rolledBack(), traffic: undefined, highestWeight: 0 }, { workload, traffic: routesAtRest }),
  );
  expect(decision).toMatchObject({
    plan: [],
    transitions: [{ reason: "RolledBack" }],
    status: { phase: "RolledBack" },
  });
  expect(decision.status.release).toBeUndefined();
});

test("finishRollback takes the canary's pods at once where somebody has put the routes back as they were", () => {
  const decision = decide(inRelease(rolledBack(), { traffic: routesAtRest, measurement: seen(90) }));
  expect(decision.plan).toEqual([{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 }]);
});

test("finishRollback without a Deployment counts from the release's beginning where its decision has no date", () => {
  const gone = { problem: "WorkloadNotFound", message: "gone", canary: aCanary() } as const;
  const lost = (seconds: number) => {
    const undated = { decidedAt: undefined, startedAt: ago(seconds), reason: "WorkloadLost" };
    const back = { ...rolledBack({ route: "Rest", routeChangedAt: ago(5) }), ...undated };
    return decide(inRelease(back, { workload: gone, traffic: leftToService })).plan;
  };
  expect(lost(29)).toEqual([]);
  expect(lost(31)).toMatchObject([{ kind: "scaleCanary", replicas: 0 }]);
});
