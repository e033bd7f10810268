import type { FoundPod, OutlierStatus, TunedSettings } from "../../api/outlier-status.ts";
import type { Release } from "../../api/rollout-status.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import { atMost } from "../analysis/judge.ts";
import {
  isProblem,
  type Observation,
  type OutlierPolicy,
  type OutlierState,
  type ReplicaSet,
  type Workload,
} from "../observation.ts";
import { canaryOf, stableOf } from "../replica-sets.ts";
import { weightOf } from "../steps.ts";
import { concentrationOf, type Concentration } from "./concentration.ts";
import { panicOf } from "./flaws.ts";
import { podsOf, totalOf, type CountedPods, type Version } from "./pods.ts";
import { computeSettings, joinedSettings, tightened, type ComputedSettings, type Rates } from "./settings.ts";
import { limitOn } from "./watching.ts";
import { describe, expectation } from "./words.ts";

/** What a few bad pods of a version call for. */
export type Tuning =
  | {
      readonly kind: "Tune";
      readonly version: Version;
      readonly computed: ComputedSettings;
      /** What the DestinationRule says before, as JSON. */
      readonly before: string;
      readonly found: readonly FoundPod[];
      readonly why: string;
    }
  /** A few pods carry the errors, and nothing can be done about it. */
  | { readonly kind: "No"; readonly version: Version; readonly found: readonly FoundPod[]; readonly why: string };

/** The rest of a version's pods may have to carry so many times what each pod carried before the release. */
const mostLoad = 1.5;

/** What is to be done about a version whose errors a few pods carry; undefined where that is not so, or not to be done. */
export function tuningFor(observation: Observation, version: Version): Tuning | undefined {
  const ground = groundOf(observation);
  if (ground === undefined) return undefined;
  const { spec, pods, release } = ground;
  const concentration = concentrationOf(pods, version, limitOn(spec, release));
  if (concentration === undefined) return undefined;
  const { found } = concentration;
  const size = sizeOf(observation, pods, version);
  const { bounds } = spec.outlierDetection;
  // More of them are the version, not some pods of it.
  if (found.length > Math.max(1, Math.floor((bounds.maxEjectionPercent.max * size) / 100))) return undefined;
  const no = (why: string): Tuning => ({ kind: "No", version, found, why });
  const { outliers } = ground;
  if (outliers === undefined) return no("there is no DestinationRule to tune");
  const against = whyNot(observation, { ...ground, outliers }, version, size - found.length);
  if (against !== undefined) return no(against);
  const rates = ratesOf(observation, ground, version, concentration);
  const computed = computeSettings(rates, besides(observation, ground, version), bounds);
  if (typeof computed === "string") return no(computed);
  const tight = { ...computed, settings: settingsBeside(observation, outliers, computed.settings, version) };
  const harm = harmOf(observation, { ...ground, outliers }, tight.settings, version, size);
  if (harm !== undefined) return no(harm);
  const why = `${describe(concentration, version, spec)}. ${expectation(tight, rates)}`;
  return { kind: "Tune", version, computed: tight, before: outliers.before, found, why };
}

const otherOf = (version: Version): Version => (version === "canary" ? "stable" : "canary");

function sizeOf(observation: Observation, pods: CountedPods, version: Version): number {
  return Math.max(replicaSetOf(observation, version)?.ready ?? 0, podsOf(pods, version).length);
}

/** What tuning stands on. */
interface Ground {
  readonly spec: RolloutSpec;
  readonly release: Release;
  readonly workload: Workload;
  readonly pods: CountedPods;
  readonly outliers: OutlierState | undefined;
}

function groundOf({ pods, rollout, traffic, workload }: Observation): Ground | undefined {
  const { spec, status } = rollout;
  const { release } = status;
  if (spec === undefined || release?.analysis === undefined || pods?.kind !== "Counts") return undefined;
  if (spec.outlierDetection.tuning === "Off" || isProblem(traffic) || isProblem(workload)) return undefined;
  return { spec, release, workload, pods, outliers: traffic.outliers };
}

