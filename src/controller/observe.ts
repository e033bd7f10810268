import { parseDuration, parseInstant } from "../api/instant.ts";
import { renderKey } from "../api/object-key.ts";
import { serviceName, type Rollout } from "../api/rollout.ts";
import { isProblem, type Measurement, type Observation, type Problem } from "../domain/observation.ts";
import { sightOf } from "../domain/propagation.ts";
import { mustGoBackUnmeasured } from "../domain/rules/safety.ts";
import type { TrafficQuery } from "../ports/metric-provider.ts";
import type { Dependencies } from "./dependencies.ts";

/** Reads everything that decide() may look at. Never writes. */
export async function observe(rollout: Rollout, deps: Dependencies, signal: AbortSignal): Promise<Observation> {
  const router = deps.routerFor(rollout);
  const workload = await deps.cluster.readWorkload(rollout, signal);
  const traffic = router.readTraffic(rollout);
  const { release } = rollout.status;
  const begins = release !== undefined && release.traffic === undefined && !isProblem(traffic);
  const rehearsal: Problem | undefined = begins ? await router.rehearse(rollout, signal) : undefined;
  const now = deps.clock.now();
  const sight = isProblem(traffic) ? undefined : sightOf(rollout.status, traffic);
  const unmeasured: Observation = {
    now,
    rollout,
    settings: deps.settings,
    workload,
    traffic,
    seenAt: deps.sightings.note(renderKey(rollout.key), sight, now),
    original: begins ? router.describeOriginal(rollout) : undefined,
    rehearsal,
    measurement: undefined,
  };
  // A slow metric store must not delay what needs no metrics.
  if (mustGoBackUnmeasured(unmeasured)) return unmeasured;
  const measurement = await measure(rollout, deps, signal);
  return { ...unmeasured, now: deps.clock.now(), measurement };
}

async function measure(rollout: Rollout, deps: Dependencies, signal: AbortSignal): Promise<Measurement | undefined> {
  const { release, stable, canary } = rollout.status;
  const { spec } = rollout;
  if (spec === undefined || release?.analysis === undefined || release.traffic === undefined) return undefined;
  if (stable === undefined || canary === undefined) return undefined;
  const { latency, reporter } = spec.analysis;
  const query: TrafficQuery = {
    namespace: rollout.key.namespace,
    service: serviceName(spec),
    reporter,
    stable: stable.workload,
    canary: canary.workload,
    slowerThan: latency === undefined ? undefined : parseDuration(latency.max),
    since: parseInstant(release.analysis.watermark),
    // Until something was counted and stored, the watermark is the moment at which counting was decided.
    sinceClock: release.analysis.verdict === undefined ? "operator" : "store",
    shiftedAt: parseInstant(release.traffic.routeChangedAt) + deps.settings.propagation,
  };
  return deps.metrics.measure(query, signal);
}
