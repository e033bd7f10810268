import { parseDuration, parseInstant, renderDuration, renderInstant, type Milliseconds } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Judgement } from "../analysis/judge.ts";
import type { Answer, Rule, Transition } from "../decision.ts";
import { missingData } from "../evidence.ts";
import { judgeRelease } from "../verdict.ts";
import type { Observation } from "../observation.ts";
import { conditionOf, isNews } from "../standing.ts";
import { stepsOf, weightOf } from "../steps.ts";
import { isRunByUser } from "./canary.ts";
import { waitForLastCallers } from "./last-callers.ts";
import { untilEjected } from "./outliers.ts";
import { rollBack } from "./safety.ts";
import { whoAsked } from "../who-asked.ts";
import { askedToPromote, holdRelease, holdForMetrics, progressing, standsStill, undecided } from "./under-way.ts";
import { imageOf, replicaSetNameOf } from "../version-names.ts";

/**
 * A release stands still while its Rollout is suspended or a person has asked for a pause: its weight is kept, its pods
 * follow the Deployment, and going back stays possible.
 */
export const standStill: Rule = (observation) => {
  const open = undecided(observation);
  if (open === undefined) return undefined;
  const { release, spec } = open;
  const asked = observation.rollout.requests.pause;
  if (!standsStill(observation)) {
    const wasPaused = observation.rollout.status.handled?.pause !== undefined;
    return wasPaused ? resume(observation, release) : undefined;
  }
  const isAsked = asked !== undefined && !spec.suspend;
  const reason = isAsked ? "Paused" : "Suspended";
  const weight = weightOf(release);
  const message = isAsked
    ? `${whoAsked(observation)} asked for a pause at ${asked}: the release stays at weight ${weight} until it is resumed; a rollback still happens.`
    : `spec.suspend is set: the release stays at weight ${weight}; a rollback still happens.`;
  const key = releaseKey(release, reason, renderInstant(observation.now));
  return answer(observation, {
    status: { handled: { ...observation.rollout.status.handled, pause: asked } },
    standing: { kind: "Progressing", reason, phase: "Paused", message },
    transitions: isNews(observation, reason) ? [{ reason: "Paused", key, note: message }] : [],
  });
};

function resume(observation: Observation, release: Release): Answer {
  const note = `The release goes on at weight ${weightOf(release)}.`;
  const { handled } = observation.rollout.status;
  return answer(observation, {
    status: { handled: { ...handled, pause: undefined } },
    standing: { kind: "Progressing", reason: "Progressing", phase: "Progressing", message: note },
    transitions: [{ reason: "Resumed", key: releaseKey(release, renderInstant(observation.now)), note }],
  });
}

/** Told once when metrics are back after they were missing. */
export const noticeMetrics: Rule = (observation) => {
  const open = undecided(observation);
  if (open === undefined || observation.measurement?.kind !== "Counts") return undefined;
  const reason = conditionOf(observation.rollout.status, "Ready")?.reason;
  if (reason !== "MetricsUnavailable" && reason !== "TooManySeries") return undefined;
  const note = "Metrics are back; the release goes on.";
  const key = releaseKey(open.release, renderInstant(observation.now));
  return progressing(observation, note, {
    release: open.release,
    transitions: [{ reason: "MetricsAvailable", key, note }],
  });
};

/** Stays at a step until it has lasted and shown enough; a pause, until its time is over or a person says so. */
export const passStep: Rule = (observation) => {
  const open = undecided(observation);
  if (open?.release.stepStartedAt === undefined || open.release.bakingSince !== undefined) return undefined;
  const { release, spec } = open;
  if (askedToPromote(observation))
    return next(observation, open, `${whoAsked(observation)} asked to go on.`, "StepPassed");
  const ejecting = untilEjected(observation);
  if (ejecting !== undefined) return ejecting;
  const step = stepsOf(spec)[release.stepIndex];
  if (step?.pause !== undefined) return waitInPause(observation, open, step.pause.duration);
  const missing = missingData(observation);
  if (missing !== undefined) return holdForMetrics(observation, release, missing);
  return judgeStep(observation, open, open.release.stepStartedAt);
};

function judgeStep(observation: Observation, open: Open, stepStartedAt: string): Answer {
  const { release, spec } = open;
  const elapsed = observation.now - parseInstant(stepStartedAt);
  const judgement = judgeRelease(spec, release);
  if (weightOf(release) === 0) return next(observation, open, "The step asks for no traffic.", "StepPassed");
  if (elapsed < parseDuration(spec.analysis.minStepDuration)) return progressing(observation, judgement.sentence);
  if (judgement.verdict === "Pass") return next(observation, open, judgement.sentence, "StepPassed");
  const progress = { release, spec, elapsed, judgement };
  return judgement.isTooFew ? withTooFew(observation, progress) : inconclusive(observation, progress);
}

/** Enough to say that nothing speaks against the canary, when there is too little for a verdict. */
const fewRequests = 20;

/** A release under way. */
interface Open {
  readonly release: Release;
  readonly spec: RolloutSpec;
}

/** Where a step stands that has neither passed nor failed. */
interface Undecided extends Open {
  readonly elapsed: Milliseconds;
  readonly judgement: Judgement;
}

