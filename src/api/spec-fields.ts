import { z } from "zod";
import { durationPattern, percentagePattern } from "./instant.ts";

/** CEL rules of the CRD; `message` is what the user reads when one refuses. */
export const rules = (...all: { rule: string; message: string; fieldPath?: string }[]) => ({
  "x-kubernetes-validations": all,
});

/** A text such as 1m30s. */
export const duration = (description: string) =>
  z
    .string()
    .max(32)
    .regex(new RegExp(durationPattern), "write a duration such as 30s, 2m or 1m30s")
    .meta({ description, "x-serin-format": "duration" });

/** A text such as 0.5%. */
export const percentage = (description: string, maximum = 100) =>
  z
    .string()
    .max(16)
    .regex(new RegExp(percentagePattern), "write a percentage such as 1% or 0.5%")
    .meta({ description, "x-serin-format": `percentage:${maximum}` });
