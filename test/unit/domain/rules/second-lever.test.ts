import { expect, test } from "vitest";
import type { Release } from "../../../../src/api/rollout-status.ts";
import { decide } from "../../../../src/domain/decide.ts";
import { inRelease, noon, routesSplit } from "../../../support/observation.ts";

const ago = (seconds: number) => new Date(noon - seconds * 1_000).toISOString();
const counts = (requests: number, errors: number) => ({ requests, errors, slow: 0, slowOrClose: 0 });
const none = counts(0, 0);

/** A rollback that was decided some seconds ago, and whose routes are still as they were. */
function blocked(seconds: number, errors: number, changes: Partial<Release> = {}) {
  return decide(
    inRelease(
      {
        decision: "Rollback",
        reason: "ErrorRateTooHigh",
        decidedAt: ago(seconds),
        traffic: { ...inRelease().rollout.status.release!.traffic!, weight: 0, routeChangedAt: ago(seconds) },
        analysis: {
          watermark: ago(seconds),
          step: { stable: none, canary: none },
          release: { stable: none, canary: counts(100, errors) },
        },
        ...changes,
      },
      { traffic: routesSplit(10) },
    ),
  );
}

const back = { kind: "routeTraffic", weight: 0 };

test("routes that cannot be changed: pods whose answers were mostly errors go after rollbackDeadline, and it is told", () => {
  const { rule, plan, transitions } = blocked(30, 50);
  expect(rule).toBe("finishRollback");
  expect(plan).toMatchObject([{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 }, back]);
  expect(transitions).toMatchObject([{ reason: "CanaryStopped" }]);
  expect(transitions[0]?.note).toContain("30s");
});

test.each([
  ["before rollbackDeadline", blocked(29, 100)],
  ["when it mostly works", blocked(31, 49)],
  ["when it is slow", blocked(31, 100, { reason: "LatencyTooHigh" })],
  ["when a person asked", blocked(31, 100, { reason: "Aborted" })],
])("routes that cannot be changed: the canary's pods serve on %s", (_when, { plan, transitions }) => {
  expect(plan).toMatchObject([back]);
  expect(transitions).toEqual([]);
});
