import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import {
  aCanary,
  aReplicaSet,
  aRollout,
  aWorkload,
  anObservation,
  inRelease,
  noon,
  routesAtRest,
} from "../../../support/observation.ts";

const kinds = (observation: Parameters<typeof decide>[0]) => decide(observation).plan.map(({ kind }) => kind);
const unknown = (changes = {}) => aRollout({ status: { stable: undefined }, ...changes });

test("claim comes before anything else is touched", () => {
  const decision = decide(
    anObservation({ rollout: unknown({ claimed: false }), workload: aWorkload({ labelled: false }) }),
  );
  expect(decision).toMatchObject({ rule: "claim", plan: [{ kind: "claim" }] });
});

test("refuseBadSpec says what is wrong, touches nothing, and tells it once", () => {
  const rollout = { ...aRollout({ spec: { bake: "soon" } }) };
  const decision = decide(anObservation({ rollout }));
  expect(decision).toMatchObject({ rule: "refuseBadSpec", plan: [], wakeAfter: undefined });
  expect(decision.status.conditions?.find(({ type }) => type === "Stalled")?.message).toContain("spec.bake");
  const again = decide(anObservation({ rollout: { ...rollout, status: decision.status } }));
  expect([decision.transitions.length, again.transitions.length]).toEqual([1, 0]);
});

test.each([
  [
    "the Deployment",
    { workload: { problem: "WorkloadNotFound", message: "it is not there", canary: undefined } as const },
    "WorkloadNotFound",
  ],
  ["the Service", { traffic: { problem: "ServiceNotFound", message: "it is not there" } as const }, "ServiceNotFound"],
  ["two versions", { workload: aWorkload({ notSupported: "strategy Recreate" }) }, "WorkloadNotSupported"],
])("refuseProblems: %s", (_what, changes, reason) => {
  const decision = decide(anObservation(changes));
  expect(decision).toMatchObject({ rule: "refuseProblems", plan: [], wakeAfter: undefined });
  expect(decision.status.conditions?.find(({ type }) => type === "Stalled")).toMatchObject({ status: "True", reason });
  const again = decide(anObservation({ ...changes, rollout: aRollout({ status: decision.status }) }));
  expect([decision.transitions.length, again.transitions.length]).toEqual([1, 0]);
});

test.each([
  ["is paused by its owner and runs no pods", 0],
  ["is rolling out", 1],
])("adoptRunningRevision says that a paused Deployment %s", (what, pods) => {
  const replicaSets = [aReplicaSet({ replicas: 0, pods, ready: 0, available: 0 })];
  const workload = aWorkload({ paused: true, labelled: false, replicaSets });
  const { plan, status } = decide(anObservation({ rollout: unknown(), workload }));
  expect(plan).toEqual([]);
  expect(status.message).toContain(what);
});

test("adoptRunningRevision takes what runs as stable", () => {
  const decision = decide(
    anObservation({
      rollout: unknown(),
      workload: aWorkload({ labelled: false }),
      traffic: { ...routesAtRest, route: { kind: "Absent" } },
    }),
  );
  expect(decision.rule).toBe("adoptRunningRevision");
  expect(decision.status.stable).toMatchObject({ revision: "one", replicaSet: "product-one", workload: "product" });
  expect(decision.plan.map(({ kind }) => kind)).toEqual(["holdWorkload", "createRoute", "recordPromoted"]);
});

test.each([
  [
    "two ReplicaSets have pods",
    aWorkload({ revision: "two", replicaSets: [aReplicaSet(), aReplicaSet({ name: "product-two", revision: "two" })] }),
  ],
  ["the controller has not seen the Deployment", aWorkload({ observedGeneration: 2 })],
  ["the ReplicaSet has another size", aWorkload({ replicaSets: [aReplicaSet({ replicas: 3 })] })],
  ["the template is another one and rolls", aWorkload({ revision: "two" })],
])("adoptRunningRevision waits while %s", (_why, workload) => {
  const decision = decide(anObservation({ rollout: unknown(), workload }));
  expect(decision).toMatchObject({ rule: "adoptRunningRevision", plan: [] });
  expect(decision.status.conditions?.[0]?.reason).toBe("WorkloadInMidRoll");
});

