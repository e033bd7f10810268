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
    ["releaseWorkload", "pauseWorkload"],
  ],
])("rest %s", (_what, observation, plan) => {
  expect(decide(observation).plan.map(({ kind }) => kind)).toEqual(plan);
});

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

test("rest is done with requests that find no release", () => {
  const decision = decide(anObservation({ rollout: aRollout({ requests: { abort: "a", promote: "b" } }) }));
  expect(decision.status.handled).toEqual({ abort: "a", promote: "b", retry: undefined });
});

test("rest leaves a release alone that a newer version is in the middle of", () => {
  const release = { ...aRelease(), decision: "Divide" } as unknown as Release;
  const decision = decide(anObservation({ rollout: aRollout({ status: { release } }) }));
  expect(decision).toMatchObject({ rule: "rest", plan: [], status: { phase: "Held" } });
});
