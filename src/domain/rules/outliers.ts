import { renderInstant } from "../../api/instant.ts";
import type { OutlierStatus, TunedSettings } from "../../api/outlier-status.ts";
import type { Release } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer, Plan, Rule, Transition } from "../decision.ts";
import { withoutErrors } from "../evidence.ts";
import { isProblem, type Observation, type OutlierState } from "../observation.ts";
import { tuningFor, type Tuning } from "../outliers/tuning.ts";
import { ejectedBy, waitsForEjection } from "../outliers/watching.ts";
import { namesAtMost } from "../outliers/words.ts";
import { flawsOf } from "../outliers/flaws.ts";
import { conditionOf } from "../standing.ts";
import { progressing, undecided } from "./under-way.ts";

/**
 * A few pods carry a version's errors and the others are well: proxies are told to eject them, before the release is
 * given up or the canary is blamed for stable. The step is judged anew once they should have done so.
 */
export const tuneOutliers: Rule = (observation) => {
  const open = undecided(observation);
  if (open === undefined) return undefined;
  const tuning = possibleTuning(observation);
  return tuning === undefined ? followed(observation, open.release) : tuned(observation, open.release, tuning);
};

type Tunable = Extract<Tuning, { kind: "Tune" }>;

/** The canary's pods first: its release depends on them. */
function possibleTuning(observation: Observation): Tunable | undefined {
  for (const version of ["canary", "stable"] as const) {
    const tuning = tuningFor(observation, version);
    if (tuning?.kind === "Tune") return tuning;
  }
  return undefined;
}

function tuned(observation: Observation, release: Release, tuning: Tunable): Answer {
  const outlierDetection = recorded(observation, tuning);
  const { tuned: settings, before, ejectedBy: until } = outlierDetection;
  const isCanary = tuning.version === "canary";
  const blamed = isCanary
    ? "The step is held until the other pods have shown enough; the release is rolled back if it stays over its limit"
    : "The canary is not blamed for it";
  const note = `${tuning.why}. ${blamed}. What was there before comes back when the release ends.`;
  return progressing(observation, note, {
    status: { outlierDetection },
    release: isCanary ? judgedAnew(release, until) : release,
    plan: [{ kind: "tuneOutliers", settings, before }],
    transitions: [{ reason: "OutlierDetectionTuned", key: releaseKey(release, tuning.version), note }],
  });
}

/** With what was found in the other version before. */
function recorded(observation: Observation, { version, computed, before, found, why }: Tunable): OutlierStatus {
  const earlier = observation.rollout.status.outlierDetection;
  const until = version === "canary" ? renderInstant(ejectedBy(observation, computed)) : earlier?.ejectedBy;
  return {
    found: [...(earlier?.found ?? []), ...found],
    tuned: computed.settings,
    why,
    since: earlier?.since ?? renderInstant(observation.now),
    ...(until === undefined ? {} : { ejectedBy: until }),
    written: "Asked",
    before: earlier?.before ?? before,
  };
}

/** A step, or a bake, whose clock begins when the pods should be out. */
function judgedAnew({ analysis, ...release }: Release, from: string | undefined): Release {
  return { ...release, bakingSince: undefined, stepStartedAt: from, analysis: analysis && withoutErrors(analysis) };
}

/**
 * Settings are written until they were seen, or refused; who changes them after that has the last word. Told once: the
 * release is judged with what is there.
 */
function followed(observation: Observation, release: Release): Answer | undefined {
  const { traffic, rollout } = observation;
  const outliers = rollout.status.outlierDetection;
  if (outliers === undefined || outliers.written === "Undone" || isProblem(traffic)) return undefined;
  const isThere = isWritten(outliers, traffic.outliers);
  if (outliers.written === "Seen") {
    const who = traffic.subsetsManager ?? "somebody";
    return isThere ? undefined : undone(observation, release, outliers, `was changed by ${who}`);
  }
  if (isThere) return seen(observation, outliers);
  const ready = conditionOf(rollout.status, "Ready");
  return ready?.reason === "TrafficConfigRejected"
    ? undone(observation, release, outliers, `could not be written: ${ready.message.replace(/\.$/, "")}`)
    : again(observation, outliers);
}

