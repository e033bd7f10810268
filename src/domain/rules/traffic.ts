import { parseInstant, renderInstant, type Instant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { trafficShift } from "../analysis/traffic-shift.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Answer, Rule, Transition } from "../decision.ts";
import { freshAnalysis, missingData, noCounts } from "../evidence.ts";
import { isProblem, type Observation } from "../observation.ts";
import { conditionOf } from "../standing.ts";
import { askedToPromote, atWeight, hold, holdForMetrics, progressing, undecided, wantedWeight } from "./under-way.ts";

/** Gives the canary the weight of the step, and puts it back when somebody else changes it. */
export const shiftTraffic: Rule = (observation) => {
  const open = undecided(observation);
  const { traffic } = observation;
  if (open?.release.traffic === undefined || isProblem(traffic)) return undefined;
  const { release, spec } = open;
  const asked = open.release.traffic;
  const weight = wantedWeight(observation, release, spec);
  const plan = [{ kind: "routeTraffic", weight, original: asked.original } as const];
  if (asked.weight !== weight) {
    const note = `Sending ${weight} % of the traffic to the canary (${observation.rollout.status.canary?.image ?? ""}), step ${release.stepIndex + 1}.`;
    const moved: Release = {
      ...atWeight(observation, release, weight),
      highestWeight: Math.max(release.highestWeight, weight),
      analysis: release.analysis ?? freshAnalysis(observation),
    };
    return progressing(observation, note, {
      release: moved,
      plan,
      transitions: [{ reason: "WeightChanged", key: releaseKey(release, release.stepIndex, weight), note }],
    });
  }
  if (traffic.route.kind === "Split" && traffic.route.weight === weight) return undefined;
  return correctWeight(observation, release, weight);
};

const conflictPeriod = 60_000;
const conflictCount = 3;
/** A cache shows a correction of ours after this; the same foreign write is not corrected twice. */
const correctionLag = 1_000;

function correctWeight(observation: Observation, release: Release, weight: number): Answer {
  const { traffic, now } = observation;
  const asked = release.traffic;
  const message = `Sending ${weight} % of the traffic to the canary.`;
  if (asked === undefined || isProblem(traffic)) return progressing(observation, message);
  const plan = [{ kind: "routeTraffic", weight, original: asked.original } as const];
  const who = traffic.foreignManager;
  const correction = correctionOf(now, asked.corrections);
  // Without somebody to name it is our own write that has not arrived, or could not be made yet.
  if (who === undefined || correction === undefined) return progressing(observation, message, { plan });
  const corrections = [...correction.corrections];
  const note = `${who} changed the weights of the release; they are ${weight} % for the canary again.`;
  const transitions: Transition[] = [
    { reason: "WeightsCorrected", key: releaseKey(release, renderInstant(now)), note },
  ];
  if (correction.isConflict) {
    transitions.push({ reason: "FieldOwnershipConflict", key: releaseKey(release), note: conflictAdvice(who) });
  }
  return progressing(observation, note, {
    release: { ...release, traffic: { ...asked, corrections } },
    plan,
    transitions,
  });
}

interface Correction {
  /** When weights were corrected within the period, this time included. */
  readonly corrections: readonly string[];
  /** Whether this is the time at which people are told that somebody keeps writing them. */
  readonly isConflict: boolean;
}

/** A correction more; undefined where the cache cannot show the last one yet. */
export function correctionOf(now: Instant, earlier: readonly string[]): Correction | undefined {
  const last = earlier.at(-1);
  if (last !== undefined && now - parseInstant(last) < correctionLag) return undefined;
  const recent = earlier.filter((at) => now - parseInstant(at) < conflictPeriod);
  const corrections = [...recent, renderInstant(now)].slice(-conflictCount);
  return { corrections, isConflict: corrections.length === conflictCount && recent.length < conflictCount };
}

function conflictAdvice(who: string): string {
  return `${who} keeps changing the weights of the release. ${ignoreWeights}, or leave virtualService out so that Serin generates one.`;
}

/** How to have a tool leave the weights alone; ends without a full stop. */
export const ignoreWeights =
  "Argo CD: add ignoreDifferences with jqPathExpressions ['.spec.http[].route'] for the VirtualService and syncOptions " +
  "RespectIgnoreDifferences=true. Flux: add spec.ignore with the JSON pointers of spec.http of the VirtualService";

/** A step's clock starts when its traffic is seen, not when it was asked for. */
export const waitForTraffic: Rule = (observation) => {
  const open = undecided(observation);
  if (open?.release.traffic === undefined || open.release.stepStartedAt !== undefined) return undefined;
  const { release } = open;
  const { weight, routeChangedAt } = open.release.traffic;
  if (askedToPromote(observation))
    return begin(
      observation,
      release,
      `A person asked to go on; the traffic was not seen to be ${weight} %.`,
      "Unknown",
    );
  if (weight === 0) return begin(observation, release, "No traffic is asked for at this step.", "Unknown");
  const missing = missingData(observation);
  if (missing !== undefined) return holdForMetrics(observation, release, missing.message);
  const seen = observation.measurement?.kind === "Counts" ? observation.measurement.sinceShift : undefined;
  const elapsed = observation.now - parseInstant(routeChangedAt);
  const shares = seen ?? { stable: 0, canary: 0, callers: [] };
  const shift = trafficShift({
    weight,
    stable: shares.stable,
    canary: shares.canary,
    elapsed,
    deadline: observation.settings.shiftDeadline,
  });
  const total = shares.stable + shares.canary;
  const observed =
    total === 0 ? "no requests" : `${Math.round((1000 * shares.canary) / total) / 10} % of ${total} requests`;
  switch (shift) {
    case "Shifted":
      return begin(observation, release, `${observed} were seen to go to the canary (asked for: ${weight} %).`, "True");
    case "Assumed":
      return begin(
        observation,
        release,
        `Too few requests to see the split (${total}); it is assumed to be ${weight} %.`,
        "Unknown",
      );
    case "NotShifted": {
      const message = `Asked for ${weight} % to the canary, but ${observed} went there: ${shares.callers.join("; ")}. Check that callers have sidecars and that no other VirtualService routes the host.`;
      return notShifted(observation, release, message);
    }
    case "NotYet":
      return progressing(observation, `Waiting until ${weight} % of the traffic is seen at the canary.`);
  }
};

function begin(observation: Observation, release: Release, note: string, status: "True" | "Unknown"): Answer {
  const { analysis } = release;
  const begun: Release = {
    ...release,
    stepStartedAt: renderInstant(observation.now),
    analysis: analysis === undefined ? undefined : { ...analysis, step: { stable: noCounts, canary: noCounts } },
  };
  const started = progressing(observation, note, {
    release: begun,
    transitions:
      (release.traffic?.weight ?? 0) === 0
        ? []
        : [{ reason: "TrafficShifted", key: releaseKey(release, release.stepIndex), note }],
  });
  return withShift(observation, started, note, status);
}

function notShifted(observation: Observation, release: Release, message: string): Answer {
  const held = hold(observation, release, "TrafficNotShifted", message);
  const news = conditionOf(observation.rollout.status, "TrafficShifted")?.status !== "False";
  const transitions: Transition[] = news
    ? [{ reason: "TrafficNotShifted", key: releaseKey(release, release.stepIndex), note: message }]
    : [];
  return withShift(observation, { ...held, transitions }, message, "False");
}

function withShift(
  observation: Observation,
  given: Answer,
  message: string,
  status: "True" | "False" | "Unknown",
): Answer {
  const ready = conditionOf(given.status, "Ready");
  return answer(observation, {
    ...given,
    standing: {
      kind: "Progressing",
      reason: ready?.reason ?? "Progressing",
      phase: given.status.phase ?? "Progressing",
      message,
      shifted: { status, message },
    },
  });
}
