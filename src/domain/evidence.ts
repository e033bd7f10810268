import { parseDuration, parseInstant, parsePercentage, renderInstant } from "../api/instant.ts";
import type { Counts, Release } from "../api/rollout-status.ts";
import type { RolloutSpec } from "../api/rollout-spec.ts";
import { judge, type Judgement } from "./analysis/judge.ts";
import type { Measurement, Observation } from "./observation.ts";

export const noCounts: Counts = { requests: 0, errors: 0, slow: 0, slowOrClose: 0 };

type Analysis = NonNullable<Release["analysis"]>;

/** Counting begins: at the first weight of a release. */
export function freshAnalysis(observation: Observation): Analysis {
  const none = { stable: noCounts, canary: noCounts };
  return { watermark: renderInstant(observation.now), step: none, release: none };
}

/**
 * The observation with its measurement counted in. A measurement begins at the watermark in the stored status, so the
 * same requests are never counted twice, whether or not the counts of the last reconcile were stored.
 */
export function withMeasurement(observation: Observation): Observation {
  const { rollout, measurement } = observation;
  const release = rollout.status.release;
  if (release?.analysis === undefined || measurement === undefined || rollout.spec === undefined) return observation;
  const counted = count(release.analysis, measurement, observation);
  const judgement = judgeRelease(rollout.spec, { ...release, analysis: counted });
  const analysis: Analysis = { ...counted, verdict: judgement.verdict, judgement: judgement.sentence };
  return { ...observation, rollout: { ...rollout, status: { ...rollout.status, release: { ...release, analysis } } } };
}

function count(analysis: Analysis, measurement: Measurement, observation: Observation): Analysis {
  if (measurement.kind !== "Counts") {
    return { ...analysis, noDataSince: analysis.noDataSince ?? renderInstant(observation.now) };
  }
  const add = (totals: Analysis["step"]) => ({
    stable: sum(totals.stable, measurement.stable),
    canary: sum(totals.canary, measurement.canary),
  });
  return {
    ...analysis,
    watermark: renderInstant(measurement.until),
    noDataSince: undefined,
    step: add(analysis.step),
    release: add(analysis.release),
  };
}

function sum(left: Counts, right: Counts): Counts {
  return {
    requests: left.requests + right.requests,
    errors: left.errors + right.errors,
    slow: left.slow + right.slow,
    slowOrClose: left.slowOrClose + right.slowOrClose,
  };
}

/** What the counts of a release say; with no counts yet, nothing. */
export function judgeRelease(spec: RolloutSpec, release: Release): Judgement {
  const { latency, errorRate, compareWith } = spec.analysis;
  const totals = release.analysis ?? {
    step: { stable: noCounts, canary: noCounts },
    release: { stable: noCounts, canary: noCounts },
  };
  return judge({
    criteria: {
      errorLimit: parsePercentage(errorRate.max),
      compareWith,
      ...(latency === undefined ? {} : { latency: { quantile: latency.quantile, max: parseDuration(latency.max) } }),
    },
    step: totals.step,
    release: totals.release,
    stableServes: (release.traffic?.weight ?? 0) < 100,
  });
}

/** Whether fresh data are missing now, and since when. */
export function missingData(
  observation: Observation,
): { readonly since: number; readonly message: string } | undefined {
  const { measurement, rollout } = observation;
  const since = rollout.status.release?.analysis?.noDataSince;
  if (measurement === undefined || measurement.kind === "Counts" || since === undefined) return undefined;
  return { since: parseInstant(since), message: measurement.message };
}
