import { describe, expect, test } from "vitest";
import { rolloutCrd, rolloutSchema } from "../../../src/api/crd.ts";
import { structuralSchema } from "../../../src/api/structural-schema.ts";
import { rolloutSpecSchema } from "../../../src/api/rollout-spec.ts";

describe("the CRD", () => {
  const crd = rolloutCrd();
  const [served] = crd.spec.versions;

  test("is named after its plural and group", () => {
    expect(crd.metadata.name).toBe("rollouts.serin.dev");
    expect(crd.spec.names).toMatchObject({ kind: "Rollout", shortNames: ["srn"], categories: ["serin"] });
  });

  test("has a status of its own, which the operator alone writes", () => {
    expect(served.subresources).toEqual({ status: {} });
    expect(rolloutSchema().properties?.["status"]?.default).toEqual({ observedGeneration: -1 });
  });

  test("shows six columns, and three more with -o wide", () => {
    const names = (wide: boolean) =>
      served.additionalPrinterColumns.filter(({ priority }) => (priority === 1) === wide).map(({ name }) => name);
    expect(names(false)).toEqual(["Ready", "Phase", "Step", "Weight", "Reason", "Age"]);
    expect(names(true)).toEqual(["Stable", "Canary", "Message"]);
  });

  test("takes the spec as the zod schema has it", () => {
    expect(served.schema.openAPIV3Schema.properties?.["spec"]).toEqual(structuralSchema(rolloutSpecSchema));
  });

  test("shows nothing of how it was made", () => {
    expect(JSON.stringify(crd)).not.toMatch(/x-serin|9007199254740991|\$ref|additionalProperties/);
  });

  test("says in every rule what to write or do instead", () => {
    const text = JSON.stringify(crd);
    const messages = [...text.matchAll(/"message":"((?:[^"\\]|\\.)*)"/g)].map(([, message = ""]) => message);
    expect(messages.length).toBeGreaterThan(15);
    for (const message of messages) expect(message).toMatch(/write|leave|delete this Rollout|is enough/);
  });
});
