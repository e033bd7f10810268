import { expect, test } from "vitest";
import { currentRejections, rejectedRevisions, rejectionOf, seenRejections } from "../../../src/domain/rejections.ts";
import { aRollout, aWorkload, anObservation } from "../../support/observation.ts";

const entry = { revision: "two", image: "product:v2", reason: "LatencyTooHigh", at: "then" };
const wanting = (revision: string, changes = {}) => aWorkload({ revision, ...changes });
const remembering = (...revisions: string[]) =>
  anObservation({ rollout: aRollout({ status: { rejected: revisions.map((revision) => ({ ...entry, revision })) } }) });

test("rejectionOf() knows what this Rollout rejected, and what an earlier one noted on the Deployment", () => {
  expect(rejectionOf(remembering("two"), wanting("two"))).toMatchObject({ reason: "LatencyTooHigh" });
  expect(rejectionOf(remembering(), wanting("two", { rejectedRevisions: ["two"] }))).toEqual({});
  expect(rejectionOf(remembering("two"), wanting("three", { rejectedRevisions: ["two"] }))).toBeUndefined();
});

test("a rejected template that a newer Kubernetes gives another name is still the rejected one", () => {
  const [seen] = seenRejections([entry], wanting("two", { generation: 5 })) ?? [];
  expect(seen).toEqual({ ...entry, deployment: { uid: "uid-d", generation: 5 } });
  expect(currentRejections([seen!], wanting("two-defaulted", { generation: 5 }))?.[0]?.revision).toBe("two-defaulted");
});

test.each([
  ["a change", { generation: 6 }],
  ["another Deployment of that name", { generation: 5, uid: "uid-again" }],
])("a rejection is not taken for that of %s", (_what, changes) => {
  const seen = seenRejections([entry], wanting("two", { generation: 5 }));
  expect(currentRejections(seen, wanting("three", changes))?.[0]?.revision).toBe("two");
});

test("rejectedRevisions() merges what both remember, the newest first, without the proven one, twenty at most", () => {
  const workload = wanting("two", { rejectedRevisions: ["two", "zero", "one"] });
  expect(rejectedRevisions(remembering("three", "two"), workload)).toEqual(["three", "two", "zero"]);
  const many = Array.from({ length: 30 }, (_, index) => `revision-${index}`);
  expect(rejectedRevisions(remembering(...many), workload)).toEqual(many.slice(0, 20));
});

test("seenRejections() leaves those of other revisions as they are", () => {
  const other = { ...entry, revision: "zero" };
  expect(seenRejections([other], wanting("two"))).toEqual([other]);
  expect(seenRejections(undefined, wanting("two"))).toBeUndefined();
});
