import { renderInstant } from "../api/instant.ts";
import type { HistoryEntry, Release, Revision, RolloutStatus } from "../api/rollout-status.ts";
import { countedIn } from "./analysis/blocks.ts";
import { releaseKey } from "./answer.ts";
import type { Transition } from "./decision.ts";
import type { Observation } from "./observation.ts";
import { fieldOf } from "./version-names.ts";

const historyLength = 10;
const rejectedLength = 20;

/** The changes of status that end a release: it goes into the history, and a rejected revision is remembered. */
export function finishRelease(observation: Observation, release: Release, rejects: boolean): Partial<RolloutStatus> {
  const { status } = observation.rollout;
  const { canary } = status;
  const at = renderInstant(observation.now);
  const history = [entryOf(release, canary, at), ...(status.history ?? [])].slice(0, historyLength);
  const earlier = (status.rejected ?? []).filter((candidate) => candidate.revision !== canary?.revision);
  const rejected =
    rejects && canary !== undefined ? [rejectedBy(release, canary, at), ...earlier].slice(0, rejectedLength) : earlier;
  return { release: undefined, canary: undefined, outlierDetection: undefined, history, rejected };
}

function rejectedBy({ reason = "", commit }: Release, { revision, image }: Revision, at: string) {
  return { revision, image, reason, ...(commit === undefined ? {} : { commit }), at };
}

/** How many releases in a row, the last one included, a newer template ended before they could end themselves. */
export function supersededInARow(history: readonly HistoryEntry[] = []): number {
  const first = history.findIndex(({ reason }) => reason !== "Superseded");
  return first === -1 ? history.length : first;
}

const supersededTooOften = 3;

/** Releases that never end prove nothing: said after three in a row, and after three more. */
export function supersededAgain(history: RolloutStatus["history"], release: Release): Transition[] {
  const count = supersededInARow(history);
  if (count === 0 || count % supersededTooOften !== 0) return [];
  const note = `${count} releases in a row were superseded before they could end, so none of these revisions was proven. Change the Deployment less often, shorten spec.steps, or set spec.onNewRevision: finish.`;
  return [{ reason: "SupersededRepeatedly", key: releaseKey(release), note }];
}

function entryOf(release: Release, canary: Revision | undefined, endedAt: string): HistoryEntry {
  const counted = countedIn(release).canary;
  return {
    number: release.number,
    revision: fieldOf(canary, "revision"),
    image: fieldOf(canary, "image"),
    commit: release.commit,
    outcome: release.decision === "Promote" ? "Promoted" : "RolledBack",
    reason: release.reason,
    explanation: release.explanation ?? release.analysis?.judgement,
    startedAt: release.startedAt,
    endedAt,
    highestWeight: release.highestWeight,
    requests: counted.requests,
    failedRequests: counted.errors,
  };
}
