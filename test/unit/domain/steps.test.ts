import { expect, test } from "vitest";
import { canarySize, stepLabel, stepsOf, weightAt, weightOf } from "../../../src/domain/steps.ts";
import { aRelease, aRollout } from "../../support/observation.ts";

const specWith = (steps: object[]) => aRollout({ spec: { steps } }).spec!;

test.each([
  [
    [{ weight: 10 }, { weight: 100 }],
    [{ weight: 10 }, { weight: 100 }],
  ],
  [[{ weight: 10 }], [{ weight: 10 }, { weight: 100 }]],
  [
    [{ weight: 100 }, { pause: {} }],
    [{ weight: 100 }, { pause: {} }],
  ],
  [
    [{ weight: 10 }, { pause: {} }],
    [{ weight: 10 }, { pause: {} }, { weight: 100 }],
  ],
  [
    [{ weight: 0 }, { pause: {} }],
    [{ weight: 0 }, { pause: {} }, { weight: 100 }],
  ],
])("stepsOf() ends %j at 100", (steps, expected) => {
  expect(stepsOf(specWith(steps))).toEqual(expected);
});

test("weightAt() gives a pause the weight of the step before it, and 0 before the first", () => {
  const steps = [{ pause: {} }, { weight: 20 }, { pause: {} }, { weight: 100 }];
  expect(steps.map((_step, index) => weightAt(steps, index))).toEqual([0, 20, 20, 100]);
});

test.each([
  [4, 10, 1],
  [4, 25, 1],
  [4, 26, 2],
  [4, 50, 2],
  [4, 100, 4],
  [10, 10, 1],
  [10, 11, 2],
  [1, 1, 1],
  [3, 0, 1],
  [0, 50, 0],
])("canarySize() of %i replicas at %i %% is %i", (replicas, weight, size) => {
  expect(canarySize(replicas, weight)).toBe(size);
});

test("stepLabel() counts the steps as people do", () => {
  expect(stepLabel(specWith([{ weight: 10 }, { weight: 50 }]), aRelease({ stepIndex: 1 }))).toBe("2/3");
  expect(stepLabel(specWith([{ weight: 10 }]), aRelease({ stepIndex: 9 }))).toBe("2/2");
});

test("weightOf() is what was last asked for, and nothing before that", () => {
  expect([weightOf(aRelease()), weightOf(aRelease({ traffic: undefined }))]).toEqual([10, 0]);
});
