import { z } from "zod";
import { durationPattern } from "./instant.ts";
import { duration, percentage, rules } from "./spec-fields.ts";

/** What stands for the versions in a query, for people and for whoever replaces it. */
export const placeholders = {
  pods: "$(pods)",
  workload: "$(workload)",
  hash: "$(hash)",
  namespace: "$(namespace)",
  service: "$(service)",
} as const;

const longest = 1_000;

const counterSelector = (description: string) =>
  z
    .string()
    .min(1)
    .max(longest)
    .meta({ description: `${description} $(pods), $(workload) and $(hash) stand for those of each version.` });

const ratio = z
  .object({
    bad: counterSelector("Selector of a counter of what went badly, without a range."),
    total: counterSelector("Selector of a counter of everything, without a range."),
    max: percentage("The largest share that may be bad."),
  })
  .meta({ description: "The share of what went badly, judged as the error rate is." });

const value = z
  .object({
    query: z.string().min(1).max(longest).meta({
      description: "PromQL for one number. $(pods), $(workload) and $(hash) stand for those of the canary.",
    }),
    max: z.number().optional().meta({ description: "The largest value that passes." }),
    min: z.number().optional().meta({ description: "The smallest value that passes." }),
    interval: duration("How often the value is checked.").default("30s"),
    failureLimit: z.number().int().min(0).max(1_000).default(3).meta({
      description: "So many checks of a release may fail; one more ends it.",
    }),
  })
  .meta({
    description:
      "A point check: one number against a limit, now and then. It knows nothing of chance: docs/judgement.md says how often such checks are wrong.",
    ...rules(
      {
        rule: "has(self.max) || has(self.min)",
        message: "nothing is checked: write max, min or both",
      },
      {
        // A text that is no duration is the business of the field's own rule.
        rule: `!self.interval.matches(r'${durationPattern}') || duration(self.interval) >= duration('1s')`,
        message: "a check takes its time: write an interval of 1s or more",
        fieldPath: ".interval",
      },
    ),
  });

const metric = z
  .object({
    name: z
      .string()
      .max(40)
      .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/, "write a name such as failed-checkouts")
      .meta({ description: "How it is called in status and events." }),
    ratio: ratio.optional(),
    value: value.optional(),
  })
  .meta({
    description: "A measure of the team's own, from the same Prometheus.",
    ...rules({ rule: "has(self.ratio) != has(self.value)", message: "write either ratio or value" }),
  });

export type MetricSpec = z.infer<typeof metric>;

/** spec.analysis.metrics. */
export const metricsSchema = z
  .array(metric)
  .max(5)
  .default([])
  .meta({
    description: "Measures of the team's own, each judged beside the error rate.",
    "x-kubernetes-list-type": "atomic",
    ...rules({
      rule: "self.all(m, self.exists_one(n, n.name == m.name))",
      message: "two metrics have the same name: write another one for one of them",
    }),
  });
