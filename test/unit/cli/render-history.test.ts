import { expect, test } from "vitest";
import { renderHistory } from "../../../src/cli/render-history.ts";
import { before } from "./rollouts.ts";

const promoted = {
  number: 3,
  revision: "r3",
  image: "product:3",
  outcome: "Promoted",
  startedAt: before(600),
  endedAt: before(300),
  highestWeight: 100,
  requests: 12_345,
  failedRequests: 6,
} as const;

const rolledBack = {
  ...promoted,
  number: 4,
  image: "product:4",
  outcome: "RolledBack",
  reason: "ErrorRateTooHigh",
  explanation: "5 % failed.",
  startedAt: before(90),
  endedAt: before(60),
  highestWeight: 10,
} as const;

test("a line for each release, the newest first, whatever order they are stored in", () => {
  expect(renderHistory([promoted, rolledBack])).toBe(
    `RELEASE  OUTCOME     ENDED                     TOOK  WEIGHT  REQUESTS  FAILED  IMAGE      WHY
4        RolledBack  2026-01-01T11:59:00.000Z  30s   10 %    12,345    6       product:4  ErrorRateTooHigh: 5 % failed.
3        Promoted    2026-01-01T11:55:00.000Z  5m    100 %   12,345    6       product:3`,
  );
});

test("nothing yet is said in words", () => {
  expect(renderHistory([])).toBe("No release has ended yet.");
});
