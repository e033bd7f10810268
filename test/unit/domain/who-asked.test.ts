import { expect, test } from "vitest";
import { decide } from "../../../src/domain/decide.ts";
import { whoAsked } from "../../../src/domain/who-asked.ts";
import { anObservation, aRollout, inRelease } from "../../support/observation.ts";

const at = "2026-01-01T12:00:00Z";

test("whoAsked() is the name that admission wrote down, or a person", () => {
  expect(whoAsked(anObservation())).toBe("A person");
  expect(whoAsked(anObservation({ rollout: aRollout({ requestedBy: "alice@example.com" }) }))).toBe(
    "alice@example.com",
  );
});

test("an abort and a pause are told with who asked for them", () => {
  const observation = inRelease();
  const asked = (requests: object) => {
    const rollout = { ...observation.rollout, requests, requestedBy: "alice@example.com" };
    return decide({ ...observation, rollout });
  };
  expect(asked({ abort: at }).status.release?.explanation).toBe(`alice@example.com asked for it at ${at}.`);
  expect(asked({ pause: at }).status.message).toContain(`alice@example.com asked for a pause at ${at}`);
});
