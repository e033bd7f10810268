import { z } from "zod";
import { durationPattern } from "./instant.ts";
import { metricsSchema } from "./metric-spec.ts";
import { duration, percentage, rules } from "./spec-fields.ts";

/** spec.analysis: what a canary must keep to, and how it is judged. */
export const analysisSchema = z
  .object({
    errorRate: z
      .object({ max: percentage("The largest share of failed requests.").default("1%") })
      .default({ max: "1%" })
      .meta({
        description: "Limit on failed requests: HTTP 5xx, gRPC errors of the server, and requests that reached nobody.",
      }),
    latency: z
      .object({
        quantile: z
          .number()
          .min(0.5)
          .max(0.999)
          .default(0.99)
          .meta({ description: "The quantile that is limited, between 0.5 and 0.999." }),
        max: duration("The longest time for that quantile of the requests."),
      })
      .optional()
      .meta({
        description: "Limit on the latency of requests.",
        ...rules({
          // A text that is no duration is the business of the field's own rule.
          rule: `!self.max.matches(r'${durationPattern}') || duration(self.max) > duration('0s')`,
          message: "every request takes longer than 0s: write a time above it, such as 500ms",
          fieldPath: ".max",
        }),
      }),
    metrics: metricsSchema,
    compareWith: z.enum(["limit", "limit-and-stable", "stable"]).default("limit-and-stable").meta({
      description:
        "What a rollback needs while stable serves: limit, the canary is over its limit; limit-and-stable, it is also worse than stable; stable, it is worse than stable, whatever the limit is.",
    }),
    sensitivity: z.enum(["robust", "fast"]).default("robust").meta({
      description:
        "robust: errors may depend on each other in any way. fast: decides about errors sooner, and is more often wrong where errors come in bursts that only the canary has; docs/judgement.md has the figures.",
    }),
    burstTolerance: duration(
      "Bad requests that come in a shorter burst than this end no release. Chosen by the operator where it is absent: 5s for errors while stable serves as many requests to compare with, else 10s; 3s with sensitivity fast; 15s for latency.",
    ).optional(),
    reporter: z
      .enum(["source", "destination"])
      .default("source")
      .meta({ description: "Whose count of requests is judged: the callers' (source) or the pods' (destination)." }),
    minStepDuration: duration("The shortest time for a step.").default("30s"),
    maxStepDuration: duration("The time after which a step is decided without enough requests.").default("30m"),
    onInsufficientTraffic: z.enum(["widen", "hold", "promote"]).default("widen").meta({
      description:
        "What to do at maxStepDuration without enough requests: widen goes on when nothing speaks against the canary, sooner where there are a few requests; hold waits for a person; promote goes on.",
    }),
    onInconclusive: z.enum(["hold", "rollback", "promote"]).default("hold").meta({
      description:
        "What to do at maxStepDuration when there were enough requests and they speak neither for the canary nor clearly enough against it: hold waits for a person, rollback goes back, promote goes on.",
    }),
  })
  .meta({
    description: "What a canary must keep to.",
    ...rules({
      // A text that is no duration is the business of the field's own rule.
      rule: `[self.minStepDuration, self.maxStepDuration].exists(d, !d.matches(r'${durationPattern}')) || duration(self.minStepDuration) <= duration(self.maxStepDuration)`,
      message:
        "minStepDuration is longer than maxStepDuration: write a shorter minStepDuration or a longer maxStepDuration",
    }),
  });
