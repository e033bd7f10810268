import type { ReleaseMetrics } from "./controller/release-metrics.ts";
import type { Metrics } from "./runtime/metrics.ts";

const outcomes = ["Promoted", "RolledBack"] as const;

/** What the operator tells Prometheus about Rollouts. Series of a Rollout go when it goes. */
export function createReleaseMetrics(metrics: Metrics): ReleaseMetrics {
  const labels = ["namespace", "rollout"] as const;
  const weight = metrics.gauge({ name: "serin_release_weight_percent", help: "Share of the traffic that the canary was given.", labels });
  const underWay = metrics.gauge({ name: "serin_release_under_way", help: "1 while a release is under way.", labels });
  const stalled = metrics.gauge({ name: "serin_rollout_stalled", help: "1 while a Rollout needs a person.", labels });
  const releases = metrics.counter({
    name: "serin_releases_total",
    help: "Releases that ended, by outcome.",
    labels: ["namespace", "rollout", "outcome"],
  });
  const decisions = metrics.counter({ name: "serin_decisions_total", help: "Decisions by the rule that made them.", labels: ["rule"] });
  const lastNumber = new Map<string, number>();

  return {
    record(rollout, decision) {
      const { status, key } = rollout;
      const series = { namespace: key.namespace, rollout: key.name };
      decisions.add({ rule: decision.rule });
      weight.set(series, status.release?.traffic?.weight ?? 0);
      underWay.set(series, status.release === undefined ? 0 : 1);
      stalled.set(series, status.conditions?.some((condition) => condition.type === "Stalled") === true ? 1 : 0);
      const id = `${key.namespace}/${key.name}`;
      const ended = status.history?.[0];
      const seen = lastNumber.get(id);
      if (seen === undefined) for (const outcome of outcomes) releases.begin({ ...series, outcome });
      // What ended before this process began was counted by the one that saw it.
      if (ended !== undefined && seen !== undefined && ended.number > seen) releases.add({ ...series, outcome: ended.outcome });
      lastNumber.set(id, ended?.number ?? 0);
    },
    forget(key) {
      const series = { namespace: key.namespace, rollout: key.name };
      weight.remove(series);
      underWay.remove(series);
      stalled.remove(series);
      for (const outcome of outcomes) releases.remove({ ...series, outcome });
      lastNumber.delete(`${key.namespace}/${key.name}`);
    },
  };
}
