import { describe, expect, test } from "vitest";
import { rolloutSpecSchema } from "../../../src/api/rollout-spec.ts";
import { structuralSchema, type StructuralSchema } from "../../../src/api/structural-schema.ts";

const minimal = { targetRef: { name: "product" } };

describe("the spec", () => {
  test("needs a Deployment's name and nothing else", () => {
    expect(rolloutSpecSchema.parse(minimal)).toEqual({
      targetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "product" },
      traffic: { istio: {}, unsplit: "refuse" },
      steps: [{ weight: 10 }, { weight: 50 }, { weight: 100 }],
      bake: "2m",
      analysis: {
        errorRate: { max: "1%" },
        metrics: [],
        compareWith: "limit-and-stable",
        sensitivity: "robust",
        reporter: "source",
        minStepDuration: "30s",
        maxStepDuration: "30m",
        onInsufficientTraffic: "widen",
        onInconclusive: "hold",
      },
      outlierDetection: {
        tuning: "Auto",
        bounds: { consecutive5xxErrors: { min: 2, max: 10 }, maxEjectionPercent: { max: 50 } },
      },
      progressDeadline: "10m",
      onNewRevision: "restart",
      suspend: false,
    });
  });

  // The API server gives a missing parent its whole default, and a given parent the defaults of what it lacks.
  test.each([
    ["analysis", {}],
    ["traffic", { istio: {} }],
  ])("has the same defaults for %s when it is left out and when it is %j", (part, given) => {
    const of = (spec: object) => (rolloutSpecSchema.parse(spec) as Record<string, unknown>)[part];
    expect(of({ ...minimal, [part]: given })).toEqual(of(minimal));
  });

  test("describes every field", () => {
    expect(undescribed("spec", structuralSchema(rolloutSpecSchema))).toEqual([]);
  });

  test("bounds every text and every list, so that the API server can tell what a rule costs", () => {
    expect(unbounded("spec", structuralSchema(rolloutSpecSchema))).toEqual([]);
  });
});

function walk(path: string, schema: StructuralSchema, found: (schema: StructuralSchema) => boolean): string[] {
  const below = [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, child]) => walk(`${path}.${key}`, child, found)),
    ...(schema.items ? walk(`${path}[]`, schema.items, found) : []),
  ];
  return found(schema) ? [path, ...below] : below;
}

const undescribed = (path: string, schema: StructuralSchema) =>
  walk(path, schema, ({ description }) => description === undefined).filter((place) => !place.endsWith("[]"));

const unbounded = (path: string, schema: StructuralSchema) =>
  walk(path, schema, ({ type, maxLength, maxItems, enum: choices }) => {
    if (type === "string") return maxLength === undefined && choices === undefined;
    return type === "array" && maxItems === undefined;
  });
