// Rules that decide about a rollback, fed second by second: Serin's own, and point checks as others make them.
import { withBlock, type EvidenceByMetric } from "../../../src/domain/analysis/bets.ts";
import {
  addTotals,
  closeBlocks,
  enoughFor,
  nothing,
  noTotals,
  type Tick,
} from "../../../src/domain/analysis/blocks.ts";
import { limitsOf, type Criteria, type Totals } from "../../../src/domain/analysis/criteria.ts";
import { find } from "../../../src/domain/analysis/judge.ts";

export interface Requests {
  readonly requests: number;
  readonly errors: number;
}

/** Takes in one more second, and tells when it decided to go back; undefined while it has not. */
export type Watch = (second: number, canary: Requests, stable: Requests) => number | undefined;

export interface Rule {
  readonly name: string;
  /** Begins a release beside a stable version of whose errors so many came together before. */
  readonly watch: (clusterSize: number) => Watch;
}

export const errorLimit = 0.01;

/** One share every `interval` seconds, over the last `window`; more failed checks than tolerated end the release. */
interface PointChecks {
  readonly interval: number;
  readonly window: number;
  /** Goes back once so many checks have failed. */
  readonly failures: number;
  /** Seconds from the last failed check to the decision. */
  readonly delay: number;
}

export function pointChecks(name: string, { interval, window, failures, delay }: PointChecks): Rule {
  return {
    name,
    watch() {
      const seen: Requests[] = [];
      let failed = 0;
      return (second, canary) => {
        seen.push(canary);
        if ((second + 1) % interval !== 0) return undefined;
        const recent = seen.slice(-window);
        const requests = recent.reduce((all, one) => all + one.requests, 0);
        const errors = recent.reduce((all, one) => all + one.errors, 0);
        if (errors > errorLimit * requests) failed += 1;
        return failed >= failures ? second + 1 + delay : undefined;
      };
    },
  };
}

export interface SerinOptions {
  readonly criteria: Omit<Criteria, "errorLimit" | "clusterSize">;
  /** Seconds between two scrapes. */
  readonly scrape: number;
}

/** The product's own code: blocks, bets and verdict. A sample is half a scrape old, on average, when it is seen. */
export function serin(name: string, { criteria: asked, scrape }: SerinOptions): Rule {
  return {
    name,
    watch(clusterSize) {
      const criteria: Criteria = { errorLimit, ...asked, clusterSize };
      const state = { since: 0, evidence: {} as EvidenceByMetric, release: noTotals as Totals };
      let open: Tick[] = [];
      let growing: Totals = noTotals;
      return (second, canary, stable) => {
        growing = { canary: more(growing.canary, canary), stable: more(growing.stable, stable) };
        if ((second + 1) % scrape !== 0) return undefined;
        open.push({ ...nothing, at: 1_000 * (second + 1), ...growing });
        growing = noTotals;
        const pace = { since: state.since, interval: 1_000 * scrape, enough: enoughFor(errorLimit) };
        for (const block of closeBlocks(open, pace)) {
          state.evidence = withBlock(state.evidence, block, criteria, state.release);
          state.release = addTotals(state.release, block);
          state.since = block.until;
          open = open.filter(({ at }) => at > block.until);
        }
        return hasFailed(state) ? second + 1 + scrape / 2 : undefined;
      };
      function hasFailed({ evidence, release }: typeof state): boolean {
        const input = {
          criteria,
          evidence,
          step: release,
          blocks: 0,
          release,
          stableServes: release.stable.requests > 0,
        };
        return limitsOf(criteria).some((limit) => find(limit, input).kind === "TooHigh");
      }
    },
  };
}

function more(before: Totals["canary"], { requests, errors }: Requests): Totals["canary"] {
  return { ...before, requests: before.requests + requests, errors: before.errors + errors };
}
