import { expect, test } from "vitest";
import type { Observation } from "../../../../src/domain/observation.ts";
import { decide } from "../../../../src/domain/decide.ts";
import { mustGoBackUnmeasured } from "../../../../src/domain/rules/safety.ts";
import {
  aCanary,
  aReplicaSet,
  aWorkload,
  inRelease,
  noon,
  routesAtRest,
  routesSplit,
} from "../../../support/observation.ts";

const ago = (seconds: number) => new Date(noon - seconds * 1_000).toISOString();
const withCanary = (changes: Parameters<typeof aCanary>[0]) =>
  aWorkload({ paused: true, revision: "two", replicaSets: [aReplicaSet(), aCanary(changes)] });
const counts = (requests: number, errors: number) => ({ requests, errors, slow: 0, slowOrClose: 0 });
const measured = (errors: number) =>
  ({
    kind: "Counts",
    until: noon,
    stable: counts(900, 0),
    canary: counts(100, errors),
    sinceShift: undefined,
  }) as const;
const asked = (observation: Observation, requests: object): Observation => ({
  ...observation,
  rollout: { ...observation.rollout, requests },
});

test.each([
  ["somebody asked for it", asked(inRelease(), { abort: ago(1) }), "Aborted"],
  [
    "a newer template arrived",
    inRelease(
      {},
      { workload: aWorkload({ paused: true, revision: "three", replicaSets: [aReplicaSet(), aCanary()] }) },
    ),
    "Superseded",
  ],
  [
    "the stable template came back",
    inRelease({}, { workload: aWorkload({ paused: true, replicaSets: [aReplicaSet(), aCanary()] }) }),
    "Reverted",
  ],
  [
    "a canary pod crashed",
    inRelease({}, { workload: withCanary({ crashes: ["pod/app: OOMKilled"] }) }),
    "CanaryCrashed",
  ],
  [
    "no canary pod is ready at a weight",
    inRelease({}, { workload: withCanary({ ready: 0, available: 0 }) }),
    "CanaryUnavailable",
  ],
  [
    "the canary did not get ready in time",
    inRelease(
      { canaryReadyAt: undefined, canaryCreatedAt: ago(601), stepStartedAt: undefined },
      { workload: withCanary({ available: 0 }) },
    ),
    "ProgressDeadlineExceeded",
  ],
  ["too many requests failed", inRelease({}, { measurement: measured(20) }), "ErrorRateTooHigh"],
  [
    "the route is gone",
    inRelease({}, { traffic: { ...routesAtRest, route: { kind: "Absent" } } }),
    "TrafficConfigLost",
  ],
])("goBack when %s", (_why, observation, reason) => {
  const decision = decide(observation);
  expect(decision).toMatchObject({ rule: "goBack", urgent: true, plan: [{ kind: "routeTraffic", weight: 0 }] });
  expect(decision.status.release).toMatchObject({ decision: "Rollback", reason, traffic: { weight: 0 } });
  expect(decision.transitions.map(({ reason: told }) => told)).toContain("RollbackStarted");
});

test.each([
  [
    "an abort that was handled",
    {
      ...asked(inRelease(), { abort: "t" }),
      rollout: {
        ...inRelease().rollout,
        requests: { abort: "t" },
        status: { ...inRelease().rollout.status, handled: { abort: "t" } },
      },
    },
  ],
  [
    "a canary that cannot start yet",
    inRelease(
      { canaryReadyAt: undefined, canaryCreatedAt: ago(601), stepStartedAt: undefined },
      { workload: withCanary({ available: 0, cannotStart: "quota" }) },
    ),
  ],
  ["metrics that are away", inRelease({}, { measurement: { kind: "Unavailable", message: "away" } })],
  ["few failed requests", inRelease({}, { measurement: measured(1) })],
  [
    "pods that are unready without weight",
    inRelease(
      { traffic: { ...inRelease().rollout.status.release!.traffic!, weight: 0 } },
      { workload: withCanary({ ready: 0 }), traffic: routesSplit(0) },
    ),
  ],
])("goBack does not answer for %s", (_why, observation) => {
  expect(decide(observation).rule).not.toBe("goBack");
});

test("mustGoBackUnmeasured() is true for what needs no metrics, so that nothing waits for them", () => {
  expect(mustGoBackUnmeasured(asked(inRelease(), { abort: ago(1) }))).toBe(true);
  expect(mustGoBackUnmeasured(inRelease())).toBe(false);
});
