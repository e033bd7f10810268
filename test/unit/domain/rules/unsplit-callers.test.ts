import { expect, test } from "vitest";
import { decide } from "../../../../src/domain/decide.ts";
import type { Arrivals, Observation } from "../../../../src/domain/observation.ts";
import { holdForUnsplit } from "../../../../src/domain/rules/unsplit-callers.ts";
import { aRelease, aReplicaSet, aRollout, aWorkload, canaryRevision } from "../../../support/observation.ts";
import { anObservation, routesAtRest } from "../../../support/observation.ts";

const release = aRelease({
  traffic: undefined,
  analysis: undefined,
  canaryCreatedAt: undefined,
  stepStartedAt: undefined,
});

/** A release that has begun and touched nothing yet. */
function beginning(arrivals: Arrivals | undefined, requests = {}): Observation {
  return anObservation({
    rollout: aRollout({ status: { release, canary: canaryRevision, releases: 1 }, requests }),
    workload: aWorkload({ paused: true, revision: "two", image: "product:v2", replicaSets: [aReplicaSet()] }),
    traffic: routesAtRest,
    original: "{}",
    arrivals,
  });
}

const counted = (withoutProxy: number, requests: number): Arrivals => ({
  kind: "Counts",
  span: 300_000,
  requests,
  withoutProxy,
});

test.each([
  [0, 1_000, false],
  [49, 100, false],
  [50, 100, true],
  [50, 1_000, true],
  [50, 1_001, false],
  [400, 9_000, false],
])("%i of %i requests without a proxy hold a release: %s", (withoutProxy, requests, holds) => {
  const observation = beginning(counted(withoutProxy, requests));
  expect(holdForUnsplit(observation, release) !== undefined).toBe(holds);
  expect(decide(observation).status.release?.traffic === undefined).toBe(holds);
});

test("routes that would not be split keep a release from starting, and are told once", () => {
  const unsplit = ["VirtualService shop/other sends to product without a subset"];
  const waiting = (status = {}) =>
    decide(
      anObservation({
        rollout: aRollout({ status }),
        workload: aWorkload({ paused: true, revision: "two", image: "product:v2", replicaSets: [aReplicaSet()] }),
        traffic: { ...routesAtRest, unsplit },
      }),
    );
  const first = waiting();
  expect(first).toMatchObject({ rule: "startRelease", plan: [], transitions: [{ reason: "InvalidSpec" }] });
  expect(first.status).toMatchObject({ phase: "Stalled", message: expect.stringContaining(unsplit[0]!) as string });
  expect(first.status.release).toBeUndefined();
  expect(waiting(first.status).transitions).toEqual([]);
});

test("what holds it is told with numbers, the label to look for and both ways on", () => {
  const { status, transitions } = decide(beginning(counted(120, 1_000)));
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: "Ready", reason: "UnsplitRoute" }));
  expect(status.message).toContain("12 % of the 1000 requests that the pods got in the last 5m, 120,");
  expect(status.message).toContain('source_workload="unknown"');
  expect(status.message).toContain("spec.traffic.unsplit: accept");
  expect(transitions).toMatchObject([{ reason: "Held" }]);
  // Each look is a rehearsal of all writes.
  expect(decide(beginning(counted(120, 1_000))).wakeAfter).toBe(5_000);
});

test("without metrics nobody can say who calls, so the release does not begin", () => {
  const { status } = decide(beginning({ kind: "Unavailable", message: "Prometheus cannot be reached" }));
  expect(status.conditions).toContainEqual(expect.objectContaining({ type: "Ready", reason: "MetricsUnavailable" }));
  expect(status.release?.traffic).toBeUndefined();
});

test("a person can begin it all the same; the request is for that and for no step", () => {
  for (const arrivals of [counted(120, 1_000), { kind: "Unavailable", message: "no" } as const]) {
    const { status } = decide(beginning(arrivals, { promote: "now" }));
    expect(status).toMatchObject({ release: { traffic: { weight: 0 } }, handled: { promote: "now" } });
  }
  const { status } = decide(beginning(counted(0, 1_000), { promote: "now" }));
  expect(status.handled?.promote).toBeUndefined();
});
