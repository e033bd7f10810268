import type { Instant, Ratio } from "../../api/instant.ts";
import type { FoundPod } from "../../api/outlier-status.ts";
import { isRuledOut } from "../analysis/judge.ts";
import { bet, worth, type Game, type Wealth } from "../analysis/wealth.ts";
import { podsOf, totalOf, type CountedPods, type PodCounts, type PodTick, type Version } from "./pods.ts";

/** A few pods of a version that carry its errors. */
export interface Concentration {
  readonly found: readonly FoundPod[];
  /** Requests to the version's other pods. */
  readonly others: { readonly pods: number; readonly requests: number; readonly errors: number };
}

/** What tuning does can be undone, so less evidence will do than for a rollback. */
const enough = 20;
/** Fewer errors may be chance at any rate. */
const leastErrors = 3;
/** Of errors at one moment, so many may have one cause. */
const clusterSize = 4;
/** What callers saw fail, as far as it must have been the found pods: scrapes of both differ by some seconds. */
const explained: Ratio = 0.5;

/**
 * Which pods of a version are over the limit while the rest is within it; undefined where none is, where the rest is not
 * seen to be, or where callers saw much more fail than these pods did. Every pod is tested by the bets of the verdict,
 * without their limit on growth, and as all pods of both versions are tested at once each needs as many times the evidence
 * (Bonferroni).
 */
export function concentrationOf(report: CountedPods, version: Version, limit: Ratio): Concentration | undefined {
  const pods = podsOf(report, version);
  const alpha = 1 / (enough * Math.max(1, report.pods.length));
  const isBad = (pod: PodCounts) =>
    totalOf([pod]).errors >= leastErrors && evidenceAgainst([pod], report.since, limit, alpha) >= 1 / alpha;
  const bad = pods.filter(isBad);
  const rest = pods.filter((pod) => !bad.includes(pod));
  const others = { pods: rest.length, ...totalOf(rest) };
  if (bad.length === 0 || rest.length === 0) return undefined;
  if (totalOf(bad).errors < explained * report.callers[version].errors) return undefined;
  const isWithin =
    isRuledOut(limit, others.errors, others.requests) && evidenceAgainst(rest, report.since, limit, alpha) < 1;
  if (!isWithin) return undefined;
  const counts = (pod: PodCounts) => totalOf([{ ticks: sinceItBegan(pod, report.since, limit, alpha) }]);
  return { found: bad.map((pod) => ({ version, pod: pod.pod, ...counts(pod) })), others };
}

/** What betting against "these pods are within the limit" has come to since then. */
export function evidenceAgainst(
  pods: readonly Pick<PodCounts, "ticks">[],
  since: Instant,
  share: Ratio,
  alpha: Ratio,
): number {
  return worth(pathOf(pods, since, share, alpha).at(-1)?.wealth);
}

/**
 * The scrapes since a pod began to fail: those after the one at which the evidence was least (E. S. Page, "Continuous
 * inspection schemes", 1954). What it answered before says nothing of how soon it will be ejected.
 */
function sinceItBegan(pod: PodCounts, since: Instant, share: Ratio, alpha: Ratio): readonly PodTick[] {
  const path = pathOf([pod], since, share, alpha);
  const least = path.reduce((lowest, { wealth }) => Math.min(lowest, worth(wealth)), 1);
  const turn = path.findLast(({ wealth }) => worth(wealth) <= least)?.at ?? since;
  return pod.ticks.filter(({ at }) => at > turn);
}

interface Bets {
  readonly at: Instant;
  readonly wealth: Wealth;
}

/** The wealth after each scrape. */
function pathOf(
  pods: readonly Pick<PodCounts, "ticks">[],
  since: Instant,
  share: Ratio,
  alpha: Ratio,
): readonly Bets[] {
  const game: Game = { alpha, clusterSize };
  const scrapes = Map.groupBy(
    pods.flatMap(({ ticks }) => ticks),
    ({ at }) => at,
  );
  let begin = since;
  let wealth: Wealth | undefined;
  return [...scrapes]
    .sort(([one], [other]) => one - other)
    .map(([at, ticks]) => {
      const { requests, errors } = totalOf([{ ticks }]);
      wealth = bet(wealth, { bad: errors, total: requests, share, length: at - begin }, game);
      begin = at;
      return { at, wealth };
    });
}
