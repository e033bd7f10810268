import { expect, test } from "vitest";
import { rolloutStatusSchema } from "../../../src/api/rollout-status.ts";
import { structuralSchema, type StructuralSchema } from "../../../src/api/structural-schema.ts";

test("a status that no operator has written yet is one", () => {
  expect(rolloutStatusSchema.parse({ observedGeneration: -1 })).toEqual({ observedGeneration: -1 });
});

test("every field of the status is described", () => {
  expect(undescribed("status", structuralSchema(rolloutStatusSchema).properties ?? {})).toEqual([]);
});

function undescribed(path: string, properties: Readonly<Record<string, StructuralSchema>>): string[] {
  return Object.entries(properties).flatMap(([key, schema]) => [
    ...(schema.description === undefined ? [`${path}.${key}`] : []),
    ...undescribed(`${path}.${key}`, schema.properties ?? schema.items?.properties ?? {}),
  ]);
}