test("adoptRunningRevision of a held Deployment takes the revision that runs, not the one that waits", () => {
  const decision = decide(
    anObservation({ rollout: unknown(), workload: aWorkload({ paused: true, revision: "two" }) }),
  );
  expect(decision.status.stable?.revision).toBe("one");
});

test("adoptRunningRevision follows a revision that rolled out while nothing held it", () => {
  const rolled = aWorkload({ revision: "two", replicaSets: [aReplicaSet({ name: "product-two", revision: "two" })] });
  expect(decide(anObservation({ workload: rolled })).status.stable?.revision).toBe("two");
});

test("keepHold puts the label back, and calls it news only when nobody has just written it", () => {
  const ready = (seconds: number) =>
    ({
      type: "Ready",
      status: "True",
      reason: "Succeeded",
      message: "",
      observedGeneration: 7,
      lastTransitionTime: new Date(noon - seconds * 1_000).toISOString(),
    }) as const;
  const without = (seconds: number) =>
    anObservation({
      rollout: aRollout({ status: { conditions: [ready(seconds)] } }),
      workload: aWorkload({ labelled: false }),
    });
  expect(decide(without(60))).toMatchObject({
    rule: "keepHold",
    plan: [{ kind: "holdWorkload" }],
    transitions: [{ reason: "HoldRestored" }],
  });
  expect(decide(without(2)).transitions).toEqual([]);
  // Or somebody who takes it off again and again would never be told.
  expect(decide(without(60)).status.conditions).toEqual([ready(60)]);
});

test("keepHold gives a status that has no conditions its first ones", () => {
  const decision = decide(anObservation({ workload: aWorkload({ labelled: false }) }));
  expect(decision).toMatchObject({ rule: "keepHold", transitions: [] });
  expect(decision.status.conditions).toContainEqual(expect.objectContaining({ type: "Ready", status: "Unknown" }));
});

test("keepHold leaves conditions with the generation that they were judged for", () => {
  const judged = decide(anObservation()).status;
  const workload = aWorkload({ labelled: false });
  const decision = decide(anObservation({ rollout: aRollout({ generation: 8, status: judged }), workload }));
  expect(decision).toMatchObject({
    rule: "keepHold",
    status: { observedGeneration: 7, conditions: judged.conditions },
  });
});

test("letGo gives everything back in order: routes, subsets, template, pause, label, finalizer", () => {
  const rollout = aRollout({ deleting: true });
  expect(kinds(anObservation({ rollout, workload: aWorkload({ paused: true, revision: "two" }) }))).toEqual([
    "removeRoute",
    "removeSubsets",
    "restoreTemplate",
    "pauseWorkload",
    "releaseWorkload",
    "letGo",
  ]);
  expect(kinds(anObservation({ rollout }))).toEqual(["removeRoute", "removeSubsets", "releaseWorkload", "letGo"]);
});

test("letGo leaves a Deployment alone that its owner has paused before it was ours", () => {
  const rollout = aRollout({ deleting: true, status: { stable: undefined } });
  const workload = aWorkload({ paused: true, labelled: false });
  expect(kinds(anObservation({ rollout, workload }))).toEqual(["removeRoute", "removeSubsets", "letGo"]);
});

test("letGo works for a spec that no longer parses and a Deployment that is gone", () => {
  const rollout = aRollout({ deleting: true, spec: { bake: "soon" } });
  expect(rollout.spec).toBeUndefined();
  expect(
    kinds(anObservation({ rollout, workload: { problem: "WorkloadNotFound", message: "", canary: undefined } })),
  ).toEqual(["removeRoute", "removeSubsets", "letGo"]);
});

test("letGo in mid-release rolls back first", () => {
  const observation = inRelease();
  const decision = decide({ ...observation, rollout: { ...observation.rollout, deleting: true } });
  expect(decision).toMatchObject({ rule: "letGo", urgent: true, plan: [{ kind: "routeTraffic", weight: 0 }] });
  expect(decision.status.release).toMatchObject({ decision: "Rollback", reason: "RolloutDeleted" });
});

const ofItsOwner = aWorkload({ paused: true, labelled: false, revision: "two", replicaSets: [] });

