import { z } from "zod";
import { time } from "./status-fields.ts";

/** A number of requests, how many failed, and how many were slow. Counts of whole requests. */
export const counts = z
  .object({
    requests: z.number().meta({ description: "Requests that ended." }),
    errors: z.number().meta({ description: "Requests that failed." }),
    slow: z.number().meta({ description: "Requests slower than the histogram boundary at or above the limit." }),
    slowOrClose: z.number().meta({ description: "Requests slower than the histogram boundary at or below the limit." }),
    beyond: z
      .array(z.number())
      .optional()
      .meta({ description: "Requests slower than each of the boundaries by which latency is compared with stable." }),
    metrics: z
      .array(
        z.object({
          name: z.string().meta({ description: "Name of the metric in spec.analysis.metrics." }),
          bad: z.number().meta({ description: "What went badly." }),
          total: z.number().meta({ description: "Everything." }),
        }),
      )
      .optional()
      .meta({ description: "Counts of the team's own." }),
  })
  .meta({ description: "Counted requests of one revision." });

export type Counts = z.infer<typeof counts>;

const wealth = z
  .object({
    cash: z.number().meta({ description: "Not staked yet." }),
    mean: z.array(z.number()).meta({ description: "Staked on shares of bad requests, for each ratio." }),
    perRequest: z.array(z.number()).optional().meta({ description: "Staked on single requests, for each ratio." }),
  })
  .meta({ description: "What bets have come to, from 1 in all; docs/judgement.md has the rules." });

const perVersion = (description: string) =>
  z
    .object({
      stable: z.number().meta({ description: "Of stable." }),
      canary: z.number().meta({ description: "Of the canary." }),
    })
    .meta({ description });

const evidence = z
  .object({
    limit: wealth.optional().meta({ description: "Bets against the canary being within its limit." }),
    stable: wealth.optional().meta({ description: "Bets against the canary being no worse than stable." }),
    neighbours: z
      .array(wealth)
      .optional()
      .meta({ description: "The same by the boundaries below and above the one that stable kept to." }),
  })
  .meta({ description: "What speaks against the canary in one limited share." });

/** status.release.usual: what came to the Service before the release. */
export const usualStatus = z.object({
  requests: z.number().meta({
    description: "Requests to the Service in the ten minutes before the release, or in as many as are known.",
  }),
  lost: z.number().meta({ description: "Those that failed before a pod was chosen for them." }),
  length: z.number().meta({ description: "Milliseconds that are known of." }),
  interval: z.number().meta({ description: "Milliseconds between two scrapes of a caller." }),
});

/** status.release.analysis: what is known about a canary, and all that a restart needs to go on with it. */
export const analysisStatus = z.object({
  watermark: time("Up to when requests are counted."),
  noDataSince: time("Since when there have been no data.").optional(),
  sharedSince: time("Since when both versions have been over a limit.").optional(),
  step: z.object({ stable: counts, canary: counts }).meta({ description: "Requests of this step." }),
  blocks: z.int().optional().meta({ description: "Blocks of this step in which the canary had requests." }),
  release: z.object({ stable: counts, canary: counts }).meta({ description: "Requests of the whole release." }),
  boundaries: z
    .array(z.number())
    .optional()
    .meta({ description: "Milliseconds: what stable kept to before the release, and the boundaries beside it." }),
  clusterSize: z.number().optional().meta({ description: "Errors of stable that came together before the release." }),
  evidence: z
    .object({
      errors: evidence.optional(),
      latency: evidence.optional(),
      metrics: z
        .array(evidence.extend({ name: z.string().meta({ description: "Name of the metric." }) }))
        .optional()
        .meta({ description: "For each of the team's own ratios." }),
    })
    .optional()
    .meta({ description: "What speaks against the canary, for each limit." }),
  checks: z
    .array(
      z.object({
        name: z.string().meta({ description: "Name of the metric." }),
        at: time("When it was checked last."),
        found: z
          .enum(["Within", "Outside", "Nothing"])
          .meta({ description: "What was found then: a value within its limits, one out of them, or none." }),
        failures: z.int().meta({ description: "Checks of this release that failed." }),
      }),
    )
    .optional()
    .meta({ description: "Point checks of the release." }),
  hanging: z
    .object({
      gone: perVersion("Requests of the release whose callers went away."),
      abandoned: wealth
        .optional()
        .meta({ description: "Bets against callers giving up no more often than on stable." }),
      ended: perVersion("Requests of this step that ended."),
      silent: wealth.optional().meta({ description: "Bets against the canary's share of the requests ending." }),
    })
    .optional()
    .meta({ description: "What tells that requests to the canary do not end." }),
  lost: z
    .object({
      requests: z.number().meta({ description: "Requests of the release that failed before a pod was chosen." }),
      all: z.number().meta({ description: "All requests to the Service since the canary got traffic." }),
      wealth: wealth.optional().meta({ description: "Bets against no more being lost than before." }),
    })
    .optional()
    .meta({ description: "Requests that found no pod of either version." }),
  judgement: z.string().optional().meta({ description: "What the counts say, in one sentence." }),
  verdict: z
    .enum(["Pass", "Fail", "Undecided"])
    .optional()
    .meta({ description: "What follows from the counts: Pass, Fail or Undecided." }),
});
