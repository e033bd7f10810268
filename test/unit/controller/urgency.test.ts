import { expect, test } from "vitest";
import { isAtRisk } from "../../../src/controller/urgency.ts";

const rollout = (status?: Record<string, unknown>) => ({
  metadata: { name: "product" },
  ...(status === undefined ? {} : { status }),
});

test.each([
  ["a canary has traffic", { release: { traffic: { weight: 10 } } }, true],
  ["a rollback is under way", { release: { decision: "Rollback", traffic: { weight: 0 } } }, true],
  ["a release has no traffic yet", { release: { traffic: { weight: 0 } } }, false],
  ["a release has just begun", { release: {} }, false],
  ["there is no release", {}, false],
  ["there is no status", undefined, false],
  ["somebody wrote nonsense into it", { release: { traffic: "all" } }, false],
])("%s", (_what, status, expected) => {
  expect(isAtRisk(rollout(status))).toBe(expected);
});

test("a Rollout that is gone is at no risk", () => {
  expect(isAtRisk(undefined)).toBe(false);
});
