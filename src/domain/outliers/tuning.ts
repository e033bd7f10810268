import { parseDuration, parseInstant, parsePercentage, renderCount, renderDuration } from "../../api/instant.ts";
import type { FoundPod, OutlierStatus } from "../../api/outlier-status.ts";
import type { Release } from "../../api/rollout-status.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import { worth } from "../analysis/wealth.ts";
import { atMost } from "../analysis/judge.ts";
import { isProblem, type Observation, type OutlierState, type ReplicaSet } from "../observation.ts";
import { canaryOf, stableOf } from "../rules/canary.ts";
import { weightOf } from "../steps.ts";
import { concentrationOf, evidenceAgainst, type Concentration } from "./concentration.ts";
import { totalOf, podsOf, type PodReport, type Version } from "./pods.ts";
import { computeSettings, joinedSettings, type ComputedSettings, type Rates } from "./settings.ts";

/** What a few bad pods of a version call for. */
export type Tuning =
  | {
      readonly kind: "Tune";
      readonly version: Version;
      readonly computed: ComputedSettings;
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
  const { spec, pods } = ground;
  const concentration = concentrationOf(pods, version, parsePercentage(spec.analysis.errorRate.max));
  if (concentration === undefined) return undefined;
  const { found, others } = concentration;
  const size = Math.max(replicaSetOf(observation, version)?.ready ?? 0, found.length + others.pods);
  const { bounds } = spec.outlierDetection;
  // More of them are the version, not some pods of it.
  if (found.length > Math.max(1, Math.floor((bounds.maxEjectionPercent.max * size) / 100))) return undefined;
  const against = whyNot(observation, ground, version, size - found.length);
  if (against !== undefined) return { kind: "No", version, found, why: against };
  const rates = ratesOf(pods, concentration, version, size);
  const computed = computeSettings(rates, bounds);
  if (typeof computed === "string") return { kind: "No", version, found, why: computed };
  const why = `${describe(concentration, version, spec)}. ${expectation(computed, rates)}`;
  return { kind: "Tune", version, computed, found, why };
}

/** What tuning stands on. */
interface Ground {
  readonly spec: RolloutSpec;
  readonly release: Release;
  readonly pods: Extract<PodReport, { kind: "Counts" }>;
  readonly outliers: OutlierState | undefined;
}

function groundOf({ pods, rollout, traffic }: Observation): Ground | undefined {
  const { spec, status } = rollout;
  const { release } = status;
  if (spec === undefined || release?.analysis === undefined || pods?.kind !== "Counts") return undefined;
  if (spec.outlierDetection.tuning === "Off" || isProblem(traffic)) return undefined;
  return { spec, release, pods, outliers: traffic.outliers };
}

function whyNot(
  observation: Observation,
  { release, outliers }: Ground,
  version: Version,
  left: number,
): string | undefined {
  return (
    tunedBefore(observation.rollout.status.outlierDetection, version) ??
    obstacleIn(outliers) ??
    overload(observation, release, version, left)
  );
}

/** Settings that serve what was tuned before as well. */
export function withEarlier(computed: ComputedSettings, earlier: OutlierStatus | undefined) {
  return joinedSettings(computed.settings, earlier?.tuned);
}

function replicaSetOf(observation: Observation, version: Version): ReplicaSet | undefined {
  return version === "canary" ? canaryOf(observation) : stableOf(observation);
}

function tunedBefore(outliers: OutlierStatus | undefined, version: Version): string | undefined {
  const isTried = outliers?.found.some((pod) => pod.version === version) === true;
  return isTried ? "outlier detection was tuned for this version once in this release already" : undefined;
}

function obstacleIn(outliers: OutlierState | undefined): string | undefined {
  return outliers === undefined ? "there is no DestinationRule to tune" : outliers.obstacles[0];
}

/** Each pod of a Deployment carries 1/replicas of its traffic without a release: that much is known to be no overload. */
function overload({ workload }: Observation, release: Release, version: Version, left: number): string | undefined {
  if (left === 0) return "no other pod would be left";
  const weight = version === "canary" ? weightOf(release) : 100 - weightOf(release);
  const replicas = isProblem(workload) ? 0 : workload.replicas;
  const load = ((weight / 100) * replicas) / left;
  if (load <= mostLoad) return undefined;
  return `the ${left} other pods would get ${load.toPrecision(2)} times what a pod got before the release, and ${mostLoad} times is the most`;
}

function ratesOf(
  pods: Extract<PodReport, { kind: "Counts" }>,
  { found, others }: Concentration,
  version: Version,
  size: number,
): Rates {
  const sum = (count: (pod: FoundPod) => number) => found.reduce((total, pod) => total + count(pod), 0);
  return {
    callers: pods.callers[version],
    pods: size,
    bad: found.length,
    badShare: sum(({ errors }) => errors) / sum(({ requests }) => requests),
    goodShare: atMost(others.errors, others.requests),
  };
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
    `the setting (${calling}), a good one by chance ${falsePerDay.toPrecision(1)} times a day`
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
  return waitsForEjection(observation) || isSuspicious(release, parsePercentage(spec.analysis.errorRate.max));
}

const leastErrors = 3;

function isSuspicious({ analysis }: Release, limit: number): boolean {
  if (analysis === undefined) return false;
  const { canary, stable } = analysis.step;
  const isStable = stable.errors >= leastErrors && stable.errors > limit * stable.requests;
  return isStable || (canary.errors >= leastErrors && worth(analysis.evidence?.errors?.limit) > 1);
}

/** The chance of giving up a canary whose other pods are well while its bad ones are being ejected. */
const alpha = 0.01;

/** Why a release whose bad pods are being ejected is to be given up all the same: its other pods fail too. */
export function othersFail({ pods, rollout }: Observation): string | undefined {
  const { spec, outlierDetection } = { spec: rollout.spec, ...rollout.status };
  if (spec === undefined || outlierDetection === undefined || pods?.kind !== "Counts") return undefined;
  const names = outlierDetection.found.map(({ pod }) => pod);
  const others = podsOf(pods, "canary").filter(({ pod }) => !names.includes(pod));
  const { requests, errors } = totalOf(others);
  const limit = parsePercentage(spec.analysis.errorRate.max);
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
