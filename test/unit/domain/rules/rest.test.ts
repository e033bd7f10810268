import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Release } from "../../../../src/api/rollout-status.ts";
import { aRelease, aRollout, aWorkload, anObservation, routesAtRest } from "../../../support/observation.ts";

test("rest costs nothing: no plan, no wake-up, and a status that settles", () => {
  const first = decide(anObservation());
  expect(first).toMatchObject({
    rule: "rest",
    plan: [],
    transitions: [],
    wakeAfter: undefined,
    status: { phase: "Ready" },
  });
  const again = decide(anObservation({ rollout: { ...aRollout(), status: first.status } }));
  expect(again.status).toEqual(first.status);
});

const rejected = [{ revision: "two", image: "product:v2", reason: "LatencyTooHigh", at: "then" }];
const paused = (settings: "Policy" | "Paused") => ({ ...anObservation().settings, hold: settings });

test.each([
  [
    "makes the route when it is missing",
    anObservation({ traffic: { ...routesAtRest, route: { kind: "Absent" } } }),
    ["createRoute"],
  ],
  [
    "ends the hold when the stable template is back",
    anObservation({ workload: aWorkload({ paused: true }) }),
    ["pauseWorkload"],
  ],
  [
    "keeps the Deployment paused where that is the hold",
    anObservation({ settings: paused("Paused") }),
    ["pauseWorkload"],
  ],
  ["leaves it paused there", anObservation({ settings: paused("Paused"), workload: aWorkload({ paused: true }) }), []],
  [
    "lifts the hold of a suspended Rollout",
    anObservation({ rollout: aRollout({ spec: { suspend: true } }), workload: aWorkload({ paused: true }) }),
    ["pauseWorkload", "releaseWorkload"],
  ],
  [
    "takes the label off a suspended Rollout's Deployment that rolls out by itself",
    anObservation({ rollout: aRollout({ spec: { suspend: true } }) }),
    ["releaseWorkload"],
  ],
  [
    "has nothing left to do for a suspended Rollout whose hold is lifted",
    anObservation({ rollout: aRollout({ spec: { suspend: true } }), workload: aWorkload({ labelled: false }) }),
    [],
  ],
  [
    "notes on the Deployment which revision is proven",
    anObservation({ workload: aWorkload({ promotedRevision: undefined }) }),
    ["recordPromoted"],
  ],
])("rest %s", (_what, observation, plan) => {
  expect(decide(observation).plan.map(({ kind }) => kind)).toEqual(plan);
});

test.each([
  ["rejected", rejected, { phase: "RolledBack" }, /latencyTooHigh.*spec\.suspend/i],
  ["held before", [], { phase: "Suspended" }, /product:v2 was held before.*stays held/],
] as const)(
  "rest lets nothing go that is held when a Rollout is suspended: a template that was %s",
  (_what, before, phase, says) => {
    const decision = decide(
      anObservation({
        rollout: aRollout({ spec: { suspend: true }, status: { rejected: [...before] } }),
        workload: aWorkload({ paused: true, revision: "two", image: "product:v2" }),
      }),
    );
    expect(decision.plan.map(({ kind }) => kind)).not.toContain("pauseWorkload");
    expect(decision.plan.map(({ kind }) => kind)).not.toContain("releaseWorkload");
    expect(decision.status).toMatchObject(phase);
    expect(decision.status.message).toMatch(says);
  },
);

test("rest says what git wants, why it was rejected, and what to do", () => {
  const decision = decide(
    anObservation({
      rollout: aRollout({ status: { rejected } }),
      workload: aWorkload({ paused: true, revision: "two", image: "product:v2" }),
    }),
  );
  expect(decision.status).toMatchObject({ phase: "RolledBack" });
  expect(decision.status.message).toMatch(/product:v2.*LatencyTooHigh.*product:v1.*serin retry/);
});

test.each([
  ["that brought the revision", { commit: "4f5e" }, "9999", "4f5e"],
  ["of now, where an earlier Rollout rejected it", undefined, "9999", "9999"],
])("rest names the commit %s", (_what, known, commit, named) => {
  const status = known === undefined ? {} : { rejected: [{ ...rejected[0]!, ...known }] };
  const workload = { paused: true, revision: "two", image: "product:v2", rejectedRevisions: ["two"], commit };
  const decision = decide(anObservation({ rollout: aRollout({ status }), workload: aWorkload(workload) }));
  expect(decision.status.message).toContain(`Git wants product:v2 (revision two, commit ${named})`);
});

test("rest is done with requests that find no release", () => {
  const decision = decide(anObservation({ rollout: aRollout({ requests: { abort: "a", promote: "b" } }) }));
  expect(decision.status.handled).toEqual({ abort: "a", promote: "b", retry: undefined });
});

