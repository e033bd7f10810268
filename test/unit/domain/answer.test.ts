import { expect, test } from "vitest";
import { answer, pollPeriod, releaseKey } from "../../../src/domain/answer.ts";
import { aRelease, anObservation, inRelease } from "../../support/observation.ts";

const standing = { kind: "Progressing", reason: "Progressing", phase: "Progressing", message: "It goes on." } as const;

test("answer() without more than a standing keeps the status and plans nothing; it looks again soon", () => {
  const observation = inRelease();
  const given = answer(observation, { standing });
  expect(given).toMatchObject({ plan: [], transitions: [], wakeAfter: pollPeriod, urgent: false });
  expect(given.status.release).toEqual(observation.rollout.status.release);
  expect(given.status.conditions?.[0]).toMatchObject({ type: "Ready", reason: "Progressing", message: "It goes on." });
});

test("answer() fills the columns that people read from the release", () => {
  const at = (stepIndex: number) => answer(inRelease({ stepIndex }), { standing }).status;
  expect(at(0)).toMatchObject({ step: "1/3", weight: 10, hold: "Policy", engineVersion: "0.0.0" });
  expect(at(2)).toMatchObject({ step: "3/3" });
});

test("answer() takes the columns away with the release", () => {
  const { status } = answer(inRelease(), { standing, status: { release: undefined } });
  expect(status).toMatchObject({ step: undefined, weight: undefined });
});

test("answer() says weight 0 of a release that has not touched traffic", () => {
  const release = aRelease({ traffic: undefined });
  expect(answer(anObservation(), { standing, status: { release } }).status.weight).toBe(0);
});

test("answer() waits for a change when a rule says so, and only then", () => {
  expect(answer(anObservation(), { standing, wakeAfter: undefined }).wakeAfter).toBeUndefined();
  expect(answer(anObservation(), { standing, wakeAfter: 5_000 }).wakeAfter).toBe(5_000);
});

test("releaseKey() tells one release from the others", () => {
  expect(releaseKey(aRelease({ number: 3 }), 1, "x")).toBe("release-3 1 x");
  expect(releaseKey(aRelease({ number: 3 }))).not.toBe(releaseKey(aRelease({ number: 4 })));
});
