import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Measurement, Observation } from "../../../../src/domain/observation.ts";
import { waitForLastCallers } from "../../../../src/domain/rules/last-callers.ts";
import {
  aCanary,
  ago,
  aReplicaSet,
  aRollout,
  aWorkload,
  inRelease,
  noon,
  routesSplit,
} from "../../../support/observation.ts";
import { counted, counts } from "../../../support/measurement.ts";

const measured = (stable: number, canary: number): Measurement =>
  counted(counts(canary), counts(stable), {
    sinceShift: { stable, canary, callers: [`shop/frozen ${canary} of ${stable + canary} to canary`] },
  });

/** At 100 %, baked for longer than the two minutes of the default by so many seconds. */
function baked(seconds: number, measurement: Measurement | undefined, changes: Partial<Observation> = {}): Observation {
  const traffic = { ...inRelease().rollout.status.release!.traffic!, weight: 100 };
  const observation = inRelease(
    { traffic, stepIndex: 2, stepStartedAt: ago(300), bakingSince: ago(120 + seconds) },
    {
      traffic: routesSplit(100),
      workload: aWorkload({
        paused: true,
        revision: "two",
        replicaSets: [aReplicaSet(), aCanary({ replicas: 4, pods: 4, ready: 4, available: 4 })],
      }),
      measurement,
    },
  );
  return { ...observation, ...changes };
}

test.each([
  ["half of them", measured(50, 50), true],
  ["one in a hundred", measured(10, 990), true],
  ["one in two hundred", measured(5, 995), true],
  ["fewer", measured(4, 996), false],
  ["none", measured(0, 1_000), false],
  ["half of a few", measured(24, 25), false],
])("the old pods stay while they get requests: %s", (_share, measurement, stay) => {
  const decision = decide(baked(1, measurement));
  expect(decision).toMatchObject({ rule: "bake" });
  expect(decision.status.release?.decision).toBe(stay ? undefined : "Promote");
  expect(decision.transitions.map(({ reason }) => reason)).toEqual(stay ? [] : ["Adopting"]);
});

test("after shiftDeadline the callers are named, once, with what to look at and the way on", () => {
  const { status, transitions } = decide(baked(60, measured(100, 900)));
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: "TrafficShifted", status: "False" }));
  expect(status.message).toContain("10 % of 1000 requests still reach the old pods: shop/frozen 900 of 1000 to canary");
  expect(status.message).toMatch(/istioctl proxy-status.*serin promote/);
  expect(transitions.map(({ reason }) => reason)).toContain("TrafficNotShifted");
});

test("a person can go on without them", () => {
  const observation = baked(1, measured(50, 50));
  const rollout = { ...observation.rollout, requests: { promote: "now" } };
  expect(decide({ ...observation, rollout }).status.release?.decision).toBe("Promote");
});

test.each([
  ["routes that are not split name a subset", { traffic: { ...routesSplit(100), isPinned: true } }],
  ["callers that are not split were accepted", { traffic: { ...routesSplit(100), unsplit: ["another"] } }],
  ["nothing was measured", { measurement: undefined }],
])("nobody can tell when %s", (_why, changes) => {
  const observation = baked(1, measured(50, 50), changes);
  expect(waitForLastCallers(observation, observation.rollout.status.release!, noon)).toBeUndefined();
});

test("pods report scrapes and callers without a proxy too", () => {
  const observation = baked(1, measured(50, 50));
  const spec = { analysis: { reporter: "destination" } };
  const rollout = { ...aRollout({ spec }), status: observation.rollout.status };
  expect(waitForLastCallers({ ...observation, rollout }, rollout.status.release!, noon)).toBeUndefined();
});

test("a tool that keeps writing routes sends requests back for a moment each time, and no proxy is blamed for it", () => {
  const disturbed = (seconds: number) => {
    const observation = baked(60, measured(50, 950));
    const release = observation.rollout.status.release!;
    const traffic = { ...release.traffic!, corrections: [ago(seconds)] };
    const status = { ...observation.rollout.status, release: { ...release, traffic } };
    return decide({ ...observation, rollout: { ...observation.rollout, status } }).status.release?.decision;
  };
  expect(disturbed(59)).toBe("Promote");
  expect(disturbed(60)).toBeUndefined();
});