function isWritten({ tuned: settings }: OutlierStatus, outliers: OutlierState | undefined): boolean {
  const written = outliers?.written ?? {};
  return (Object.keys(settings) as (keyof TunedSettings)[]).every((field) => written[field] === settings[field]);
}

function again(observation: Observation, { tuned: settings, before }: OutlierStatus): Answer {
  const plan: Plan = [{ kind: "tuneOutliers", settings, before }];
  return progressing(observation, "Tuning outlier detection.", { plan });
}

function seen(observation: Observation, outliers: OutlierStatus): Answer {
  const status = { outlierDetection: { ...outliers, written: "Seen" as const } };
  return progressing(observation, `Outlier detection is tuned. ${outliers.why}.`, { status });
}

function undone(observation: Observation, release: Release, outliers: OutlierStatus, what: string): Answer {
  const note = `Outlier detection for ${namesOf(outliers)} ${what}. The release is judged with what is there. Whoever writes .spec.trafficPolicy of the DestinationRule in mid-release should leave it alone (docs/outliers.md).`;
  return progressing(observation, note, {
    status: { outlierDetection: { ...outliers, written: "Undone" } },
    transitions: [{ reason: "OutlierDetectionUndone", key: releaseKey(release, outliers.found.length), note }],
  });
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
  return [{ kind: "restoreOutliers", before: outliers.before }];
}

/** The same where nobody can see it: it goes with the routes. */
export function outliersUnseen(observation: Observation): Plan {
  return isProblem(observation.traffic) ? outliersToRestore(observation) : [];
}

/** Told with the end of a release: outlier detection is as it was, and which pods are to be looked at. */
export function toldRestored({ rollout }: Observation, release: Release): readonly Transition[] {
  const outliers = rollout.status.outlierDetection;
  if (outliers === undefined) return [];
  const pods = outliers.found.map(({ pod, version }) => `${pod} (${version})`).join(", ");
  const left = release.decision === "Promote" ? "canary" : "stable";
  // Where only addresses are known, these say which pods; those of the version that goes are gone.
  const names = outliers.found
    .filter(({ pod, version }) => version === left && !pod.includes(":"))
    .map(({ pod }) => pod);
  const replace =
    names.length === 0
      ? ""
      : ` If it still does, see why, or have it replaced: kubectl delete pod -n ${rollout.key.namespace} ${names.join(" ")}`;
  const note = `Outlier detection is as it was before the release. What failed requests during it: ${pods}.${replace}`;
  return [{ reason: "OutlierDetectionRestored", key: releaseKey(release), note }];
}

function namesOf({ found }: OutlierStatus): string {
  return namesAtMost(found.map(({ pod }) => pod));
}

/** Settings of outlier detection that cannot work are told before a release, whether or not it will need them. */
export function outlierFlaws({ traffic, workload, rollout }: Observation, release: Release): readonly Transition[] {
  if (isProblem(traffic) || isProblem(workload) || traffic.outliers === undefined) return [];
  const { obstacles } = traffic.outliers;
  const isTuning = rollout.spec?.outlierDetection.tuning === "Auto";
  const found = flawsOf(traffic.outliers, { stable: workload.replicas, canary: workload.replicas });
  const flaws = [...found, ...(isTuning ? obstacles.map((obstacle) => `it cannot be tuned: ${obstacle}`) : [])];
  if (flaws.length === 0) return [];
  const note = `Outlier detection will not work as it is set: ${flaws.join("; ")}.`;
  return [{ reason: "OutlierDetectionIneffective", key: releaseKey(release), note }];
}
