import { expect, test } from "vitest";
import { withCurrentRevisions } from "../../../src/domain/current-revisions.ts";
import { aCanary, aReplicaSet, aWorkload, anObservation, inRelease } from "../../support/observation.ts";

test("withCurrentRevisions() names stable and canary as their templates are read now", () => {
  const replicaSets = [aReplicaSet({ revision: "one-defaulted" }), aCanary({ revision: "two-defaulted" })];
  const { status } = withCurrentRevisions(inRelease({}, { workload: aWorkload({ replicaSets }) })).rollout;
  expect([status.stable?.revision, status.canary?.revision]).toEqual(["one-defaulted", "two-defaulted"]);
  expect(status.canary?.podTemplateHash).toBe("two");
});

test("withCurrentRevisions() keeps the stored names of what is not there", () => {
  const observation = anObservation({ workload: aWorkload({ replicaSets: [] }) });
  expect(withCurrentRevisions(observation).rollout.status.stable).toEqual(observation.rollout.status.stable);
});