test.each([
  ["waits for one that its owner paused before it ran", ofItsOwner, [], "kubectl rollout resume"],
  [
    "unpauses one that is held although nothing of it runs",
    { ...ofItsOwner, labelled: true },
    ["pauseWorkload"],
    "nothing of it runs",
  ],
  [
    "waits until a new one has an available pod",
    aWorkload({ replicaSets: [aReplicaSet({ ready: 0, available: 0 })] }),
    [],
    "at least one of them available",
  ],
])("adoptRunningRevision %s", (_what, workload, plan, message) => {
  const decision = decide(anObservation({ rollout: unknown(), workload }));
  expect(decision.rule).toBe("adoptRunningRevision");
  expect(decision.plan.map(({ kind }) => kind)).toEqual(plan);
  expect(decision.status.message).toContain(message);
});

test("adoptRunningRevision follows what rolled out by itself although the Deployment is paused again", () => {
  const replicaSets = [aReplicaSet({ name: "product-two", revision: "two" }), aReplicaSet({ replicas: 0, pods: 0 })];
  const rolled = aWorkload({ paused: true, revision: "two", replicaSets });
  const decision = decide(anObservation({ workload: rolled }));
  expect(decision).toMatchObject({ rule: "adoptRunningRevision", status: { stable: { revision: "two" } } });
});

test("adoptRunningRevision takes over a Deployment that its owner paused, and says so", () => {
  const decision = decide(anObservation({ rollout: unknown(), workload: aWorkload({ paused: true }) }));
  expect(decision.transitions[0]?.note).toContain("spec.paused of the Deployment is Serin's");
});

test("adoptRunningRevision is not Ready before the hold is on: whoever waits for Ready may change the template next", () => {
  const first = (labelled: boolean) =>
    decide(anObservation({ rollout: aRollout({ status: { stable: undefined } }), workload: aWorkload({ labelled }) }));
  expect(first(false)).toMatchObject({ rule: "adoptRunningRevision", status: { phase: "Starting" } });
  expect(first(false).status.conditions?.[0]).toMatchObject({ type: "Ready", status: "Unknown" });
  expect(first(true).status.conditions?.[0]).toMatchObject({ type: "Ready", status: "True" });
});

test("keepHold leaves a suspended Rollout's Deployment without the label", () => {
  const rollout = aRollout({ spec: { suspend: true } });
  const decision = decide(anObservation({ rollout, workload: aWorkload({ labelled: false }) }));
  expect(decision).toMatchObject({ rule: "rest", plan: [], status: { phase: "Suspended", hold: "Off" } });
});

test("letGo of a Rollout that was never ours, or is let go already, waits for nothing", () => {
  const decision = decide(anObservation({ rollout: aRollout({ deleting: true, claimed: false }) }));
  expect(decision).toMatchObject({ rule: "letGo", plan: [], transitions: [], wakeAfter: undefined });
});

test("letGo makes no route to remove it again", () => {
  const traffic = { ...routesAtRest, route: { kind: "Absent" } as const };
  expect(kinds(anObservation({ rollout: aRollout({ deleting: true }), traffic }))).not.toContain("removeRoute");
});

test("letGo leaves a rollback that was decided to its end", () => {
  const observation = inRelease({ decision: "Rollback", reason: "Aborted" });
  const rollout = { ...observation.rollout, deleting: true };
  expect(decide({ ...observation, rollout })).toMatchObject({
    rule: "finishRollback",
    plan: [{ kind: "routeTraffic", weight: 0 }],
  });
});

test("keepHold in mid-release tells of it in the name of that release", () => {
  const observation = inRelease();
  const ready = {
    type: "Ready",
    status: "Unknown",
    reason: "Progressing",
    message: "",
    observedGeneration: 7,
  } as const;
  const lastTransitionTime = new Date(noon - 60_000).toISOString();
  const status = { ...observation.rollout.status, conditions: [{ ...ready, lastTransitionTime }] };
  const replicaSets = [aReplicaSet(), aCanary()];
  const workload = aWorkload({ paused: true, revision: "two", labelled: false, replicaSets });
  const decision = decide({ ...observation, workload, rollout: { ...observation.rollout, status } });
  expect(decision).toMatchObject({ rule: "keepHold", plan: [{ kind: "holdWorkload" }] });
  expect(decision.transitions).toMatchObject([{ key: expect.stringMatching(/^release-1 \d+$/) as string }]);
});
