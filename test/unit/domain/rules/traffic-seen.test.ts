import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Measurement } from "../../../../src/domain/observation.ts";
import { ago, inRelease } from "../../../support/observation.ts";
import { counted, counts } from "../../../support/measurement.ts";

/** The subsets were there long before the routes. */
const traffic = (changes = {}) => ({
  ...inRelease().rollout.status.release!.traffic!,
  subsetsChangedAt: ago(300),
  ...changes,
});
const seen = (stable: number, canary: number): Measurement =>
  counted(counts(0), counts(0), { sinceShift: { stable, canary, callers: ["shop/client 0 of 400"] } });
const waiting = { stepStartedAt: undefined };

test("waitForTraffic takes nothing that was looked at for nothing that was seen", () => {
  const late = inRelease({ stepStartedAt: undefined, traffic: traffic({ routeChangedAt: ago(90) }) }, {});
  expect(decide({ ...late, measurement: undefined })).toMatchObject({ rule: "waitForTraffic", transitions: [] });
});

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

test("waitForTraffic sends traffic back, once, when callers wait for a canary that never answered", () => {
  const usual = { requests: 60_000, lost: 0, length: 600_000, interval: 5_000 };
  const observation = inRelease(
    { ...waiting, usual, traffic: traffic({ routeChangedAt: ago(70) }) },
    { measurement: seen(1_000, 0) },
  );
  const decision = decide(observation);
  expect(decision.status.release).toMatchObject({ decision: "Rollback", reason: "CanaryHangs" });
  expect(decision.plan).toMatchObject([{ kind: "routeTraffic", weight: 0 }]);
  // Traffic that falls while the release has long been held is the evening.
  const held = decide(
    inRelease({ ...waiting, traffic: traffic({ routeChangedAt: ago(70) }) }, { measurement: seen(1_000, 0) }),
  );
  const later = decide({
    ...observation,
    rollout: { ...observation.rollout, status: { ...held.status, release: observation.rollout.status.release } },
  });
  expect(later.status.release?.decision).toBeUndefined();
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

test("waitForTraffic holds when much less traffic is seen than was asked for, and does not doubt the canary", () => {
  const decision = decide(
    inRelease({ ...waiting, traffic: traffic({ routeChangedAt: ago(70) }) }, { measurement: seen(1_000, 5) }),
  );
  expect(decision.transitions).toMatchObject([{ reason: "TrafficNotShifted" }]);
  expect(decision.status.message).toContain("Asked for 10 % to the canary, but 0.5 % of 1005 requests went there");
  expect(decision.status.message).toMatch(/no other VirtualService routes the host\.$/);
});

test("waitForTraffic waits where nothing was counted yet and nothing is known to be missing", () => {
  const release = { ...waiting, analysis: undefined, traffic: traffic({ routeChangedAt: ago(5) }) };
  const decision = decide(inRelease(release, { measurement: { kind: "NoData", message: "no scrape yet" } }));
  expect(decision).toMatchObject({ rule: "waitForTraffic", transitions: [] });
  expect(decision.status.message).toBe("Waiting until 10 % of the traffic is seen at the canary.");
});