test("rest leaves a release alone that a newer version is in the middle of", () => {
  const release = { ...aRelease(), decision: "Divide" } as unknown as Release;
  const decision = decide(anObservation({ rollout: aRollout({ status: { release } }) }));
  expect(decision).toMatchObject({ rule: "rest", plan: [], status: { phase: "Held" } });
});

test.each([
  ["Deployment", { workload: { problem: "WorkloadNotFound", message: "there is none", canary: undefined } as const }],
  ["routes", { traffic: { problem: "RouteNotFound", message: "there is none" } as const }],
])("rest touches nothing of a newer version's release whose %s cannot be read", (_what, changes) => {
  const release = { ...aRelease(), decision: "Divide" } as unknown as Release;
  const decision = decide(anObservation({ rollout: aRollout({ status: { release } }), ...changes }));
  expect(decision).toMatchObject({ rule: "rest", plan: [], status: { phase: "Held", message: "there is none" } });
});

const settled = (reason: "Succeeded" | "HoldOff") => ({
  type: "Ready" as const,
  status: "True" as const,
  reason,
  message: "",
  observedGeneration: 7,
  lastTransitionTime: "2026-01-01T00:00:00Z",
});

test("rest unpauses what its owner paused, and says how to keep a release from starting", () => {
  const rollout = aRollout({ status: { conditions: [settled("Succeeded")] } });
  const decision = decide(anObservation({ rollout, workload: aWorkload({ paused: true }) }));
  expect(decision).toMatchObject({ plan: [{ kind: "pauseWorkload", paused: false }] });
  expect(decision.transitions).toMatchObject([
    { reason: "Unpaused", note: expect.stringContaining("serin pause") as string },
  ]);
});

test("rest notes on the Deployment what was rejected, and takes the note of what is proven off", () => {
  const rollout = aRollout({ status: { rejected } });
  const held = aWorkload({ paused: true, revision: "two" });
  expect(decide(anObservation({ rollout, workload: held }))).toMatchObject({
    plan: [{ kind: "recordRejected", revisions: ["two"] }],
    status: { rejected: [{ revision: "two", deployment: { uid: "uid-d", generation: 3 } }] },
  });
  const proven = aWorkload({ rejectedRevisions: ["one"] });
  expect(decide(anObservation({ workload: proven })).plan).toEqual([{ kind: "recordRejected", revisions: [] }]);
});

test("rest of a Rollout that was created again knows what the one before it rejected", () => {
  const workload = aWorkload({ paused: true, revision: "two", image: "product:v2", rejectedRevisions: ["two"] });
  const { status } = decide(anObservation({ workload }));
  expect(status).toMatchObject({
    phase: "RolledBack",
    message: expect.stringContaining("by an earlier Rollout") as string,
  });
});

test("rest with the hold switched off says so once, and leaves to people what is held", () => {
  const workload = aWorkload({ holdOff: true, paused: true, revision: "two", image: "product:v2" });
  const decision = decide(anObservation({ workload }));
  expect(decision).toMatchObject({ rule: "rest", plan: [], status: { hold: "Off", phase: "HoldOff" } });
  expect(decision.transitions).toMatchObject([
    { reason: "HoldOff", note: expect.stringContaining("rollout resume") as string },
  ]);
  const again = aRollout({ status: { conditions: [settled("HoldOff")] } });
  expect(decide(anObservation({ workload, rollout: again })).transitions).toEqual([]);
});

test("rest with the hold switched off and nothing held says that changes roll out", () => {
  const { status } = decide(anObservation({ workload: aWorkload({ holdOff: true }) }));
  expect(status).toMatchObject({ phase: "HoldOff", hold: "Off" });
  expect(status.message).toMatch(/changes roll out without a release\.$/);
});

test("rest keeps what it knows of other revisions that were rejected", () => {
  const older = { ...rejected[0]!, revision: "zero" };
  const rollout = aRollout({ status: { rejected: [...rejected, older] } });
  const { status } = decide(anObservation({ rollout, workload: aWorkload({ paused: true, revision: "two" }) }));
  expect(status.rejected).toEqual([{ ...rejected[0], deployment: { uid: "uid-d", generation: 3 } }, older]);
});

test("rest tells a template that was changed on its way to the pods from one that failed", () => {
  const standing = (reason: string) => {
    const rollout = aRollout({ status: { rejected: [{ ...rejected[0]!, reason }] } });
    const { conditions } = decide(
      anObservation({ rollout, workload: aWorkload({ paused: true, revision: "two" }) }),
    ).status;
    return conditions?.find(({ type }) => type === "Stalled")?.reason;
  };
  expect([standing("TemplateMutated"), standing("LatencyTooHigh")]).toEqual(["TemplateMutated", "RolledBack"]);
});
