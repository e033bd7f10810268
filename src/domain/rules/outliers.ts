import { renderInstant } from "../../api/instant.ts";
import type { OutlierStatus } from "../../api/outlier-status.ts";
import type { Release } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer, Plan, Rule, Transition } from "../decision.ts";
import { withoutClaims } from "../evidence.ts";
import { isProblem, type Observation } from "../observation.ts";
import { ejectedBy, tuningFor, waitsForEjection, withEarlier, type Tuning } from "../outliers/tuning.ts";
import { flawsOf } from "../outliers/flaws.ts";
import type { Standing } from "../standing.ts";
import { progressing, undecided } from "./under-way.ts";

/** Longer than a write takes to be seen; what is not there by then somebody else has taken away, and nobody fights for it. */
const writtenWithin = 10_000;

/**
 * A few pods carry a version's errors and the others are well: proxies are told to eject them, before the release is
 * given up or the canary is blamed for stable. The step is judged anew once they should have done so.
 */
export const tuneOutliers: Rule = (observation) => {
  const open = undecided(observation);
  if (open === undefined) return undefined;
  const tuning = possibleTuning(observation);
  return tuning === undefined
    ? writtenAgain(observation, open.release)
    : tuned(observation, open.release, open.release.analysis, tuning);
};

type Tunable = Extract<Tuning, { kind: "Tune" }>;

/** The canary's pods first: its release depends on them. */
export function possibleTuning(observation: Observation): Tunable | undefined {
  for (const version of ["canary", "stable"] as const) {
    const tuning = tuningFor(observation, version);
    if (tuning?.kind === "Tune") return tuning;
  }
  return undefined;
}

function tuned(
  observation: Observation,
  release: Release,
  analysis: Release["analysis"],
  { version, computed, found, why }: Tunable,
): Answer | undefined {
  const { traffic, rollout, now } = observation;
  if (isProblem(traffic) || traffic.outliers === undefined) return undefined;
  const earlier = rollout.status.outlierDetection;
  const settings = withEarlier(computed, earlier);
  const outlierDetection: OutlierStatus = {
    found: [...(earlier?.found ?? []), ...found],
    tuned: settings,
    why,
    since: renderInstant(now),
    ejectedBy: version === "canary" ? renderInstant(ejectedBy(observation, computed)) : earlier?.ejectedBy,
    before: earlier?.before ?? traffic.outliers.before,
  };
  const next: Release =
    version === "canary"
      ? { ...release, bakingSince: undefined, analysis: analysis && withoutClaims(analysis) }
      : release;
  const blamed =
    version === "canary"
      ? "The step is held until the other pods have shown enough; the release is rolled back if it stays over its limit"
      : "The canary is not blamed for it";
  const note = `${why}. ${blamed}. What was there before comes back when the release ends.`;
  const answered = progressing(observation, note, {
    release: next,
    plan: [{ kind: "tuneOutliers", settings, before: outlierDetection.before }],
    transitions: [{ reason: "OutlierDetectionTuned", key: releaseKey(release, version), note }],
  });
  return { ...answered, status: { ...answered.status, outlierDetection } };
}

/** A write that failed, or that a restart came before, is made again as long as it can be what nobody has undone. */
function writtenAgain(observation: Observation, release: Release): Answer | undefined {
  const { traffic, rollout, now } = observation;
  const outliers = rollout.status.outlierDetection;
  if (outliers === undefined || isProblem(traffic) || traffic.outliers?.isTuned !== false) return undefined;
  if (now - Date.parse(outliers.since) > writtenWithin) return undefined;
  const { tuned: settings, before } = outliers;
  const plan: Plan = [{ kind: "tuneOutliers", settings, before }];
  return progressing(observation, "Tuning outlier detection.", { release, plan });
}

/** The step is held while proxies eject the canary's bad pods. */
export function untilEjected(observation: Observation): Answer | undefined {
  const outliers = observation.rollout.status.outlierDetection;
  if (outliers === undefined || !waitsForEjection(observation)) return undefined;
  return progressing(observation, `Waiting for proxies to eject ${namesOf(outliers)}. ${outliers.why}.`);
}

/** What puts outlier detection back; empty where it is as it was, and where it was never tuned. */
export function outliersToRestore({ rollout, traffic }: Observation): Plan {
  const outliers = rollout.status.outlierDetection;
  if (outliers === undefined) return [];
  if (!isProblem(traffic) && traffic.outliers?.isTuned !== true) return [];
  return [{ kind: "restoreOutliers", settings: outliers.tuned, before: outliers.before }];
}

/** Tells that it is put back, and which pods are to be looked at. */
export function toldToRestore({ rollout }: Observation, release: Release): readonly Transition[] {
  const outliers = rollout.status.outlierDetection;
  if (outliers === undefined) return [];
  const pods = outliers.found.map(({ pod, version }) => `${pod} (${version})`).join(", ");
  // Where only addresses are known, these say which pods.
  const names = outliers.found.filter(({ pod }) => !pod.includes(":")).map(({ pod }) => pod);
  const replace =
    names.length === 0
      ? ""
      : `, or have them replaced: kubectl delete pod -n ${rollout.key.namespace} ${names.join(" ")}`;
  const note = `Outlier detection is as it was before the release. Pods that failed requests during it: ${pods}. If they still do, see why${replace}`;
  return [{ reason: "OutlierDetectionRestored", key: releaseKey(release), note }];
}

function namesOf({ found }: OutlierStatus): string {
  return found.map(({ pod }) => pod).join(", ");
}

/** Whether requests are counted pod by pod, as seen before a release; undefined where that could not be seen. */
export function podsCounted({ pods }: Observation): Standing["podsCounted"] {
  if (pods === undefined || pods.kind === "Unavailable") return undefined;
  if (pods.kind === "Unknown") return { status: "False", message: `Outlier detection is not tuned: ${pods.message}` };
  return { status: "True", message: "The pods' own proxies tell which pod a request went to." };
}

/** Settings of outlier detection that cannot work are told before a release, whether or not it will need them. */
export function outlierFlaws(observation: Observation, release: Release): readonly Transition[] {
  const { traffic, workload } = observation;
  if (isProblem(traffic) || isProblem(workload) || traffic.outliers === undefined) return [];
  const flaws = flawsOf(traffic.outliers, { stable: workload.replicas, canary: workload.replicas });
  if (flaws.length === 0) return [];
  const note = `Outlier detection will not work as it is set: ${flaws.join("; ")}.`;
  return [{ reason: "OutlierDetectionIneffective", key: releaseKey(release), note }];
}