/** With a DestinationRule. */
type Ruled = Ground & { readonly outliers: OutlierState };

function whyNot(observation: Observation, ground: Ruled, version: Version, left: number): string | undefined {
  return (
    tunedBefore(observation.rollout.status.outlierDetection, version) ??
    ground.outliers.obstacles[0] ??
    overload(ground, version, left)
  );
}

/** With what a team has set itself, or with what was tuned for the other version before. */
function settingsBeside(
  { rollout }: Observation,
  { policies }: OutlierState,
  settings: TunedSettings,
  version: Version,
): TunedSettings {
  const earlier = rollout.status.outlierDetection?.tuned;
  return earlier === undefined ? tightened(settings, policies[version]) : joinedSettings(settings, earlier);
}

/** What the settings would do beside what they are for: the top level holds for both versions. */
function harmOf(
  observation: Observation,
  ground: Ruled,
  settings: TunedSettings,
  version: Version,
  size: number,
): string | undefined {
  const other = otherOf(version);
  const otherSize = sizeOf(observation, ground.pods, other);
  const ejected = Math.floor((settings.maxEjectionPercent * otherSize) / 100);
  const left = otherSize === 0 ? undefined : overload(ground, other, otherSize - ejected);
  return panicIn(ground.outliers.policies[version], settings, size) ?? left;
}

function panicIn(policy: OutlierPolicy | undefined, settings: TunedSettings, size: number): string | undefined {
  if (policy === undefined) return undefined;
  const [panic] = panicOf({ ...policy, ...settings }, size);
  return panic && `${policy.where}: ${panic}`;
}

function replicaSetOf(observation: Observation, version: Version): ReplicaSet | undefined {
  return version === "canary" ? canaryOf(observation) : stableOf(observation);
}

function tunedBefore(outliers: OutlierStatus | undefined, version: Version): string | undefined {
  const isTried = outliers?.found.some((pod) => pod.version === version) === true;
  return isTried ? "outlier detection was tuned for this version once in this release already" : undefined;
}

/** Each pod of a Deployment carries 1/replicas of its traffic without a release: that much is known to be no overload. */
function overload({ workload, release }: Ground, version: Version, left: number): string | undefined {
  if (left === 0) return `no pod of ${version} would be left`;
  const weight = version === "canary" ? weightOf(release) : 100 - weightOf(release);
  const load = ((weight / 100) * workload.replicas) / left;
  if (load <= mostLoad) return undefined;
  return `the ${left} other pods of ${version} would get ${load.toPrecision(2)} times what a pod got before the release, and ${mostLoad} times is the most`;
}

function ratesOf(
  observation: Observation,
  { pods, release }: Ground,
  version: Version,
  { found, others }: Concentration,
): Rates {
  const sum = (count: (pod: FoundPod) => number) => found.reduce((total, pod) => total + count(pod), 0);
  return {
    callers: pods.callers[version].rates,
    pods: sizeOf(observation, pods, version),
    bad: found.length,
    badShare: sum(({ errors }) => errors) / sum(({ requests }) => requests),
    goodShare: atMost(others.errors, others.requests),
    growth: growthOf(release, version),
  };
}

/** The other version, whose good pods the settings hold for too. */
function besides(
  observation: Observation,
  { pods, release }: Ground,
  version: Version,
): Omit<Rates, "badShare"> | undefined {
  const other = otherOf(version);
  const called = podsOf(pods, other);
  if (called.length === 0) return undefined;
  const known = observation.rollout.status.outlierDetection?.found.map(({ pod }) => pod) ?? [];
  const bad = called.filter(({ pod }) => known.includes(pod));
  const { errors, requests } = totalOf(called.filter((pod) => !bad.includes(pod)));
  const { rates } = pods.callers[other];
  return {
    callers: rates,
    pods: called.length,
    bad: bad.length,
    goodShare: atMost(errors, requests),
    growth: growthOf(release, other),
  };
}

/** A canary gets more and more; stable, less and less. */
function growthOf(release: Release, version: Version): number {
  return version === "canary" ? 100 / Math.max(1, weightOf(release)) : 1;
}
