import { expect, test } from "vitest";
import { judgeRelease, missingData, withMeasurement } from "../../../src/domain/evidence.ts";
import { aRelease, inRelease, noon } from "../../support/observation.ts";

const counts = (requests: number, errors = 0) => ({ requests, errors, slow: 0, slowOrClose: 0 });
const measured = {
  kind: "Counts",
  until: noon,
  stable: counts(900),
  canary: counts(100, 20),
  sinceShift: undefined,
} as const;

test("withMeasurement() adds what was counted since the watermark, and moves it", () => {
  const { rollout } = withMeasurement(inRelease({}, { measurement: measured }));
  expect(rollout.status.release?.analysis).toMatchObject({
    watermark: new Date(noon).toISOString(),
    step: { canary: { requests: 100, errors: 20 }, stable: { requests: 900 } },
    release: { canary: { requests: 100, errors: 20 } },
    verdict: "Fail",
  });
});

test("withMeasurement() from the same stored status counts the same: nothing twice", () => {
  const observation = inRelease({}, { measurement: measured });
  expect(withMeasurement(observation)).toEqual(withMeasurement(observation));
});

test("withMeasurement() notes since when data are missing, and forgets it when they are back", () => {
  const away = { kind: "Unavailable", message: "Prometheus does not answer." } as const;
  const first = withMeasurement(inRelease({}, { measurement: away }));
  expect(first.rollout.status.release?.analysis?.noDataSince).toBe(new Date(noon).toISOString());
  const later = withMeasurement({ ...first, now: noon + 5_000 });
  expect(missingData(later)).toEqual({ since: noon, message: "Prometheus does not answer." });
  const back = withMeasurement({ ...first, measurement: measured });
  expect(back.rollout.status.release?.analysis?.noDataSince).toBeUndefined();
  expect(missingData(back)).toBeUndefined();
});

test("judgeRelease() with nothing counted yet is undecided", () => {
  expect(judgeRelease(inRelease().rollout.spec!, aRelease({ analysis: undefined })).verdict).toBe("Undecided");
});
