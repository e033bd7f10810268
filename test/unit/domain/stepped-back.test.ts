import { expect, test } from "vitest";
import type { Counts } from "../../../src/api/rollout-status.ts";
import { isWellAgain, ownFault } from "../../../src/domain/stepped-back.ts";
import { counts } from "../../support/measurement.ts";
import { aRelease, aRollout } from "../../support/observation.ts";

const specWith = (analysis: object) => aRollout({ spec: { analysis } }).spec!;
const checkout = { metrics: [{ name: "checkout", ratio: { bad: "a", total: "b", max: "1%" } }] };
const having = (bad: number, total: number): Counts => ({
  ...counts(1_000),
  metrics: [{ name: "checkout", bad, total }],
});

test.each([
  ["too few requests", {}, counts(20), false],
  ["enough good ones", {}, counts(1_000), true],
  ["enough, of which too many failed", {}, counts(1_000, 50), false],
  ["no counts of a ratio that stable does not count at all", checkout, counts(1_000), true],
  ["too few counts of a team's own ratio", checkout, having(0, 20), false],
  ["enough good counts of it", checkout, having(0, 1_000), true],
])("stable is seen to be well again or not by %s", (_what, analysis, calm, expected) => {
  expect(isWellAgain(specWith(analysis), calm)).toBe(expected);
});

const outage = { cash: 1_000, mean: [] };

test("ownFault() is the limit that the canary is over, unless stable was over it too", () => {
  const fault = (stable: Counts) => {
    const canary = counts(100, 50);
    const analysis = {
      ...aRelease().analysis!,
      blocks: 6,
      step: { stable, canary },
      release: { stable, canary },
      evidence: { errors: { limit: outage } },
    };
    return ownFault(specWith({}), aRelease({ analysis }))?.limit.reason;
  };
  expect([fault(counts(900)), fault(counts(900, 90))]).toEqual(["ErrorRateTooHigh", undefined]);
  expect(ownFault(specWith({}), aRelease({ analysis: undefined }))).toBeUndefined();
});
