import { z } from "zod";
import { rules } from "./spec-fields.ts";

const consecutive = z
  .object({
    min: z.int().min(1).max(100).default(2).meta({ description: "No fewer errors in a row than these eject a pod." }),
    max: z.int().min(1).max(100).default(10).meta({ description: "No more errors in a row are asked for." }),
  })
  .meta({
    description: "Errors in a row after which a proxy ejects a pod.",
    ...rules({ rule: "self.min <= self.max", message: "min is larger than max: write for example {min: 2, max: 10}" }),
  });

const ejection = z
  .object({
    max: z
      .int()
      .min(1)
      .max(100)
      .default(50)
      .meta({ description: "No larger share of a version's pods is ejected, in percent; one pod may be in any case." }),
  })
  .meta({ description: "Pods of a version that may be ejected." });

const bounds = z
  .object({
    consecutive5xxErrors: consecutive.default({ min: 2, max: 10 }),
    maxEjectionPercent: ejection.default({ max: 50 }),
  })
  .meta({ description: "What tuning keeps to." });

/** spec.outlierDetection: what may be done about a few bad pods of a version. */
export const outlierDetectionSchema = z
  .object({
    tuning: z.enum(["Auto", "Off"]).default("Auto").meta({
      description:
        "Auto: where a few pods carry a version's errors and the others are well, outlier detection of the DestinationRule is tuned for the rest of the release, so that proxies eject these pods. Off: never.",
    }),
    bounds: bounds.default({ consecutive5xxErrors: { min: 2, max: 10 }, maxEjectionPercent: { max: 50 } }),
  })
  .meta({ description: "What may be done about a few bad pods before the release is given up." });

export type OutlierBounds = z.infer<typeof bounds>;
