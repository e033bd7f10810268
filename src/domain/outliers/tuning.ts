import { parseDuration, parseInstant, renderCount, renderDuration, type Ratio } from "../../api/instant.ts";
import type { FoundPod, OutlierStatus, TunedSettings } from "../../api/outlier-status.ts";
import type { Release } from "../../api/rollout-status.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import { largestShare } from "../analysis/bets.ts";
import { countedIn } from "../analysis/blocks.ts";
import { limitsOf } from "../analysis/criteria.ts";
import { worth } from "../analysis/wealth.ts";
import { atMost } from "../analysis/judge.ts";
import {
  isProblem,
  type Observation,
  type OutlierPolicy,
  type OutlierState,
  type ReplicaSet,
  type Workload,
} from "../observation.ts";
import { canaryOf, stableOf } from "../rules/canary.ts";
import { weightOf } from "../steps.ts";
import { criteriaOf } from "../verdict.ts";
import { concentrationOf, evidenceAgainst, type Concentration } from "./concentration.ts";
import { panicOf } from "./flaws.ts";
import { podsOf, totalOf, type CountedPods, type Version } from "./pods.ts";
import { computeSettings, joinedSettings, tightened, type ComputedSettings, type Rates } from "./settings.ts";

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

/** The largest share of errors that a version may have; where only stable is compared with, as much as stable has. */
function limitOn(spec: RolloutSpec, release: Release): Ratio {
  const criteria = criteriaOf(spec, release.analysis);
  const [limit] = limitsOf(criteria);
  return largestShare({ limit, criteria }, countedIn(release));
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

function describe({ found, others }: Concentration, version: Version, { analysis }: RolloutSpec): string {
  const pods = found.map(({ pod, requests, errors }) => `${pod} failed ${ofAll(errors, requests)}`);
  const rest = `the other ${others.pods} pods of ${version} ${ofAll(others.errors, others.requests)}`;
  return `${namesAtMost(pods)}, ${rest} (limit ${analysis.errorRate.max})`;
}

/** As many as fit into one sentence. */
const named = 3;

function namesAtMost(texts: readonly string[]): string {
  const more = texts.length - named;
  return more > 0 ? `${texts.slice(0, named).join(", ")} and ${more} more` : texts.join(", ");
}

function ofAll(errors: number, requests: number): string {
  return `${renderCount(errors)} of ${renderCount(requests)} requests`;
}

function expectation({ settings, ejectedAfter, falsePerDay }: ComputedSettings, { callers }: Rates): string {
  const proxies = callers.filter((rate) => rate > 0).length;
  const after = renderDuration(Math.max(100, Math.round(ejectedAfter / 100) * 100));
  const calling = `${proxies} ${proxies === 1 ? "proxy calls" : "proxies call"}`;
  return (
    `${settings.consecutive5xxErrors} errors in a row eject a pod: a bad one is expected to go ${after} after a proxy has ` +
    `the setting (${calling}), a good one of either version by chance ${falsePerDay.toPrecision(1)} times a day`
  );
}

/** Whether the step is held until proxies had the time to eject the pods. */
export function waitsForEjection({ now, rollout }: Pick<Observation, "now" | "rollout">): boolean {
  const until = rollout.status.outlierDetection?.ejectedBy;
  return until !== undefined && now < parseInstant(until);
}

/**
 * Whether to look at requests pod by pod: where bets against the canary have won anything, where more of stable's requests
 * failed than may, and as long as nothing else can tell how the canary's other pods do.
 */
export function wantsPods(observation: Observation): boolean {
  const { rollout, measurement } = observation;
  const { spec, status } = rollout;
  const { release } = status;
  if (spec === undefined || release?.analysis === undefined || release.decision !== undefined) return false;
  if (spec.outlierDetection.tuning === "Off" || weightOf(release) === 0 || measurement?.kind !== "Counts") return false;
  return waitsForEjection(observation) || isSuspicious(release.analysis, spec, limitOn(spec, release));
}

const leastErrors = 3;

function isSuspicious(
  { step, evidence }: NonNullable<Release["analysis"]>,
  { analysis: { compareWith } }: RolloutSpec,
  limit: Ratio,
): boolean {
  const { canary, stable } = step;
  const isStable = stable.errors >= leastErrors && stable.errors > limit * stable.requests;
  const claims = evidence?.errors ?? {};
  const against = compareWith === "stable" ? claims.stable : claims.limit;
  return isStable || (canary.errors >= leastErrors && worth(against) > 1);
}

/** The chance of giving up a canary whose other pods are well while its bad ones are being ejected. */
const alpha = 0.01;

/** Why a release whose bad pods are being ejected is to be given up all the same: its other pods fail too. */
export function othersFail({ pods, rollout }: Observation): string | undefined {
  const { spec, status } = rollout;
  const { outlierDetection, release } = status;
  if (spec === undefined || release === undefined || outlierDetection === undefined || pods?.kind !== "Counts")
    return undefined;
  const names = outlierDetection.found.map(({ pod }) => pod);
  const others = podsOf(pods, "canary").filter(({ pod }) => !names.includes(pod));
  const { requests, errors } = totalOf(others);
  const limit = limitOn(spec, release);
  if (errors < leastErrors || evidenceAgainst(others, pods.since, limit, alpha) < 1 / alpha) return undefined;
  return `${ofAll(errors, requests)} to the canary's other pods failed as well (limit ${spec.analysis.errorRate.max}) while ${namesAtMost(names)} were being ejected`;
}

/** Twice the time that ejections are expected to take, and no longer than this. */
const longestWait = 30_000;

/** When proxies should have ejected the pods. */
export function ejectedBy({ now, settings }: Observation, { ejectedAfter }: ComputedSettings): number {
  return now + settings.propagation + Math.min(longestWait, 2 * ejectedAfter);
}

/** How long ago pods are looked at: from the last change of weights on, but no longer. */
export const looksBack = parseDuration("2m");
