import type { Instant, Milliseconds } from "../../../api/instant.ts";
import type { Subject } from "../selectors.ts";

/** Samples that are wanted: those of a subject after `from` and up to `to`. */
export interface Want {
  readonly subject: Subject;
  readonly from: Instant;
  readonly to: Instant;
  /** Series that the subject had last; undefined when that is not known. */
  readonly series: number | undefined;
  /** It was in a query that got no answer in time: it is not to keep others waiting again. */
  readonly alone: boolean;
}

/** Series of one query: a second's work for Prometheus at most, and an answer of some megabytes. */
export const seriesPerQuery = 4_000;

/** Wants of this much difference in length are not asked for together: the short ones would get much that is known. */
const alikeFactor = 4;
/** Shorter ones are all alike. */
const short: Milliseconds = 2_000;

/**
 * Puts together what can be asked for at once: the same metric from the same reporter, over about the same time, with
 * no more series than one query should have. What is not known yet, or is suspected to be slow, is asked for by itself.
 */
export function batchesOf<Each extends Want>(wants: readonly Each[]): readonly (readonly Each[])[] {
  const isApart = ({ series, alone, subject }: Want) => alone || series === undefined || subject.raw !== undefined;
  const together = Map.groupBy(
    wants.filter((want) => !isApart(want)),
    kindOf,
  );
  const apart = wants.filter(isApart).map((want) => [want]);
  return [...apart, ...[...together.values()].flatMap((alike) => withinBudget(alike))];
}

function kindOf({ subject, from, to }: Want): string {
  const length = Math.max(short, to - from);
  return JSON.stringify([subject.metric, subject.reporter, Math.floor(Math.log(length) / Math.log(alikeFactor))]);
}

function withinBudget<Each extends Want>(wants: readonly Each[]): readonly (readonly Each[])[] {
  const batches: Each[][] = [];
  let room = 0;
  for (const want of wants) {
    const cost = want.series ?? 0;
    const last = batches.at(-1);
    if (last !== undefined && cost <= room) {
      last.push(want);
      room -= cost;
    } else {
      batches.push([want]);
      room = seriesPerQuery - cost;
    }
  }
  return batches;
}
