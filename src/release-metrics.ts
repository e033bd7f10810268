import type { Instant } from "./api/instant.ts";
import { renderKey } from "./api/object-key.ts";
import { eventReasons } from "./api/reasons.ts";
import type { Rollout } from "./api/rollout.ts";
import type { ReleaseMetrics } from "./controller/release-metrics.ts";
import { ruleNames } from "./domain/decide.ts";
import type { Transition } from "./domain/decision.ts";
import { conditionOf } from "./domain/standing.ts";
import { weightOf } from "./domain/steps.ts";
import { createEvidenceMetrics } from "./evidence-metrics.ts";
import { releaseCatalogue as catalogue, rolloutLabels } from "./metric-catalogue.ts";
import { createOutcomeMetrics } from "./outcome-metrics.ts";
import type { Metrics } from "./runtime/metrics.ts";
import { ownedSeries } from "./runtime/owned-series.ts";

/** What the operator tells Prometheus about Rollouts. Series of a Rollout go when it goes. */
export function createReleaseMetrics(metrics: Metrics, now: () => Instant = Date.now): ReleaseMetrics {
  const standing = createStandingMetrics(metrics);
  const evidence = createEvidenceMetrics(metrics, now);
  const ends = createOutcomeMetrics(metrics);
  const corrections = metrics.counter(catalogue.corrections);
  const decisions = metrics.counter(catalogue.decisions);
  const events = metrics.counter(catalogue.events);
  for (const rule of ruleNames) decisions.begin({ rule });
  for (const reason of Object.keys(eventReasons)) events.begin({ reason });

  const tell = (told: readonly Transition[]) => {
    for (const { reason } of told) events.add({ reason });
  };

  return {
    countDecision(key, { rule, transitions }) {
      decisions.add({ rule });
      tell(transitions);
      const corrected = transitions.filter(({ reason }) => reason === "WeightsCorrected").length;
      corrections.add(rolloutLabels(key), corrected);
    },
    record(rollout, decision, observation) {
      standing.show(rollout);
      evidence.show(rollout.key, decision.status.release);
      ends.record(rollout, observation);
    },
    recordFailure(rollout, told) {
      standing.show(rollout);
      tell(told);
    },
    forget(key) {
      standing.forget(key);
      evidence.forget(key);
      ends.forget(key);
      corrections.remove(rolloutLabels(key));
    },
  };
}

/** Where Rollouts stand, as their status says it. */
function createStandingMetrics(metrics: Metrics) {
  const reasons = ownedSeries(metrics.gauge(catalogue.reason));
  const workloads = ownedSeries(metrics.gauge(catalogue.workload));
  const gauges = {
    stalled: metrics.gauge(catalogue.stalled),
    underWay: metrics.gauge(catalogue.underWay),
    rollingBack: metrics.gauge(catalogue.rollingBack),
    promoting: metrics.gauge(catalogue.promoting),
    weight: metrics.gauge(catalogue.weight),
  };
  return {
    show({ key, status }: Rollout): void {
      const series = rolloutLabels(key);
      const { release, stable, canary } = status;
      const reason = conditionOf(status, "Ready")?.reason;
      reasons.show(renderKey(key), reason === undefined ? [] : [[{ ...series, reason }, 1]]);
      const running = Object.entries({ stable, canary }).flatMap(([version, revision]) =>
        revision === undefined ? [] : [[{ ...series, version, workload: revision.workload }, 1] as const],
      );
      workloads.show(renderKey(key), running);
      gauges.stalled.set(series, conditionOf(status, "Stalled") === undefined ? 0 : 1);
      gauges.underWay.set(series, release === undefined ? 0 : 1);
      gauges.rollingBack.set(series, release?.decision === "Rollback" ? 1 : 0);
      gauges.promoting.set(series, release?.decision === "Promote" ? 1 : 0);
      gauges.weight.set(series, release === undefined ? 0 : weightOf(release) / 100);
    },
    forget(key: Rollout["key"]): void {
      reasons.forget(renderKey(key));
      workloads.forget(renderKey(key));
      for (const gauge of Object.values(gauges)) gauge.remove(rolloutLabels(key));
    },
  };
}
