import { describe, expect, test } from "vitest";
import type { Condition, RolloutStatus } from "../../src/api/rollout-status.ts";
import { decide } from "../../src/domain/decide.ts";
import type { Transition } from "../../src/domain/decision.ts";
import { createReleaseMetrics } from "../../src/release-metrics.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";
import { counted, counts } from "../support/measurement.ts";
import { aRelease, aRollout, anObservation, canaryRevision, inRelease } from "../support/observation.ts";
import { samplesOf } from "../support/rendered-metrics.ts";

const atRest = decide(anObservation());

const because = (reason: Condition["reason"], type: Condition["type"] = "Ready"): Condition => ({
  type,
  status: type === "Stalled" ? "True" : "False",
  reason,
  message: "",
  observedGeneration: 1,
  lastTransitionTime: "2026-01-01T12:00:00Z",
});

function recorder() {
  const metrics = createMetrics();
  const releaseMetrics = createReleaseMetrics(metrics);
  const rollout = (status: Partial<RolloutStatus>, name = "product") =>
    aRollout({ key: { namespace: "shop", name }, status });
  return {
    metrics,
    releaseMetrics,
    record: (status: Partial<RolloutStatus>, transitions: readonly Transition[] = [], name = "product") => {
      releaseMetrics.countDecision({ namespace: "shop", name }, { ...atRest, transitions });
      releaseMetrics.record(rollout(status, name), { ...atRest, transitions }, anObservation());
    },
    fail: (status: Partial<RolloutStatus>, transitions: readonly Transition[]) =>
      releaseMetrics.recordFailure(rollout(status), transitions),
  };
}

describe("release metrics", () => {
  test("show weight, whether a release is under way, and whether a person is needed", async () => {
    const { metrics, record } = recorder();
    record({ release: aRelease() });
    expect(await samplesOf(metrics)).toMatchObject({
      serin_release_weight_ratio: 0.1,
      serin_release_under_way: 1,
      serin_release_rolling_back: 0,
      serin_rollout_stalled: 0,
    });
    record({ release: aRelease({ decision: "Rollback" }) });
    expect(await samplesOf(metrics)).toMatchObject({ serin_release_under_way: 1, serin_release_rolling_back: 1 });
    record({ release: aRelease({ decision: "Promote" }) });
    expect(await samplesOf(metrics)).toMatchObject({ serin_release_promoting: 1, serin_release_rolling_back: 0 });
    record({ release: undefined, conditions: [because("RolledBack"), because("RolledBack", "Stalled")] });
    expect(await samplesOf(metrics)).toMatchObject({
      "serin_rollout_reason RolledBack": 1,
      serin_release_weight_ratio: 0,
      serin_release_under_way: 0,
      serin_release_rolling_back: 0,
      serin_release_promoting: 0,
      serin_rollout_stalled: 1,
    });
  });

  test("have one series for the reason, also of what failed", async () => {
    const { metrics, record, fail } = recorder();
    const reasons = async () =>
      Object.keys(await samplesOf(metrics)).filter((name) => name.startsWith("serin_rollout_reason"));
    record({ conditions: [because("Progressing")] });
    expect(await reasons()).toEqual(["serin_rollout_reason Progressing"]);
    fail({ conditions: [because("TrafficConfigRejected")] }, [{ reason: "RollbackBlocked", key: "k", note: "" }]);
    expect(await reasons()).toEqual(["serin_rollout_reason TrafficConfigRejected"]);
    expect(await metrics.render()).toContain('serin_events_total{reason="RollbackBlocked"} 1');
  });

  test("name the workloads of stable and canary, as long as there are both", async () => {
    const { metrics, record } = recorder();
    const workloads = async () =>
      Object.keys(await samplesOf(metrics)).filter((name) => name.startsWith("serin_rollout_workload_info"));
    record({ release: aRelease(), canary: canaryRevision });
    expect(await workloads()).toEqual([
      "serin_rollout_workload_info stable product",
      "serin_rollout_workload_info canary product-a",
    ]);
    record({ stable: canaryRevision });
    expect(await workloads()).toEqual(["serin_rollout_workload_info stable product-a"]);
  });

  test("count decisions by rule and events by reason, from zero", async () => {
    const { metrics, record } = recorder();
    record({}, [{ reason: "Promoted", key: "k", note: "" }]);
    record({}, [], "cart");
    const text = await metrics.render();
    expect(text).toContain(`serin_decisions_total{rule="${atRest.rule}"} 2`);
    expect(text).toContain('serin_decisions_total{rule="goBack"} 0');
    expect(text).toContain('serin_events_total{reason="Promoted"} 1');
    expect(text).toContain('serin_events_total{reason="RollbackBlocked"} 0');
  });

  test("count what was corrected, from zero", async () => {
    const { metrics, record } = recorder();
    record({});
    expect(await samplesOf(metrics)).toMatchObject({ serin_weight_corrections_total: 0 });
    record({}, [{ reason: "WeightsCorrected", key: "k", note: "" }]);
    expect(await samplesOf(metrics)).toMatchObject({ serin_weight_corrections_total: 1 });
  });

  test("go with their Rollout, and leave the others", async () => {
    const { metrics, releaseMetrics, record } = recorder();
    const measured = inRelease({}, { measurement: counted(counts(100), counts(900), { scrapes: 4 }) });
    releaseMetrics.countDecision(measured.rollout.key, decide(measured));
    releaseMetrics.record(measured.rollout, decide(measured), measured);
    record({ conditions: [because("Succeeded")] }, [], "cart");
    expect(Object.keys(await samplesOf(metrics)).length).toBeGreaterThan(13);
    releaseMetrics.forget({ namespace: "shop", name: "product" });
    expect(await samplesOf(metrics)).toEqual({});
    expect(Object.keys(await samplesOf(metrics, "cart"))).toHaveLength(13);
  });
});
