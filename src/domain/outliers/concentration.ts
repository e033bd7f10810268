import type { Instant, Ratio } from "../../api/instant.ts";
import type { FoundPod } from "../../api/outlier-status.ts";
import { isRuledOut } from "../analysis/judge.ts";
import { bet, worth, type Game } from "../analysis/wealth.ts";
import { podsOf, totalOf, type PodCounts, type PodReport, type Version } from "./pods.ts";

/** A few pods of a version that carry its errors. */
export interface Concentration {
  readonly found: readonly FoundPod[];
  /** Requests to the version's other pods. */
  readonly others: { readonly pods: number; readonly requests: number; readonly errors: number };
}

/** What tuning does can be undone, so less evidence will do than for a rollback: with a chance of 5 % at most it is wrong. */
const enough = 20;
/** Fewer errors may be chance at any rate. */
const leastErrors = 3;
/** Of errors at one moment, so many may have one cause. */
const clusterSize = 4;

/**
 * Which pods of a version are over the limit while the rest is within it; undefined where none is, or where the rest is
 * not seen to be. Every pod is tested by the bets of the verdict, without their limit on growth, and as all pods of both
 * versions are tested at once each needs as many times the evidence (Bonferroni).
 */
export function concentrationOf(
  report: Extract<PodReport, { kind: "Counts" }>,
  version: Version,
  limit: Ratio,
): Concentration | undefined {
  const pods = podsOf(report, version);
  const alpha = 1 / (enough * Math.max(1, report.pods.length));
  const isBad = (pod: PodCounts) =>
    totalOf([pod]).errors >= leastErrors && evidenceAgainst([pod], report.since, limit, alpha) >= 1 / alpha;
  const bad = pods.filter(isBad);
  const rest = pods.filter((pod) => !bad.includes(pod));
  const others = { pods: rest.length, ...totalOf(rest) };
  if (bad.length === 0 || rest.length === 0) return undefined;
  const isWithin =
    isRuledOut(limit, others.errors, others.requests) && evidenceAgainst(rest, report.since, limit, alpha) < 1;
  if (!isWithin) return undefined;
  return { found: bad.map((pod) => ({ version, pod: pod.pod, ...totalOf([pod]) })), others };
}

/** What betting against "these pods are within the limit" has come to since then. */
export function evidenceAgainst(pods: readonly PodCounts[], since: Instant, share: Ratio, alpha: Ratio): number {
  const scrapes = Map.groupBy(
    pods.flatMap(({ ticks }) => ticks),
    ({ at }) => at,
  );
  const game: Game = { alpha, clusterSize };
  let begin = since;
  const wealth = [...scrapes]
    .sort(([one], [other]) => one - other)
    .reduce<ReturnType<typeof bet> | undefined>((before, [at, ticks]) => {
      const { requests, errors } = totalOf([{ version: "canary", pod: "", ticks }]);
      const round = { bad: errors, total: requests, share, length: at - begin };
      begin = at;
      return bet(before, round, game);
    }, undefined);
  return worth(wealth);
}
