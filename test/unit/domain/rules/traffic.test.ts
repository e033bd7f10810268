import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Measurement } from "../../../../src/domain/observation.ts";
import { inRelease, noon, routesSplit } from "../../../support/observation.ts";

const ago = (seconds: number) => new Date(noon - seconds * 1_000).toISOString();
const traffic = (changes = {}) => ({ ...inRelease().rollout.status.release!.traffic!, ...changes });
const none = { requests: 0, errors: 0, slow: 0, slowOrClose: 0 };
const seen = (stable: number, canary: number): Measurement => ({
  kind: "Counts",
  until: noon,
  stable: none,
  canary: none,
  sinceShift: { stable, canary, callers: ["shop/client 0 of 400"] },
});

test("shiftTraffic stores the weight before it is written, and stops the step's clock", () => {
  const decision = decide(
    inRelease({ traffic: traffic({ weight: 0 }), highestWeight: 0 }, { traffic: routesSplit(0) }),
  );
  expect(decision).toMatchObject({
    rule: "shiftTraffic",
    plan: [{ kind: "routeTraffic", weight: 10 }],
    transitions: [{ reason: "WeightChanged" }],
  });
  expect(decision.status.release).toMatchObject({ highestWeight: 10, traffic: { weight: 10, routeChangedAt: ago(0) } });
  expect(decision.status.release?.stepStartedAt).toBeUndefined();
});

test("shiftTraffic puts back what somebody else wrote, and tells who", () => {
  const foreign = { ...routesSplit(60), foreignManager: "argocd-controller" };
  const decision = decide(inRelease({}, { traffic: foreign }));
  expect(decision).toMatchObject({
    plan: [{ kind: "routeTraffic", weight: 10 }],
    transitions: [{ reason: "WeightsCorrected" }],
  });
  const third = decide(inRelease({ traffic: traffic({ corrections: [ago(20), ago(10)] }) }, { traffic: foreign }));
  expect(third.transitions.map(({ reason }) => reason)).toEqual(["WeightsCorrected", "FieldOwnershipConflict"]);
  expect(third.transitions[1]?.note).toContain("ignoreDifferences");
  const old = decide(inRelease({ traffic: traffic({ corrections: [ago(90), ago(80)] }) }, { traffic: foreign }));
  expect(old.transitions.map(({ reason }) => reason)).toEqual(["WeightsCorrected"]);
});

test("shiftTraffic does not blame anybody for a cache that is behind", () => {
  const decision = decide(
    inRelease({ traffic: traffic({ routeChangedAt: ago(1) }), stepStartedAt: undefined }, { traffic: routesSplit(0) }),
  );
  expect(decision).toMatchObject({ plan: [{ kind: "routeTraffic", weight: 10 }], transitions: [] });
});

const waiting = { stepStartedAt: undefined };

test.each([
  ["seen", seen(900, 100), 10, "TrafficShifted", "True"],
  ["too few to see", seen(8, 1), 70, "TrafficShifted", "Unknown"],
])("waitForTraffic starts the step's clock: %s", (_what, measurement, seconds, reason, status) => {
  const decision = decide(
    inRelease({ ...waiting, traffic: traffic({ routeChangedAt: ago(seconds) }) }, { measurement }),
  );
  expect(decision).toMatchObject({ rule: "waitForTraffic", transitions: [{ reason }] });
  expect(decision.status.release?.stepStartedAt).toBe(ago(0));
  expect(decision.status.conditions?.find(({ type }) => type === "TrafficShifted")?.status).toBe(status);
});

test("waitForTraffic holds and names the callers when traffic does not move", () => {
  const decision = decide(
    inRelease({ ...waiting, traffic: traffic({ routeChangedAt: ago(70) }) }, { measurement: seen(1_000, 0) }),
  );
  expect(decision.transitions).toMatchObject([{ reason: "TrafficNotShifted" }]);
  expect(decision.status.conditions?.find(({ type }) => type === "TrafficShifted")).toMatchObject({
    status: "False",
    reason: "TrafficNotShifted",
  });
  expect(decision.status.message).toContain("shop/client 0 of 400");
  expect(decision.status.release?.stepStartedAt).toBeUndefined();
});

test("waitForTraffic goes on when a person says so, with or without metrics", () => {
  const observation = inRelease(waiting, { measurement: { kind: "Unavailable", message: "away" } });
  const decision = decide({ ...observation, rollout: { ...observation.rollout, requests: { promote: "t" } } });
  expect(decision.status.release?.stepStartedAt).toBe(ago(0));
});

test("waitForTraffic waits while it is too soon, and holds without metrics", () => {
  expect(
    decide(inRelease({ ...waiting, traffic: traffic({ routeChangedAt: ago(10) }) }, { measurement: seen(1_000, 0) }))
      .status.release?.stepStartedAt,
  ).toBeUndefined();
  const away = decide(
    inRelease(waiting, { measurement: { kind: "Unavailable", message: "Prometheus does not answer." } }),
  );
  expect(away).toMatchObject({ transitions: [{ reason: "MetricsUnavailable" }] });
});
