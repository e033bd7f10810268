import { expect, test } from "vitest";
import { isWorthWriting } from "../../../src/domain/worth-writing.ts";
import type { RolloutStatus } from "../../../src/api/rollout-status.ts";
import { aRelease, noon } from "../../support/observation.ts";

const minute = 60_000;
const status = (changes: Partial<RolloutStatus> = {}): RolloutStatus => ({
  observedGeneration: 1,
  message: "a",
  release: aRelease(),
  ...changes,
});
const counted = aRelease({
  analysis: { ...aRelease().analysis!, watermark: new Date(noon).toISOString(), judgement: "0 % of 10 failed" },
});

const calmAfter = (requests: number) => ({
  at: "2026-01-01T00:00:00Z",
  calm: { requests, errors: 0, slow: 0, slowOrClose: 0 },
});

test.each([
  ["counts and sentences alone, within the period", status({ release: counted, message: "b" }), noon - 1, false],
  ["counts alone, after the period", status({ release: counted }), noon, true],
  ["another step", status({ release: { ...counted, stepIndex: 1 } }), noon - 1, true],
  [
    "data that went missing",
    status({ release: aRelease({ analysis: { ...counted.analysis!, noDataSince: "x" } }) }),
    noon - 1,
    true,
  ],
  [
    "another verdict",
    status({ release: aRelease({ analysis: { ...counted.analysis!, verdict: "Pass" } }) }),
    noon - 1,
    true,
  ],
  [
    "both versions over a limit",
    status({ release: aRelease({ analysis: { ...counted.analysis!, sharedSince: "x" } }) }),
    noon - 1,
    true,
  ],
  [
    "a point check that was made again",
    status({
      release: {
        ...counted,
        analysis: { ...counted.analysis!, checks: [{ name: "own", at: "x", found: "Outside", failures: 1 }] },
      },
    }),
    noon - 1,
    true,
  ],
  ["stepping back", status({ release: { ...counted, steppedBack: calmAfter(0) } }), noon - 1, true],
  ["another phase", status({ phase: "Held" }), noon - 1, true],
  ["the end of the release", status({ release: undefined }), noon - 1, true],
])("isWorthWriting() of %s", (_what, after, now, expected) => {
  expect(isWorthWriting(status(), after, now, minute)).toBe(expected);
});

test("isWorthWriting() of stable's requests while stepped back is false", () => {
  const [before, after] = [0, 5].map((requests) =>
    status({ release: { ...counted, steppedBack: calmAfter(requests) } }),
  );
  expect(isWorthWriting(before!, after!, noon + 1, minute)).toBe(false);
});

test("isWorthWriting() of data that are still missing is false, however long they are", () => {
  const missing = status({ release: aRelease({ analysis: { ...counted.analysis!, noDataSince: "x" } }) });
  const later = { ...missing, message: "Prometheus still does not answer" };
  expect(isWorthWriting(missing, later, noon + 10 * minute, minute)).toBe(false);
});

test("isWorthWriting() is true while nothing is counted: what equals is left to the write", () => {
  const before = status({ release: aRelease({ analysis: undefined }) });
  expect(isWorthWriting(before, { ...before, message: "b" }, noon, minute)).toBe(true);
});
