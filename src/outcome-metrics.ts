import { parseInstant } from "./api/instant.ts";
import { renderKey, type ObjectKey } from "./api/object-key.ts";
import { rollbackReasons } from "./api/reasons.ts";
import type { HistoryEntry } from "./api/rollout-status.ts";
import type { Rollout } from "./api/rollout.ts";
import type { Observation } from "./domain/observation.ts";
import { isOnItsWayBack, rollbackShift, type RollbackShift } from "./domain/rollback-shift.ts";
import { releaseCatalogue as catalogue, rolloutLabels } from "./metric-catalogue.ts";
import type { Metrics } from "./runtime/metrics.ts";

const outcomes = ["Promoted", "RolledBack"] as const;

/** Why a rollback was not seen to have worked. */
const whys = ["called", "undecided", "unreported"] as const;

/** How releases end, and whether rollbacks were seen to have worked. */
export interface OutcomeMetrics {
  /** `rollout` is as it was stored after what was observed. */
  record(rollout: Rollout, observation: Observation): void;
  forget(key: ObjectKey): void;
}

/** What ended before this process began was counted by the one that saw it. */
export function createOutcomeMetrics(metrics: Metrics): OutcomeMetrics {
  const releases = metrics.counter(catalogue.releases);
  const durations = metrics.histogram(catalogue.releaseDuration);
  const rollbacks = metrics.counter(catalogue.rollbacks);
  const verification = createVerificationMetrics(metrics);
  for (const outcome of outcomes) durations.begin({ outcome });
  for (const reason of Object.keys(rollbackReasons)) rollbacks.begin({ reason });
  const lastNumber = new Map<string, number>();

  const count = (series: ReturnType<typeof rolloutLabels>, entry: HistoryEntry): void => {
    const { outcome, startedAt, endedAt, reason } = entry;
    releases.add({ ...series, outcome });
    durations.observe({ outcome }, (parseInstant(endedAt) - parseInstant(startedAt)) / 1_000);
    if (outcome === "RolledBack") rollbacks.add({ reason: reason ?? "" });
  };

  return {
    record(rollout, observation) {
      const { key, status } = rollout;
      const seen = lastNumber.get(renderKey(key));
      const ended = status.history?.[0];
      if (seen === undefined) for (const outcome of outcomes) releases.begin({ ...rolloutLabels(key), outcome });
      else if (ended !== undefined && ended.number > seen) count(rolloutLabels(key), ended);
      lastNumber.set(renderKey(key), ended?.number ?? 0);
      verification.record(rollout, observation);
    },
    forget(key) {
      for (const outcome of outcomes) releases.remove({ ...rolloutLabels(key), outcome });
      lastNumber.delete(renderKey(key));
      verification.forget(key);
    },
  };
}

/** A rollback is verified once: when no request was seen to reach the canary any more, before its pods go. */
function createVerificationMetrics(metrics: Metrics): OutcomeMetrics {
  const durations = metrics.histogram(catalogue.rollbackVerification);
  durations.begin({});
  const unverified = metrics.counter(catalogue.unverified);
  /** Rollbacks whose traffic is on its way back, and what was seen of it last. */
  const pending = new Map<string, RollbackShift | undefined>();

  const look = (id: string, observation: Observation): void => {
    const { release } = observation.rollout.status;
    if (!isOnItsWayBack(release) || pending.get(id) === "Shifted") return;
    const shift = rollbackShift(observation);
    pending.set(id, shift);
    if (shift !== "Shifted") return;
    durations.observe({}, (observation.now - parseInstant(release.decidedAt ?? release.startedAt)) / 1_000);
  };

  return {
    record({ key, status }, observation) {
      const id = renderKey(key);
      for (const why of whys) unverified.begin({ ...rolloutLabels(key), why });
      look(id, observation);
      if (isOnItsWayBack(status.release) || !pending.has(id)) return;
      const shift = pending.get(id);
      if (shift !== "Shifted") unverified.add({ ...rolloutLabels(key), why: whyNot(shift) });
      pending.delete(id);
    },
    forget(key) {
      for (const why of whys) unverified.remove({ ...rolloutLabels(key), why });
      pending.delete(renderKey(key));
    },
  };
}

function whyNot(shift: RollbackShift | undefined): (typeof whys)[number] {
  if (shift === "Unreported") return "unreported";
  return shift === "NotShifted" ? "called" : "undecided";
}
