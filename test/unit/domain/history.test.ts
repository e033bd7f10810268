import { expect, test } from "vitest";
import { finishRelease, supersededInARow } from "../../../src/domain/history.ts";
import { aRelease, inRelease } from "../../support/observation.ts";

test("finishRelease() writes the outcome down and remembers a rejected revision", () => {
  const release = aRelease({ decision: "Rollback", reason: "ErrorRateTooHigh", explanation: "10 % failed" });
  const ended = finishRelease(inRelease(), release, true);
  expect(ended).toMatchObject({
    release: undefined,
    canary: undefined,
    history: [
      {
        number: 1,
        outcome: "RolledBack",
        image: "product:v2",
        reason: "ErrorRateTooHigh",
        explanation: "10 % failed",
        highestWeight: 10,
      },
    ],
    rejected: [{ revision: "two", reason: "ErrorRateTooHigh" }],
  });
});

test("finishRelease() keeps the commit in the history and in what is rejected", () => {
  const ended = finishRelease(inRelease(), aRelease({ decision: "Rollback", commit: "4f5e" }), true);
  expect([ended.history?.[0]?.commit, ended.rejected?.[0]?.commit]).toEqual(["4f5e", "4f5e"]);
  const unnamed = finishRelease(inRelease(), aRelease({ decision: "Rollback" }), true);
  expect(unnamed.rejected?.[0]).not.toHaveProperty("commit");
});

test("finishRelease() of a promotion takes the revision off the list of rejected ones", () => {
  const observation = inRelease();
  const rejected = [
    { revision: "two", image: "product:v2", reason: "Aborted", at: "x" },
    { revision: "zero", image: "", reason: "", at: "" },
  ];
  const status = { ...observation.rollout.status, rejected };
  const ended = finishRelease(
    { ...observation, rollout: { ...observation.rollout, status } },
    aRelease({ decision: "Promote" }),
    false,
  );
  expect(ended.rejected?.map(({ revision }) => revision)).toEqual(["zero"]);
  expect(ended.history?.[0]).toMatchObject({ outcome: "Promoted" });
});

test("finishRelease() keeps the last ten releases and twenty rejected revisions", () => {
  let observation = inRelease();
  for (let number = 1; number <= 30; number += 1) {
    const canary = { ...observation.rollout.status.canary!, revision: `revision-${number}` };
    const before = { ...observation.rollout, status: { ...observation.rollout.status, canary } };
    const ended = finishRelease({ ...observation, rollout: before }, aRelease({ number, decision: "Rollback" }), true);
    observation = { ...observation, rollout: { ...before, status: { ...before.status, ...ended, canary } } };
  }
  const { history, rejected } = observation.rollout.status;
  expect([history?.length, history?.[0]?.number, rejected?.length, rejected?.[0]?.revision]).toEqual([
    10,
    30,
    20,
    "revision-30",
  ]);
});

test.each([
  [[], 0],
  [["Superseded", "Superseded", undefined, "Superseded"], 2],
  [["Superseded", "Superseded"], 2],
  [["Aborted", "Superseded"], 0],
])("supersededInARow() of %j is %i", (reasons, count) => {
  const history = reasons.map((reason, index) => ({ ...finished, number: 9 - index, reason }));
  expect(supersededInARow(history)).toBe(count);
});

const finished = finishRelease(inRelease(), aRelease({ decision: "Rollback" }), false).history![0]!;
