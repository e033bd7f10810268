import type { Counts, Release } from "../api/rollout-status.ts";
import type { RolloutSpec } from "../api/rollout-spec.ts";
import { countedIn, noCounts, sum, type Block } from "./analysis/blocks.ts";
import { limitsOf, type Criteria, type Limit } from "./analysis/criteria.ts";
import { isRuledOut, type Judgement } from "./analysis/judge.ts";
import { criteriaOf, judgeRelease } from "./verdict.ts";

type SteppedBack = NonNullable<Release["steppedBack"]>;

/** Takes in one more block of stable's requests: one that is over a limit ends the calm. */
export function whetherCalm(criteria: Criteria): (back: SteppedBack, block: Block) => SteppedBack {
  const limits = limitsOf(criteria);
  return (back, { stable }) => {
    const isOver = limits.some((limit) => exceeds(limit, stable));
    return { ...back, calm: isOver ? noCounts : sum(back.calm, stable) };
  };
}

function exceeds({ share, surelyBad, totalOf }: Limit, counts: Counts): boolean {
  return surelyBad(counts) > share * totalOf(counts);
}

/** The limit that the canary is over and stable was not in the whole release; undefined where stable was too. */
export function ownFault(spec: RolloutSpec, release: Release): Judgement["over"] {
  const { over } = judgeRelease(spec, release);
  const { stable } = countedIn(release);
  return over === undefined || exceeds(over.limit, stable) ? undefined : over;
}

/** Whether as many requests in calm show that a version is within its limits, as a step of a canary would have to. */
export function isWellAgain(spec: RolloutSpec, calm: Counts): boolean {
  return limitsOf(criteriaOf(spec, undefined)).every((limit) => {
    // What stable does not count at all keeps nobody waiting.
    const isCounted = typeof limit.metric === "string" || limit.totalOf(calm) > 0;
    return !isCounted || isRuledOut(limit.share, limit.surelyBad(calm), limit.totalOf(calm));
  });
}
