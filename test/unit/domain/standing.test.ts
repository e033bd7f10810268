import { expect, test } from "vitest";
import { isNews, saidIn, withStanding } from "../../../src/domain/standing.ts";
import { aRollout, anObservation, noon } from "../../support/observation.ts";

const at = new Date(noon).toISOString();
const base = { reason: "Progressing", phase: "Phase", message: "A sentence." } as const;

test.each([
  ["Settled", [["Ready", "True"]]],
  [
    "Progressing",
    [
      ["Ready", "Unknown"],
      ["Reconciling", "True"],
    ],
  ],
  [
    "RollingBack",
    [
      ["Ready", "False"],
      ["Reconciling", "True"],
    ],
  ],
  [
    "Stalled",
    [
      ["Ready", "False"],
      ["Stalled", "True"],
    ],
  ],
] as const)("withStanding() of %s follows kstatus", (kind, expected) => {
  const status = withStanding(anObservation(), { observedGeneration: -1 }, { ...base, kind });
  expect(status.conditions?.map(({ type, status: value }) => [type, value])).toEqual(expected);
  expect(status).toMatchObject({ observedGeneration: 7, phase: "Phase", message: "A sentence." });
});

test("withStanding() moves a transition time only when the condition changes", () => {
  const earlier = {
    type: "Ready",
    status: "Unknown",
    reason: "Held",
    message: "",
    observedGeneration: 1,
    lastTransitionTime: "earlier",
  } as const;
  const observation = anObservation({ rollout: aRollout({ status: { conditions: [earlier] } }) });
  const same = withStanding(observation, observation.rollout.status, { ...base, kind: "Progressing" });
  expect(same.conditions?.[0]).toMatchObject({ reason: "Progressing", lastTransitionTime: "earlier" });
  const changed = withStanding(observation, observation.rollout.status, { ...base, kind: "Settled" });
  expect(changed.conditions?.[0]).toMatchObject({ status: "True", lastTransitionTime: at });
});

test("withStanding() says whether traffic was seen to move, and keeps that for the length of the release only", () => {
  const shifted = { status: "False", message: "nothing arrived" } as const;
  const told = withStanding(anObservation(), { observedGeneration: 1 }, { ...base, kind: "Progressing", shifted });
  expect(told.conditions?.at(-1)).toMatchObject({
    type: "TrafficShifted",
    status: "False",
    reason: "TrafficNotShifted",
  });
  const later = anObservation({ rollout: aRollout({ status: told }) });
  expect(withStanding(later, told, { ...base, kind: "Settled" }).conditions?.map(({ type }) => type)).toEqual([
    "Ready",
  ]);
});

test("isNews() compares with the reason that was told last", () => {
  const told = withStanding(anObservation(), { observedGeneration: 1 }, { ...base, kind: "Progressing" });
  const observation = anObservation({ rollout: aRollout({ status: told }) });
  expect([isNews(observation, "Progressing"), isNews(observation, "Held")]).toEqual([false, true]);
});

test("what a status says is its reason and its phase; without them it has only begun", () => {
  const standing = { kind: "Settled", reason: "Succeeded", phase: "Ready", message: "m" } as const;
  const observation = anObservation();
  expect(saidIn(withStanding(observation, observation.rollout.status, standing))).toEqual({
    reason: "Succeeded",
    phase: "Ready",
  });
  expect(saidIn({ observedGeneration: 1 })).toEqual({ reason: "Progressing", phase: "Progressing" });
});
