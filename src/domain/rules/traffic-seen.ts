import { parseInstant, renderInstant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { trafficShift } from "../analysis/traffic-shift.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Answer, Rule, Transition } from "../decision.ts";
import { freshStep, missingData } from "../evidence.ts";
import { seenSinceShift, type Measurement, type Observation } from "../observation.ts";
import type { Asked } from "../propagation.ts";
import { conditionOf, saidIn } from "../standing.ts";
import { weightOf } from "../steps.ts";
import { hangsFromTheFirst } from "../verdict.ts";
import { whoAsked } from "../who-asked.ts";
import { rollBack } from "./safety.ts";
import { askedToPromote, holdRelease, holdForMetrics, progressing, undecided } from "./under-way.ts";

/** A step's clock starts when its traffic is seen, not when it was asked for. */
export const waitForTraffic: Rule = (observation) => {
  const open = undecided(observation);
  if (open?.release.traffic === undefined || open.release.stepStartedAt !== undefined) return undefined;
  const { release } = open;
  const { weight } = open.release.traffic;
  if (askedToPromote(observation)) {
    const note = `${whoAsked(observation)} asked to go on; the traffic was not seen to be ${weight} %.`;
    return begin(observation, release, note, "Unknown");
  }
  if (weight === 0) return begin(observation, release, "No traffic is asked for at this step.", "Unknown");
  const missing = missingData(observation);
  if (missing !== undefined) return holdForMetrics(observation, release, missing);
  // Nothing was looked at, which is not the same as nothing to be seen.
  if (observation.measurement === undefined) return progressing(observation, waiting(weight));
  return look(observation, release, open.release.traffic, observation.measurement);
};

function waiting(weight: number): string {
  return `Waiting until ${weight} % of the traffic is seen at the canary.`;
}

function look(
  observation: Observation,
  release: Release,
  { weight, routeChangedAt }: Asked,
  measurement: Measurement,
): Answer {
  const { now, settings } = observation;
  const seen = seenSinceShift(measurement);
  const { stable, canary, callers } = seen ?? { stable: 0, canary: 0, callers: [] };
  const elapsed = now - parseInstant(routeChangedAt);
  const shift = trafficShift({ weight, stable, canary, elapsed, deadline: settings.shiftDeadline });
  const total = stable + canary;
  const observed = total === 0 ? "no requests" : `${Math.round((1000 * canary) / total) / 10} % of ${total} requests`;
  switch (shift) {
    case "Shifted":
      return begin(observation, release, `${observed} were seen to go to the canary (asked for: ${weight} %).`, "True");
    case "Assumed": {
      const note = `Too few requests to see the split (${total}); it is assumed to be ${weight} %.`;
      return begin(observation, release, note, "Unknown");
    }
    case "NotShifted": {
      if (canary === 0) {
        const hanging = isUntold(observation) ? hangsFromTheFirst(release, stable, elapsed) : undefined;
        if (hanging !== undefined) return rollBack(observation, release, "CanaryHangs", hanging);
      }
      const message = `Asked for ${weight} % to the canary, but ${observed} went there: ${callers.join("; ")}. ${checkWhat(canary)}`;
      return notShifted(observation, release, message);
    }
    case "NotYet":
      return progressing(observation, waiting(weight));
  }
}

function checkWhat(canary: number): string {
  const routes = "Check that callers have sidecars and that no other VirtualService routes the host";
  return canary > 0 ? `${routes}.` : `${routes}, and that the canary answers at all.`;
}

function begin(observation: Observation, release: Release, note: string, status: "True" | "Unknown"): Answer {
  const { analysis } = release;
  const at = renderInstant(observation.now);
  const begun: Release = {
    ...release,
    stepStartedAt: at,
    analysis: analysis === undefined ? undefined : freshStep(analysis),
  };
  const started = progressing(observation, note, {
    release: begun,
    transitions:
      weightOf(release) === 0
        ? []
        : [{ reason: "TrafficShifted", key: releaseKey(release, release.stepIndex, at), note }],
  });
  return withShift(observation, started, note, status);
}

/** Held, and told once: traffic is not where it was sent. */
export function notShifted(observation: Observation, release: Release, message: string, when = "step"): Answer {
  const held = holdRelease(observation, release, "TrafficNotShifted", message);
  const transitions: Transition[] = isUntold(observation)
    ? [{ reason: "TrafficNotShifted", key: releaseKey(release, when, renderInstant(observation.now)), note: message }]
    : [];
  return withShift(observation, { ...held, transitions }, message, "False");
}

/** Whether nobody was told yet that traffic is not where it was sent. */
function isUntold({ rollout }: Observation): boolean {
  return conditionOf(rollout.status, "TrafficShifted")?.status !== "False";
}

function withShift(
  observation: Observation,
  given: Answer,
  message: string,
  status: "True" | "False" | "Unknown",
): Answer {
  const standing = { kind: "Progressing", ...saidIn(given.status), message, shifted: { status, message } } as const;
  return answer(observation, { ...given, standing });
}
