import { parseInstant, renderInstant, type Milliseconds } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import { releaseKey } from "../answer.ts";
import type { Answer, Rule } from "../decision.ts";
import { freshStep, missingData, withoutClaims } from "../evidence.ts";
import { isWellAgain, ownFault } from "../stepped-back.ts";
import { judgeRelease } from "../verdict.ts";
import { whoAsked } from "../who-asked.ts";
import { noCounts } from "../analysis/blocks.ts";
import type { Observation } from "../observation.ts";
import type { Asked } from "../propagation.ts";
import { rollBack } from "./safety.ts";
import { routesTo } from "./traffic.ts";
import {
  askedToPromote,
  atWeight,
  holdRelease,
  holdForMetrics,
  progressing,
  standsStill,
  undecided,
} from "./under-way.ts";

/** What begins so soon after a change of weights may come from it, at stable too: a database that both use, say. */
const maybeOurs = 300_000;
/** An incident that lasts this long is not one to keep a canary in, whoever it comes from. */
const lasting = 60_000;

/**
 * The canary is over a limit, and stable may be too: the canary may be the cause of it for both. All traffic goes back to
 * stable, the canary and what is known of it stay. Where both fail again as soon as the canary has traffic again, it is
 * the cause.
 */
export const stepBack: Rule = (observation) => {
  const open = undecided(observation);
  if (open?.release.traffic === undefined || open.release.steppedBack !== undefined) return undefined;
  const { release, spec } = open;
  const asked = open.release.traffic;
  const isMaybeOurs = changedOfLate(observation, asked);
  if (asked.weight === 0 || !isShared(observation, release, isMaybeOurs ? 0 : lasting)) return undefined;
  const { sentence } = judgeRelease(spec, release);
  if (!isMaybeOurs || (release.stepBacks ?? 0) === 0) return sentBack(observation, release, asked, sentence);
  const why = `Stable failed each time that the canary had traffic, and got well without it: ${sentence}.`;
  return rollBack(observation, release, "SharedDependency", why);
};

function changedOfLate({ now }: Observation, { routeChangedAt }: Asked): boolean {
  return now - parseInstant(routeChangedAt) <= maybeOurs;
}

/** Whether both have been over a limit for so long. */
function isShared({ now }: Observation, { analysis }: Release, length: Milliseconds): boolean {
  const since = analysis?.sharedSince;
  return since !== undefined && now - parseInstant(since) >= length;
}

function sentBack(observation: Observation, release: Release, asked: Asked, sentence: string): Answer {
  const { analysis } = release;
  const message = `${sentence}. All traffic goes to stable until it is seen to be well; the canary stays.`;
  const back: Release = {
    ...atWeight(observation, release, 0),
    steppedBack: { at: renderInstant(observation.now), calm: noCounts },
    analysis: analysis && freshStep(analysis),
  };
  const held = holdRelease(observation, back, "SharedIncident", message, routesTo(0, asked));
  const key = releaseKey(release, release.stepIndex, release.stepBacks ?? 0);
  return {
    ...held,
    transitions: [{ reason: "SteppedBack", key, note: message }],
    // The status first: traffic that is back for no stored reason is taken for a rollback, and nothing is rejected here.
    urgent: false,
  };
}

/** Stepped back: goes on when stable is well, unless stable was well all the time. */
export const waitForStable: Rule = (observation) => {
  const open = undecided(observation);
  if (open?.release.steppedBack === undefined) return undefined;
  const { release, spec } = open;
  const { at, calm } = open.release.steppedBack;
  if (askedToPromote(observation)) return resume(observation, release, `${whoAsked(observation)} asked to go on.`);
  const missing = missingData(observation);
  if (missing !== undefined) return holdForMetrics(observation, release, missing);
  if (!isWellAgain(spec, calm)) {
    const message = `All traffic was sent back to stable at ${at}, because both versions failed; waiting until stable is seen to be within the limits.`;
    return holdRelease(observation, release, "SharedIncident", message);
  }
  const fault = ownFault(spec, release);
  if (fault !== undefined) {
    const why = `${fault.evidence}; stable was within it all the time, and is without the canary.`;
    return rollBack(observation, release, fault.limit.reason, why);
  }
  return standsStill(observation) ? undefined : resume(observation, release, "Stable is well again.");
};

function resume(observation: Observation, release: Release, why: string): Answer {
  const { rollout, now } = observation;
  const note = `${why} The release goes on with step ${release.stepIndex + 1}.`;
  const { analysis } = release;
  const next: Release = {
    ...release,
    steppedBack: undefined,
    stepBacks: (release.stepBacks ?? 0) + 1,
    analysis: analysis && withoutClaims(analysis),
  };
  return progressing(observation, note, {
    release: next,
    status: { handled: { ...rollout.status.handled, promote: rollout.requests.promote } },
    transitions: [{ reason: "Resumed", key: releaseKey(release, renderInstant(now)), note }],
  });
}
