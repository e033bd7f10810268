import type { Release } from "../../src/api/rollout-status.ts";
import { parseDuration, parseInstant } from "../../src/api/instant.ts";
import { parseSpec } from "../../src/api/rollout.ts";
import type { RolloutSpec } from "../../src/api/rollout-spec.ts";
import { createPrometheusProvider } from "../../src/adapters/prometheus/prometheus-provider.ts";
import { withMeasurement } from "../../src/domain/evidence.ts";
import type { TrafficQuery } from "../../src/ports/metric-provider.ts";
import type { Lab } from "../lab/lab.ts";
import type { StoredRollout } from "../lab/shop.ts";
import { anObservation, aRollout } from "../support/observation.ts";

type Analysis = NonNullable<Release["analysis"]>;

/**
 * What an operator that had never stopped would know at `watermark`: counted from what was stored earlier, on the same
 * samples.
 */
export async function replay(lab: Lab, earlier: StoredRollout, watermark: string): Promise<Analysis | undefined> {
  const { status } = earlier;
  const parsed = parseSpec(earlier.spec);
  if (!("spec" in parsed)) throw new Error(parsed.problems.join("; "));
  const { spec } = parsed;
  const provider = createPrometheusProvider({ address: lab.cluster.prometheusUrl, clock: { now: () => Date.now() } });
  const measured = await provider.measure(queryOf(earlier, spec), AbortSignal.timeout(30_000));
  if (measured.kind !== "Counts") throw new Error(measured.message);
  const ticks = measured.ticks.filter(({ at }) => at <= parseInstant(watermark));
  const rollout = { ...aRollout(), spec, status };
  const { rollout: counted } = withMeasurement(anObservation({ rollout, measurement: { ...measured, ticks } }));
  return counted.status.release?.analysis;
}

/** The query that a Rollout with a generated route makes, from its stored watermark on. */
function queryOf({ metadata, status }: StoredRollout, { analysis, targetRef }: RolloutSpec): TrafficQuery {
  const { stable, canary, release } = status;
  if (stable === undefined || canary === undefined || release?.analysis === undefined)
    throw new Error("nothing was counted yet");
  return {
    namespace: metadata.namespace ?? "",
    service: targetRef?.name ?? "",
    reporter: analysis.reporter,
    stable: stable.workload,
    canary: canary.workload,
    slowerThan: analysis.latency && parseDuration(analysis.latency.max),
    since: parseInstant(release.analysis.watermark),
    sinceClock: "store",
    shiftedAt: undefined,
  };
}
