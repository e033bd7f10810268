import type { Milliseconds } from "../../api/instant.ts";
import type { Answer } from "./answers.ts";
import type { QueryApi } from "./query-api.ts";

export interface PatienceOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly now: () => Milliseconds;
  /** Queries that are under way at one time; the others wait. */
  readonly atOnce?: number;
}

const usuallyAtOnce = 4;
/** One late answer may be the fault of its query; so many, with none in time between them, are not. */
const manyLate = 3;
const firstPause: Milliseconds = 250;
const longestPause: Milliseconds = 5_000;

/**
 * A query API that does not wear out a Prometheus in need: a few queries at a time, and after one that found it away or
 * was late again and again a pause, twice as long each time, in which every query gets the same answer at once.
 */
export function patient(api: QueryApi, { now, atOnce = usuallyAtOnce }: PatienceOptions): QueryApi {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  let late = 0;
  let trouble: { readonly answer: Answer; readonly until: Milliseconds; readonly pause: Milliseconds } | undefined;

  function note(answer: Answer): void {
    if (answer.kind !== "Problem" || answer.cause === "Refused") {
      trouble = undefined;
      late = 0;
      return;
    }
    late += answer.cause === "Late" ? 1 : 0;
    const isInNeed = answer.cause === "Away" || late >= manyLate;
    if (isInNeed && (trouble === undefined || now() >= trouble.until)) {
      const pause = Math.min(longestPause, trouble === undefined ? firstPause : 2 * trouble.pause);
      trouble = { answer, pause, until: now() + pause };
    }
  }

  return {
    async query(expression, at, signal) {
      if (underWay >= atOnce && !signal.aborted) await turn(waiting, signal);
      if (trouble !== undefined && now() < trouble.until && !signal.aborted) {
        waiting.shift()?.();
        return trouble.answer;
      }
      underWay += 1;
      try {
        const answer = await api.query(expression, at, signal);
        note(answer);
        return answer;
      } finally {
        underWay -= 1;
        waiting.shift()?.();
      }
    },
  };
}

/** Resolves when it is one's turn, or when waiting is over. */
function turn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      signal.removeEventListener("abort", giveUp);
      resolve();
    };
    const giveUp = () => {
      const place = waiting.indexOf(go);
      if (place >= 0) waiting.splice(place, 1);
      resolve();
    };
    waiting.push(go);
    signal.addEventListener("abort", giveUp, { once: true });
  });
}