function withTooFew(observation: Observation, { release, spec, elapsed, judgement }: Undecided): Answer {
  const longest = parseDuration(spec.analysis.maxStepDuration);
  const requests = release.analysis?.step.canary.requests ?? 0;
  const isSoonEnough = requests >= fewRequests && elapsed >= longest / 3;
  const policy = spec.analysis.onInsufficientTraffic;
  if (elapsed >= longest || (policy === "widen" && isSoonEnough)) {
    if (policy === "promote" || (policy === "widen" && judgement.nothingAgainst)) {
      const note = `${judgement.sentence}. Too few requests for a verdict after ${renderDuration(elapsed)}; going on (onInsufficientTraffic: ${policy}).`;
      return next(observation, unproven({ release, spec }), note, "StepPassedWithoutEvidence");
    }
    if (elapsed >= longest) {
      const message = `${judgement.sentence}. No verdict after ${renderDuration(longest)}. ${askPerson}`;
      return holdRelease(observation, release, "InsufficientTraffic", message);
    }
  }
  return progressing(observation, judgement.sentence);
}

const askPerson = "Ask to promote or to abort: serin promote, serin abort.";

/** There were enough requests, and they do not agree: more of them may never decide it. */
function inconclusive(observation: Observation, { release, spec, elapsed, judgement }: Undecided): Answer {
  const longest = parseDuration(spec.analysis.maxStepDuration);
  if (elapsed < longest) return progressing(observation, judgement.sentence);
  const what = `${judgement.sentence}. No verdict after ${renderDuration(longest)}`;
  switch (spec.analysis.onInconclusive) {
    case "promote": {
      const note = `${what}; going on (onInconclusive: promote).`;
      return next(observation, unproven({ release, spec }), note, "StepPassedWithoutEvidence");
    }
    case "rollback":
      return rollBack(observation, release, "Inconclusive", `${what} (onInconclusive: rollback).`);
    case "hold":
      return holdRelease(observation, release, "Inconclusive", `${what}. ${askPerson}`);
  }
}

function unproven({ release, spec }: Open): Open {
  return { release: { ...release, withoutEvidence: true }, spec };
}

function waitInPause(observation: Observation, open: Open, duration: string | undefined): Answer {
  const { now } = observation;
  const { release } = open;
  const until = duration === undefined ? "until somebody promotes it (serin promote)" : `for ${duration}`;
  const note = `The release waits at weight ${weightOf(release)} ${until}.`;
  const standing = { kind: "Progressing", reason: "Paused", phase: "Paused", message: note } as const;
  if (release.pausedAt === undefined) {
    return answer(observation, {
      status: { release: { ...release, pausedAt: renderInstant(now) } },
      standing,
      transitions: [{ reason: "Paused", key: releaseKey(release, renderInstant(now)), note }],
    });
  }
  if (duration !== undefined && now - parseInstant(release.pausedAt) >= parseDuration(duration)) {
    return next(observation, open, `The pause of ${duration} is over.`, "StepPassed");
  }
  return answer(observation, { standing });
}

function next(
  observation: Observation,
  { release, spec }: Open,
  why: string,
  reason: "StepPassed" | "StepPassedWithoutEvidence",
): Answer {
  const { rollout } = observation;
  const at = renderInstant(observation.now);
  const steps = stepsOf(spec);
  const isLast = release.stepIndex + 1 >= steps.length;
  const note = `Step ${release.stepIndex + 1} of ${steps.length} at weight ${weightOf(release)} passed: ${why}`;
  const transitions: Transition[] = [{ reason, key: releaseKey(release, release.stepIndex, at), note }];
  const passed: Release = isLast
    ? { ...release, bakingSince: at, pausedAt: undefined }
    : { ...release, stepIndex: release.stepIndex + 1, pausedAt: undefined };
  if (isLast) {
    const stays = `All traffic goes to ${imageOf(observation, "canary")}; the old pods stay for ${spec.bake}, so that going back is one write.`;
    transitions.push({ reason: "Baking", key: releaseKey(release, at), note: stays });
  }
  return answer(observation, {
    status: { release: passed, handled: { ...rollout.status.handled, promote: rollout.requests.promote } },
    standing: { kind: "Progressing", reason: "Progressing", phase: isLast ? "Baking" : "Progressing", message: note },
    transitions,
  });
}

/** At 100 %, passed: the old pods stay for a while, and the evidence goes on. */
export const bake: Rule = (observation) => {
  const open = undecided(observation);
  const since = open?.release.bakingSince;
  if (open === undefined || since === undefined) return undefined;
  const { release, spec } = open;
  const missing = missingData(observation);
  const asked = askedToPromote(observation);
  if (missing !== undefined && !asked) return holdForMetrics(observation, release, missing);
  const elapsed = observation.now - parseInstant(since);
  const length = parseDuration(spec.bake);
  const judgement = judgeRelease(spec, release);
  if (elapsed < length && !asked) {
    const message = `Baking for another ${renderDuration(length - elapsed)}. ${judgement.sentence}`;
    return answer(observation, { standing: { kind: "Progressing", reason: "Progressing", phase: "Baking", message } });
  }
  const waiting = waitForLastCallers(observation, release, parseInstant(since) + length);
  return waiting ?? baked(observation, release, elapsed, judgement.sentence);
};

function baked(observation: Observation, release: Release, elapsed: Milliseconds, explanation: string): Answer {
  const end = isRunByUser(observation)
    ? `all of the share stays with subset ${replicaSetNameOf(observation, "canary")}`
    : "handing the canary's pods to the Deployment";
  const note = `Baked for ${renderDuration(elapsed)}; ${end}. ${explanation}`;
  const at = renderInstant(observation.now);
  return answer(observation, {
    status: {
      release: { ...release, decision: "Promote", decidedAt: at, explanation },
      handled: { ...observation.rollout.status.handled, promote: observation.rollout.requests.promote },
    },
    standing: { kind: "Progressing", reason: "Progressing", phase: "Promoting", message: note },
    transitions: [{ reason: "Adopting", key: releaseKey(release), note }],
  });
}
