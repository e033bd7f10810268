import { parseDuration, parseInstant, renderDuration, renderInstant } from "../../api/instant.ts";
import type { Release } from "../../api/rollout-status.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import { answer, releaseKey } from "../answer.ts";
import type { Answer, Rule, Transition } from "../decision.ts";
import { judgeRelease, missingData } from "../evidence.ts";
import type { Observation } from "../observation.ts";
import { conditionOf, isNews } from "../standing.ts";
import { stepsOf } from "../steps.ts";
import { isRunByUser } from "./canary.ts";
import { askedToPromote, hold, holdForMetrics, progressing, standsStill, undecided } from "./under-way.ts";

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
  const reason = spec.suspend ? "Suspended" : "Paused";
  const weight = release.traffic?.weight ?? 0;
  const message = spec.suspend
    ? `spec.suspend is set: the release stays at weight ${weight}; a rollback still happens.`
    : `A person asked for a pause at ${asked ?? ""}: the release stays at weight ${weight} until it is resumed; a rollback still happens.`;
  const key = releaseKey(release, reason, renderInstant(observation.now));
  return answer(observation, {
    status: { handled: { ...observation.rollout.status.handled, pause: asked } },
    standing: { kind: "Progressing", reason, phase: "Paused", message },
    transitions: isNews(observation, reason) ? [{ reason: "Paused", key, note: message }] : [],
  });
};

function resume(observation: Observation, release: Release): Answer {
  const note = `The release goes on at weight ${release.traffic?.weight ?? 0}.`;
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
  if (conditionOf(observation.rollout.status, "Ready")?.reason !== "MetricsUnavailable") return undefined;
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
  if (open === undefined || open.release.bakingSince !== undefined) return undefined;
  const { release, spec } = open;
  if (askedToPromote(observation)) return next(observation, release, "A person asked to go on.", "StepPassed");
  const step = stepsOf(spec)[release.stepIndex];
  if (step?.pause !== undefined) return waitInPause(observation, release, step.pause.duration);
  const missing = missingData(observation);
  if (missing !== undefined) return holdForMetrics(observation, release, missing.message);
  if (release.stepStartedAt === undefined) return progressing(observation, "Waiting for the step to begin.");
  return judgeStep(observation, release, spec, release.stepStartedAt);
};

function judgeStep(observation: Observation, release: Release, spec: RolloutSpec, stepStartedAt: string): Answer {
  const elapsed = observation.now - parseInstant(stepStartedAt);
  const judgement = judgeRelease(spec, release);
  if ((release.traffic?.weight ?? 0) === 0)
    return next(observation, release, "The step asks for no traffic.", "StepPassed");
  if (elapsed < parseDuration(spec.analysis.minStepDuration)) return progressing(observation, judgement.sentence);
  if (judgement.verdict === "Pass") return next(observation, release, judgement.sentence, "StepPassed");
  return withoutEvidence(observation, release, spec, elapsed);
}

/** Enough to say that nothing speaks against the canary, when there is too little for a verdict. */
const fewRequests = 20;

function withoutEvidence(observation: Observation, release: Release, spec: RolloutSpec, elapsed: number): Answer {
  const judgement = judgeRelease(spec, release);
  const longest = parseDuration(spec.analysis.maxStepDuration);
  const requests = release.analysis?.step.canary.requests ?? 0;
  const isSoonEnough = requests >= fewRequests && elapsed >= longest / 3;
  const policy = spec.analysis.onInsufficientTraffic;
  if (elapsed >= longest || (policy === "widen" && isSoonEnough)) {
    if (policy === "promote" || (policy === "widen" && judgement.nothingAgainst)) {
      const note = `${judgement.sentence} Too few requests for a verdict after ${renderDuration(elapsed)}; going on (onInsufficientTraffic: ${policy}).`;
      return next(observation, { ...release, withoutEvidence: true }, note, "StepPassedWithoutEvidence");
    }
    if (elapsed >= longest) {
      const message = `${judgement.sentence} No verdict after ${renderDuration(longest)}. Ask to promote or to abort: serin promote, serin abort.`;
      return hold(observation, release, "InsufficientTraffic", message);
    }
  }
  return progressing(observation, judgement.sentence);
}

function waitInPause(observation: Observation, release: Release, duration: string | undefined): Answer {
  const { now } = observation;
  if (release.pausedAt === undefined) {
    const until = duration === undefined ? "until somebody promotes it (serin promote)" : `for ${duration}`;
    const note = `The release waits at weight ${release.traffic?.weight ?? 0} ${until}.`;
    return answer(observation, {
      status: { release: { ...release, pausedAt: renderInstant(now) } },
      standing: { kind: "Progressing", reason: "Paused", phase: "Paused", message: note },
      transitions: [{ reason: "Paused", key: releaseKey(release, release.stepIndex), note }],
    });
  }
  if (duration !== undefined && now - parseInstant(release.pausedAt) >= parseDuration(duration)) {
    return next(observation, release, `The pause of ${duration} is over.`, "StepPassed");
  }
  const { message } = observation.rollout.status;
  return answer(observation, {
    standing: { kind: "Progressing", reason: "Paused", phase: "Paused", message: message ?? "The release waits." },
  });
}

function next(
  observation: Observation,
  release: Release,
  why: string,
  reason: "StepPassed" | "StepPassedWithoutEvidence",
): Answer {
  const { rollout, now } = observation;
  if (rollout.spec === undefined) return progressing(observation, why);
  const steps = stepsOf(rollout.spec);
  const isLast = release.stepIndex + 1 >= steps.length;
  const note = `Step ${release.stepIndex + 1} of ${steps.length} at weight ${release.traffic?.weight ?? 0} passed: ${why}`;
  const transitions: Transition[] = [{ reason, key: releaseKey(release, release.stepIndex), note }];
  const passed: Release = isLast
    ? { ...release, bakingSince: renderInstant(now), pausedAt: undefined }
    : { ...release, stepIndex: release.stepIndex + 1, pausedAt: undefined };
  if (isLast) {
    const stays = `All traffic goes to ${rollout.status.canary?.image ?? "the canary"}; the old pods stay for ${rollout.spec.bake}, so that going back is one write.`;
    transitions.push({ reason: "Baking", key: releaseKey(release), note: stays });
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
  if (missing !== undefined && !asked) return holdForMetrics(observation, release, missing.message);
  const elapsed = observation.now - parseInstant(since);
  const length = parseDuration(spec.bake);
  const judgement = judgeRelease(spec, release);
  if (elapsed < length && !asked) {
    const message = `Baking for another ${renderDuration(length - elapsed)}. ${judgement.sentence}`;
    return answer(observation, { standing: { kind: "Progressing", reason: "Progressing", phase: "Baking", message } });
  }
  const end = isRunByUser(observation)
    ? `all of the share stays with subset ${observation.rollout.status.canary?.replicaSet ?? ""}`
    : "handing the canary's pods to the Deployment";
  const note = `Baked for ${renderDuration(elapsed)}; ${end}. ${judgement.sentence}`;
  const at = renderInstant(observation.now);
  return answer(observation, {
    status: {
      release: { ...release, decision: "Promote", decidedAt: at, explanation: judgement.sentence },
      handled: { ...observation.rollout.status.handled, promote: observation.rollout.requests.promote },
    },
    standing: { kind: "Progressing", reason: "Progressing", phase: "Promoting", message: note },
    transitions: [{ reason: "Adopting", key: releaseKey(release), note }],
  });
};
