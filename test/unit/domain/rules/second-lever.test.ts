import { expect, test } from "vitest";
import type { Release } from "../../../../src/api/rollout-status.ts";
import { decide } from "../../../../src/domain/decide.ts";
import type { Measurement } from "../../../../src/domain/observation.ts";
import { answer } from "../../../../src/domain/answer.ts";
import { needsEvidence, withSecondLever } from "../../../../src/domain/rules/second-lever.ts";
import { mustGoBackUnmeasured } from "../../../../src/domain/rules/safety.ts";
import { ago, inRelease, routesAtRest, routesSplit } from "../../../support/observation.ts";
import { counted } from "../../../support/measurement.ts";

const counts = (requests: number, errors: number) => ({ requests, errors, slow: 0, slowOrClose: 0 });
const none = counts(0, 0);

/** A rollback that was decided some seconds ago, and whose routes are still as they were. */
function atBlock(seconds: number, errors: number, changes: Partial<Release> = {}, measurement?: Measurement) {
  return inRelease(
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
    { traffic: routesSplit(10), measurement },
  );
}

const blocked = (...block: Parameters<typeof atBlock>) => decide(atBlock(...block));

const back = { kind: "routeTraffic", weight: 0 };

test("routes that cannot be changed: pods whose answers were mostly errors go after rollbackDeadline, and it is told", () => {
  const { rule, plan, transitions } = blocked(30, 50);
  expect(rule).toBe("finishRollback");
  expect(plan).toMatchObject([{ kind: "scaleCanary", replicaSet: "product-a-two", replicas: 0 }, back]);
  expect(transitions).toMatchObject([{ reason: "CanaryStopped" }]);
  expect(transitions[0]?.note).toContain("30s");
});

test("a version that broke after it had served well is known by its last answers", () => {
  const of = (requests: number, errors: number) => counted(counts(requests, errors));
  expect(blocked(31, 10, {}, of(40, 20)).transitions).toMatchObject([{ reason: "CanaryStopped" }]);
  expect(blocked(31, 10, {}, of(40, 19)).transitions).toEqual([]);
  expect(blocked(31, 10, {}, of(19, 19)).transitions).toEqual([]);
});

test("a blocked rollback is measured again where that decides about the pods; otherwise nothing is waited for", () => {
  const observation = (seconds: number) => atBlock(seconds, 10);
  expect(mustGoBackUnmeasured(observation(29))).toBe(true);
  expect(mustGoBackUnmeasured(observation(30))).toBe(false);
  // Whatever decides without it waits for nothing.
  expect(mustGoBackUnmeasured(atBlock(30, 50))).toBe(true);
  expect(mustGoBackUnmeasured(atBlock(30, 10, { reason: "Aborted" }))).toBe(true);
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

test.each([
  ["cannot be read", { problem: "RouteNotFound", message: "gone" } as const],
  ["are as they were before the release", routesAtRest],
  ["send nothing to the canary", routesSplit(0)],
])("no pods are taken away, and no evidence is needed, where the routes %s", (_how, traffic) => {
  const observation = { ...atBlock(60, 10), traffic };
  const release = observation.rollout.status.release!;
  const answered = answer(observation, {
    standing: { kind: "RollingBack", reason: "RollingBack", phase: "", message: "" },
  });
  expect(withSecondLever(observation, release, answered)).toBe(answered);
  expect(needsEvidence(observation, release)).toBe(false);
});
