import { renderCount, renderRatio } from "../../api/instant.ts";
import type { Ratio } from "../../api/instant.ts";
import type { Counts } from "../../api/rollout-status.ts";
import type { Claim } from "./bets.ts";
import type { Limit, Totals } from "./criteria.ts";

/** What was found about one limit. */
export interface Finding {
  readonly limit: Limit;
  /** `Shared`: over the limit, but no worse than stable. */
  readonly kind: "TooHigh" | "Shared" | "Within" | "Open";
  readonly isSuspect: boolean;
  readonly isTooFew: boolean;
  /** The share that has to be ruled out to go on. */
  readonly tooMuch: Ratio;
  /** What a rollback needs; the first against the limit where there is one, the last against stable where it is compared. */
  readonly claims: readonly Claim[];
  readonly isCompared: boolean;
}

/** Findings as one sentence with their numbers, for people. */
export function describe(
  findings: readonly Finding[],
  { step, release }: { readonly step: Totals; readonly release: Totals },
): string {
  return findings
    .map((finding) => {
      const isAgainst = finding.kind === "TooHigh" || finding.kind === "Shared";
      const subject = ownName(finding) ?? counted(finding, isAgainst ? release : step);
      return `${subject}; ${conclusion(finding)}`;
    })
    .join("; ");
}

/** Of a ratio of the team's own no number that Prometheus answered: who may read events need not be allowed to ask. */
function ownName({ limit, kind }: Finding): string | undefined {
  if (limit.did !== undefined) return undefined;
  const { metric, share } = limit;
  if (kind === "TooHigh" || kind === "Shared")
    return `more of ${metric.name} was bad than its limit of ${renderRatio(share)} allows`;
  return `${metric.name} (limit ${renderRatio(share)})`;
}

function counted({ limit, isCompared }: Finding, { stable, canary }: Totals): string {
  const total = limit.totalOf(canary);
  const beside = isCompared && limit.totalOf(stable) > 0 ? `, stable ${badOf(limit, stable)}` : "";
  const counts = renderCount(total);
  return `${badOf(limit, canary)} of ${counts} canary requests ${limit.did} (limit ${renderRatio(limit.share)}${beside})`;
}

function conclusion({ kind, claims, tooMuch, isTooFew }: Finding): string {
  switch (kind) {
    case "TooHigh":
      return `evidence ${claims.map(reached).join(", and against stable ")}`;
    case "Shared":
      return `evidence ${claims.map(reached).join(", but against stable ")}`;
    case "Within":
      return `${renderRatio(tooMuch)} or more is ruled out`;
    case "Open":
      if (isTooFew) return `too few requests to rule out ${renderRatio(tooMuch)}`;
      return `too much to go on, not enough for a rollback: evidence ${claims.map(reached).join(", against stable ")}`;
  }
}

function reached({ wealth, needed }: Claim): string {
  return `${evidenceText(wealth)} of ${evidenceText(needed)} needed`;
}

/** Evidence is told apart by its size: digits behind the point say nothing where it is large. */
function evidenceText(value: number): string {
  return value < 10 ? String(Math.round(value * 10) / 10) : renderCount(value);
}

/** A share, or from where to where when the limit lies between two boundaries of the histogram. */
function badOf(limit: Limit, counts: Counts): string {
  const total = limit.totalOf(counts);
  const surely = renderRatio(limit.surelyBad(counts) / total);
  const maybe = renderRatio(limit.maybeBad(counts) / total);
  return surely === maybe ? surely : `${surely} to ${maybe}`;
}
