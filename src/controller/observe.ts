import { parseDuration, parseInstant, type Instant } from "../api/instant.ts";
import { renderKey } from "../api/object-key.ts";
import type { RolloutSpec } from "../api/rollout-spec.ts";
import type { Revision } from "../api/rollout-status.ts";
import { serviceName, type Rollout } from "../api/rollout.ts";
import { checksDue, type Check } from "../domain/analysis/checks.ts";
import { isProblem, type Arrivals, type Measurement, type Observation, type Problem } from "../domain/observation.ts";
import { checkQueries, ratioQueries, type Place } from "../domain/metric-queries.ts";
import type { PodReport } from "../domain/outliers/pods.ts";
import { podsSince, wantsPods } from "../domain/outliers/watching.ts";
import { sightOf } from "../domain/propagation.ts";
import { mustGoBackUnmeasured } from "../domain/rules/safety.ts";
import { asksForArrivals } from "../domain/rules/unsplit-callers.ts";
import { beforeTheRelease, looksForTraffic } from "../domain/to-measure.ts";
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
  const id = renderKey(rollout.key);
  const sight = isProblem(traffic) ? undefined : sightOf(rollout.status, traffic);
  const unmeasured: Observation = {
    now,
    rollout,
    settings: deps.settings,
    workload,
    traffic,
    seenAt: deps.sightings.note(id, sight, now),
    original: begins ? router.describeOriginal(rollout) : undefined,
    rehearsal,
    arrivals: undefined,
    usual: undefined,
    measurement: undefined,
  };
  // A slow metric store must not delay what needs no metrics.
  if (mustGoBackUnmeasured(unmeasured)) return unmeasured;
  if (!isProblem(traffic) && deps.sightings.mustHurry(id, sight, traffic)) return unmeasured;
  const mayBegin = begins && rehearsal === undefined;
  const [measurement, arrivals, usual] = await Promise.all([
    measure(rollout, deps, signal),
    mayBegin ? lookAtArrivals(rollout, deps, signal) : undefined,
    mayBegin ? lookAtUsual(rollout, deps, signal) : undefined,
  ]);
  const measured: Observation = { ...unmeasured, now: deps.clock.now(), measurement, arrivals, usual };
  return withPods(measured, await lookAtPods(measured, mayBegin, deps, signal), deps);
}

function withPods(measured: Observation, pods: PodReport | undefined, { clock }: Dependencies): Observation {
  return pods === undefined ? measured : { ...measured, now: clock.now(), pods };
}

/** Before a release, to say whether it can be done at all; in it, where errors come. */
async function lookAtPods(
  observation: Observation,
  begins: boolean,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<PodReport | undefined> {
  const { rollout } = observation;
  const { spec, key, status } = rollout;
  const { stable, canary } = status;
  if (spec === undefined || stable === undefined || canary === undefined) return undefined;
  const isWanted = begins ? spec.outlierDetection.tuning === "Auto" : wantsPods(observation);
  if (!isWanted) return undefined;
  const place = { namespace: key.namespace, service: serviceName(spec), reporter: spec.analysis.reporter };
  const subsets =
    spec.subset === undefined
      ? { stable: "stable", canary: "canary" }
      : { stable: stable.podTemplateHash, canary: canary.podTemplateHash };
  const versions = { stable: stable.workload, canary: canary.workload, subsets };
  return deps.metrics.pods({ ...place, ...versions, since: podsSince(observation) }, signal);
}

async function lookAtArrivals(
  { key, spec, status }: Rollout,
  deps: Dependencies,
  signal: AbortSignal,
): Promise<Arrivals | undefined> {
  if (spec === undefined || !asksForArrivals(spec)) return undefined;
  const query = { namespace: key.namespace, service: serviceName(spec), stable: status.stable?.workload ?? "" };
  return deps.metrics.arrivals(query, signal);
}

function lookAtUsual({ key, spec, status }: Rollout, deps: Dependencies, signal: AbortSignal) {
  if (spec === undefined || status.stable === undefined) return undefined;
  const place = { namespace: key.namespace, service: serviceName(spec) };
  return deps.metrics.usual({ ...place, reporter: spec.analysis.reporter, stable: status.stable.workload }, signal);
}

/** Where it is only looked whether traffic has gone, some seconds are soon enough: others are yet to be decided. */
const decidedAge = 2_500;

async function measure(rollout: Rollout, deps: Dependencies, signal: AbortSignal): Promise<Measurement | undefined> {
  const { release, stable, canary } = rollout.status;
  const { spec } = rollout;
  if (spec === undefined || release?.analysis === undefined || release.traffic === undefined) return undefined;
  if (stable === undefined || canary === undefined) return undefined;
  const place = { namespace: rollout.key.namespace, service: serviceName(spec) };
  const isFirst = release.analysis.verdict === undefined;
  const query: TrafficQuery = {
    ...place,
    ...beforeTheRelease(spec, isFirst),
    reporter: spec.analysis.reporter,
    stable: stable.workload,
    canary: canary.workload,
    slowerThan: spec.analysis.latency && parseDuration(spec.analysis.latency.max),
    since: parseInstant(release.analysis.watermark),
    // Until something was counted and stored, the watermark is the moment at which counting was decided.
    sinceClock: isFirst ? "operator" : "store",
    beyond: release.analysis.boundaries,
    shiftedAt: looksForTraffic(release)
      ? parseInstant(release.traffic.routeChangedAt) + deps.settings.propagation
      : undefined,
    ...ownMetrics(spec, release.analysis.checks, { place, stable, canary, now: deps.clock.now() }),
    maxAge: release.decision === undefined ? undefined : decidedAge,
  };
  return deps.metrics.measure(query, signal);
}

interface Versions {
  readonly place: Place;
  readonly stable: Revision;
  readonly canary: Revision;
  readonly now: Instant;
}

/** What the team wants to be looked at, values only as often as it wants. */
function ownMetrics(
  { analysis: { metrics } }: RolloutSpec,
  checks: readonly Check[] = [],
  { place, stable, canary, now }: Versions,
): Pick<TrafficQuery, "ratios" | "checks"> {
  return {
    ratios: ratioQueries(metrics, place, { stable, canary }),
    checks: checkQueries(checksDue(metrics, checks, now), place, canary),
  };
}
