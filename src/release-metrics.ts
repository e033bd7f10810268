import { renderKey } from "./api/object-key.ts";
import type { Rollout } from "./api/rollout.ts";
import type { ReleaseMetrics } from "./controller/release-metrics.ts";
import { conditionOf } from "./domain/standing.ts";
import type { Metrics } from "./runtime/metrics.ts";

/** The labels by which a Rollout's series are found. */
interface Series {
  readonly namespace: string;
  readonly rollout: string;
}

const outcomes = ["Promoted", "RolledBack"] as const;

/** What the operator tells Prometheus about Rollouts. Series of a Rollout go when it goes. */
export function createReleaseMetrics(metrics: Metrics): ReleaseMetrics {
  const labels = ["namespace", "rollout"] as const;
  const weight = metrics.gauge({
    name: "serin_release_weight_percent",
    help: "Share of the traffic that the canary was given.",
    labels,
  });
  const underWay = metrics.gauge({ name: "serin_release_under_way", help: "1 while a release is under way.", labels });
  const stalled = metrics.gauge({ name: "serin_rollout_stalled", help: "1 while a Rollout needs a person.", labels });
  const releases = metrics.counter({
    name: "serin_releases_total",
    help: "Releases that ended, by outcome.",
    labels: ["namespace", "rollout", "outcome"],
  });
  const decisions = metrics.counter({
    name: "serin_decisions_total",
    help: "Decisions by the rule that made them.",
    labels: ["rule"],
  });
  const lastNumber = new Map<string, number>();

  const countEnded = ({ key, status }: Rollout, series: Series): void => {
    const seen = lastNumber.get(renderKey(key));
    const ended = status.history?.[0];
    if (seen === undefined) for (const outcome of outcomes) releases.begin({ ...series, outcome });
    // What ended before this process began was counted by the one that saw it.
    else if (ended !== undefined && ended.number > seen) releases.add({ ...series, outcome: ended.outcome });
    lastNumber.set(renderKey(key), ended?.number ?? 0);
  };

  return {
    record(rollout, decision) {
      const { status, key } = rollout;
      const series = { namespace: key.namespace, rollout: key.name };
      decisions.add({ rule: decision.rule });
      weight.set(series, status.release?.traffic?.weight ?? 0);
      underWay.set(series, status.release === undefined ? 0 : 1);
      stalled.set(series, conditionOf(status, "Stalled") === undefined ? 0 : 1);
      countEnded(rollout, series);
    },
    forget(key) {
      const series = { namespace: key.namespace, rollout: key.name };
      weight.remove(series);
      underWay.remove(series);
      stalled.remove(series);
      for (const outcome of outcomes) releases.remove({ ...series, outcome });
      lastNumber.delete(renderKey(key));
    },
  };
}
