import { z } from "zod";
import { time } from "./status-fields.ts";

const foundPod = z
  .object({
    version: z.enum(["stable", "canary"]).meta({ description: "Which version the pod runs: stable or canary." }),
    pod: z.string().meta({ description: "Name of the pod; its address where nothing tells the name." }),
    requests: z.number().meta({ description: "Requests to it since it began to fail." }),
    errors: z.number().meta({ description: "Those of them that failed." }),
  })
  .meta({ description: "A pod that carries a version's errors." });

const tuned = z
  .object({
    consecutive5xxErrors: z.int().meta({ description: "Errors in a row after which a proxy ejects a pod." }),
    baseEjectionTime: z.string().meta({ description: "How long a pod stays ejected." }),
    maxEjectionPercent: z.int().meta({ description: "Share of a version's pods that may be ejected." }),
  })
  .meta({ description: "The settings that were computed and written." });

/** status.outlierDetection: what was tuned in the release under way, and all that putting it back needs. */
export const outlierStatus = z
  .object({
    found: z.array(foundPod).max(50).meta({ description: "Pods that were found to carry the errors." }),
    tuned,
    why: z.string().meta({ description: "What was found, and how the settings follow from it, in one sentence." }),
    since: time("When tuning was decided first."),
    ejectedBy: time(
      "When proxies should have ejected the canary's pods; the step is judged anew from here on.",
    ).optional(),
    written: z.enum(["Asked", "Seen", "Undone"]).meta({
      description: "Whether the settings were asked for, seen in the DestinationRule, or changed by somebody since.",
    }),
    before: z.string().meta({ description: "What the DestinationRule said of outlier detection before, as JSON." }),
  })
  .meta({ description: "Outlier detection that was tuned around a few bad pods, until the release ends." });

export type OutlierStatus = z.infer<typeof outlierStatus>;
export type FoundPod = z.infer<typeof foundPod>;
export type TunedSettings = z.infer<typeof tuned>;
