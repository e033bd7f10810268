import { parseInstant, renderInstant, type Instant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer, Plan, Rule, Transition } from "../decision.ts";
import { freshAnalysis } from "../evidence.ts";
import { isProblem, type Observation, type TrafficState } from "../observation.ts";
import { subsetsAreEverywhere, type Asked } from "../propagation.ts";
import { atWeight, holdRelease, progressing, undecided, wantedWeight } from "./under-way.ts";
import { imageOf } from "../version-names.ts";

/** Gives the canary the weight of the step, and puts it back when somebody else changes it. */
export const shiftTraffic: Rule = (observation) => {
  const open = undecided(observation);
  const { traffic } = observation;
  if (open?.release.traffic === undefined || isProblem(traffic)) return undefined;
  const { release, spec } = open;
  const asked = open.release.traffic;
  const weight = wantedWeight(observation, release, spec);
  const unsafe = untilSubsetsStay(observation, release, weight);
  if (unsafe !== undefined) return unsafe;
  if (asked.weight !== weight) {
    const note = `Sending ${weight} % of the traffic to the canary (${imageOf(observation, "canary")}), step ${release.stepIndex + 1}.`;
    const moved: Release = {
      ...atWeight(observation, release, weight),
      highestWeight: Math.max(release.highestWeight, weight),
      analysis: release.analysis ?? freshAnalysis(observation),
    };
    return progressing(observation, note, {
      release: moved,
      plan: routesTo(weight, asked),
      transitions: [
        { reason: "WeightChanged", key: releaseKey(release, weight, renderInstant(observation.now)), note },
      ],
    });
  }
  if (!isPutBack(asked))
    return isRouted(traffic, weight) ? undefined : correctWeight(observation, release, traffic, asked, weight);
  const again = routedAgain(observation, release);
  return isRouted(traffic, weight)
    ? progressing(observation, `Sending ${weight} % of the traffic to the canary again.`, { release: again })
    : correctWeight(observation, again, traffic, asked, weight);
};

const conflictPeriod = 60_000;
const conflictCount = 3;
/** A cache shows a correction of ours after this; the same foreign write is not corrected twice. */
const correctionLag = 1_000;

/**
 * A subset that somebody took away and that is there again is routed to when every proxy has it; where it is taken away
 * again and again, when it has been left alone for a minute. Until then stable gets everything.
 */
function untilSubsetsStay(observation: Observation, release: Release, weight: number): Answer | undefined {
  const asked = release.traffic;
  if (asked === undefined || weight === 0 || !isPutBack(asked)) return undefined;
  if (isConflict(observation.now, asked.corrections)) {
    const message = `Somebody keeps removing subset canary from the DestinationRule, so nothing is sent to the canary until it is left alone for a minute. ${howToLeaveAlone}`;
    // Git's own route may name no subset at all, and find canary pods by their share.
    const isSafe = subsetsAreEverywhere(observation, asked) && !isProblem(observation.traffic);
    const plan = isSafe && !isRouted(observation.traffic, 0) ? routesTo(0, asked) : [];
    return holdRelease(observation, release, "TrafficNotShifted", message, plan);
  }
  if (subsetsAreEverywhere(observation, asked)) return undefined;
  return progressing(observation, "Subset canary is there again; waiting until every proxy has it.");
}

/** The step's clock begins again with its traffic; a bake that had begun goes on. */
function routedAgain({ now }: Observation, release: Release): Release {
  const { traffic } = release;
  return {
    ...release,
    stepStartedAt: undefined,
    traffic: traffic && { ...traffic, routeChangedAt: renderInstant(now) },
  };
}

/** Subsets come before routes: those that are younger were put back. */
export function isPutBack({ subsetsChangedAt, routeChangedAt }: Asked): boolean {
  return parseInstant(subsetsChangedAt) > parseInstant(routeChangedAt);
}

/**
 * Puts back the subsets that somebody else wrote in mid-release. Where only their labels were changed, routes that were
 * changed with them follow at once. Where subset canary is gone, nothing may name it until every proxy has it again.
 */
