import { describe, expect, test } from "vitest";
import type { Release, RolloutStatus } from "../../src/api/rollout-status.ts";
import type { Observation } from "../../src/domain/observation.ts";
import { createOutcomeMetrics } from "../../src/outcome-metrics.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";
import { counted, counts } from "../support/measurement.ts";
import { ago, anObservation, aRelease, aRollout, inRelease, routesSplit } from "../support/observation.ts";
import { samplesOf } from "../support/rendered-metrics.ts";

const ended = (number: number, outcome: "Promoted" | "RolledBack", reason?: string): Partial<RolloutStatus> => ({
  history: [
    {
      number,
      outcome,
      reason,
      revision: "two",
      image: "product:v2",
      startedAt: ago(600),
      endedAt: ago(0),
      highestWeight: 100,
      requests: 0,
      failedRequests: 0,
    },
  ],
});

function recorder() {
  const metrics = createMetrics();
  const outcomes = createOutcomeMetrics(metrics);
  const record = (status: Partial<RolloutStatus>, observation: Observation = anObservation()) => {
    outcomes.record(aRollout({ status }), observation);
  };
  return { metrics, record, forget: () => outcomes.forget({ namespace: "shop", name: "product" }) };
}

describe("releases that end", () => {
  test("are counted while the process watches, each once, from zero", async () => {
    const { metrics, record } = recorder();
    record({});
    expect(await samplesOf(metrics)).toMatchObject({
      "serin_releases_total Promoted": 0,
      "serin_releases_total RolledBack": 0,
    });
    record(ended(1, "Promoted"));
    record(ended(1, "Promoted"));
    record(ended(2, "RolledBack", "ErrorRateTooHigh"));
    expect(await samplesOf(metrics)).toMatchObject({
      "serin_releases_total Promoted": 1,
      "serin_releases_total RolledBack": 1,
    });
    const text = await metrics.render();
    expect(text).toContain('serin_rollbacks_total{reason="ErrorRateTooHigh"} 1');
    expect(text).toContain('serin_rollbacks_total{reason="Aborted"} 0');
    expect(text).toContain('serin_release_duration_seconds_sum{outcome="Promoted"} 600');
    expect(text).toContain('serin_release_duration_seconds_count{outcome="RolledBack"} 1');
  });

  test("are not counted where they ended before the process began", async () => {
    const { metrics, record } = recorder();
    record(ended(7, "Promoted"));
    expect(await samplesOf(metrics)).toMatchObject({ "serin_releases_total Promoted": 0 });
    record(ended(8, "Promoted"));
    expect(await samplesOf(metrics)).toMatchObject({ "serin_releases_total Promoted": 1 });
  });

  test("are forgotten with their Rollout", async () => {
    const { metrics, record, forget } = recorder();
    record(ended(1, "Promoted"));
    forget();
    expect(await samplesOf(metrics)).toEqual({});
    record(ended(2, "Promoted"));
    expect(await samplesOf(metrics)).toMatchObject({ "serin_releases_total Promoted": 0 });
  });
});

describe("a rollback", () => {
  const traffic = { ...aRelease().traffic!, weight: 0, routeChangedAt: ago(10) };
  const decided: Partial<Release> = { decision: "Rollback", decidedAt: ago(12), traffic };
  const late = { ...decided, traffic: { ...traffic, routeChangedAt: ago(31) } };
  const looking = (canary: number, release = decided, stable = 900) =>
    inRelease(release, {
      traffic: routesSplit(0),
      measurement: counted(counts(0), counts(stable), { sinceShift: { stable, canary, callers: [] } }),
    });
  const unverified = (called: number, undecided: number, unreported: number) => ({
    "serin_rollbacks_unverified_total called": called,
    "serin_rollbacks_unverified_total undecided": undecided,
    "serin_rollbacks_unverified_total unreported": unreported,
  });
  const underWay = { release: aRelease(decided) };
  const restored = { release: aRelease({ ...decided, traffic: { ...traffic, route: "Rest" } }) };
  const verifications = async ({ metrics }: ReturnType<typeof recorder>) =>
    (await metrics.render()).match(/^serin_rollback_verification_seconds_(?:sum|count) .*$/gm);

  test("is verified once, when no request reaches the canary any more", async () => {
    const seen = recorder();
    seen.record(underWay, looking(90));
    expect(await verifications(seen)).toEqual([
      "serin_rollback_verification_seconds_sum 0",
      "serin_rollback_verification_seconds_count 0",
    ]);
    seen.record(underWay, looking(0));
    seen.record(underWay, looking(0));
    seen.record(restored, looking(0));
    seen.record(ended(1, "RolledBack"), anObservation());
    expect(await verifications(seen)).toEqual([
      "serin_rollback_verification_seconds_sum 12",
      "serin_rollback_verification_seconds_count 1",
    ]);
    expect(await samplesOf(seen.metrics)).toMatchObject(unverified(0, 0, 0));
  });

  test.each([
    ["requests still reach the canary", looking(90, late), unverified(1, 0, 0)],
    ["too few requests are there to tell", looking(0, late, 10), unverified(0, 1, 0)],
    ["routes are gone", inRelease(late, { traffic: { problem: "RouteNotFound", message: "" } }), unverified(0, 1, 0)],
    ["nobody reports", inRelease(late, { traffic: routesSplit(0) }), unverified(0, 0, 1)],
  ])("that goes on although %s is counted once", async (_, observation, expected) => {
    const { metrics, record } = recorder();
    record(underWay, observation);
    expect(await samplesOf(metrics)).toMatchObject(unverified(0, 0, 0));
    record(restored, observation);
    record(restored, inRelease(restored.release));
    record(ended(1, "RolledBack"), anObservation());
    expect(await samplesOf(metrics)).toMatchObject(expected);
  });

  test("of a canary that never had traffic needs no verification", async () => {
    const { metrics, record } = recorder();
    const unseen = { ...decided, highestWeight: 0 };
    record({ release: aRelease(unseen) }, looking(0, unseen));
    record(ended(1, "RolledBack"), anObservation());
    expect(await samplesOf(metrics)).toMatchObject(unverified(0, 0, 0));
  });
});