export function correctSubsets(
  observation: Observation,
  release: Release,
  traffic: TrafficState,
  asked: Asked,
  narrow: Plan,
): Answer {
  const { now } = observation;
  const who = traffic.subsetsManager;
  if (traffic.subsets.kind === "Present" && traffic.subsets.lacksCanary !== true) {
    const weight = isPutBack(asked) && !subsetsAreEverywhere(observation, asked) ? 0 : asked.weight;
    const routes = isRouted(traffic, weight) ? [] : routesTo(weight, asked);
    const what = "changed the subsets of the release; putting them back as it needs them";
    return corrected(observation, release, { who, what, plan: [...narrow, ...routes] });
  }
  const routes = isRouted(traffic, 0) || traffic.route.kind === "Rest" ? [] : routesTo(0, asked);
  const what =
    "removed subset canary from the DestinationRule; putting it back. Write it in git too, with the labels of subset stable, so that it stays";
  // Not urgent: 0 is not what the status asks for, so the status must tell why first.
  const next: Release = { ...release, stepStartedAt: undefined, traffic: putBack(asked, now) };
  return { ...corrected(observation, next, { who, what, plan: [...narrow, ...routes] }), urgent: false };
}

/** What is asked for once the subsets are put back; asking again for what a cache cannot show yet gives no more time. */
export function putBack(asked: Asked, now: Instant): Asked {
  const isJustAsked = isPutBack(asked) && now - parseInstant(asked.subsetsChangedAt) < correctionLag;
  return isJustAsked ? asked : { ...asked, subsetsChangedAt: renderInstant(now) };
}

function correctWeight(
  observation: Observation,
  release: Release,
  { foreignManager: who }: TrafficState,
  asked: Asked,
  weight: number,
): Answer {
  const what = `changed the weights of the release; putting them back to ${weight} % for the canary`;
  return corrected(observation, release, { who, what, plan: routesTo(weight, asked) });
}

export function routesTo(weight: number, { original }: Asked): Plan {
  return [{ kind: "routeTraffic", weight, original }];
}

export function isRouted({ route }: TrafficState, weight: number): boolean {
  return route.kind === "Split" && route.weight === weight;
}

/** Written at once; whoever it was is told, and after three times in a minute also what to do about it. */
function corrected(
  observation: Observation,
  release: Release,
  { who, what, plan }: { readonly who: string | undefined; readonly what: string; readonly plan: Plan },
): Answer {
  const { now } = observation;
  const asked = release.traffic;
  const correction = asked && correctionOf(now, asked.corrections);
  // Without somebody to name it is our own write that has not arrived, or could not be made yet.
  if (asked === undefined || who === undefined || correction === undefined)
    return { ...progressing(observation, "Putting the traffic of the release back.", { release, plan }), urgent: true };
  const corrections = [...correction.corrections];
  const note = `${who} ${what}.`;
  const transitions: Transition[] = [
    { reason: "WeightsCorrected", key: releaseKey(release, renderInstant(now)), note },
  ];
  if (correction.isConflict) {
    transitions.push({ reason: "FieldOwnershipConflict", key: releaseKey(release), note: conflictAdvice(who) });
  }
  const next: Release = { ...release, traffic: { ...asked, corrections } };
  return { ...progressing(observation, note, { release: next, plan, transitions }), urgent: true };
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
  const recent = ofLate(now, earlier);
  const corrections = [...recent, renderInstant(now)].slice(-conflictCount);
  return { corrections, isConflict: corrections.length === conflictCount && recent.length < conflictCount };
}

function ofLate(now: Instant, corrections: readonly string[]): readonly string[] {
  return corrections.filter((at) => now - parseInstant(at) < conflictPeriod);
}

/** Whether somebody changed them of late. */
export function isDisturbed(now: Instant, corrections: readonly string[]): boolean {
  return ofLate(now, corrections).length > 0;
}

/** Whether somebody changed them so often of late that it is no accident. */
function isConflict(now: Instant, corrections: readonly string[]): boolean {
  return ofLate(now, corrections).length >= conflictCount;
}

function conflictAdvice(who: string): string {
  return `${who} keeps changing the weights of the release. ${howToLeaveAlone}`;
}

/** How to have a tool leave the weights alone; ends without a full stop. */
export const ignoreWeights =
  "Argo CD: add ignoreDifferences with jqPathExpressions ['.spec.http[].route'] for the VirtualService and syncOptions " +
  "RespectIgnoreDifferences=true. Flux: add spec.ignore with a JSON pointer such as /spec/http/0/route for each released route of the VirtualService";

const howToLeaveAlone = `${ignoreWeights}. Do the same for spec.subsets of the DestinationRule, and write a subset canary into it beside subset stable, with the same labels. Or leave virtualService and destinationRule out so that Serin generates them.`;
