import { describe, expect, test } from "vitest";
import { z } from "zod";
import { lenient, structuralSchema } from "../../../src/api/structural-schema.ts";

describe("structuralSchema", () => {
  test("keeps what the API server understands", () => {
    const schema = z.object({
      name: z.string().min(1).max(9).regex(/^a/).meta({ description: "A name." }),
      size: z.int().min(1).default(3),
      kind: z.enum(["a", "b"]).optional(),
      tags: z.array(z.string()).max(2).optional().meta({ "x-kubernetes-list-type": "set" }),
    });
    expect(structuralSchema(schema)).toEqual({
      type: "object",
      required: ["name"],
      properties: {
        name: { type: "string", minLength: 1, maxLength: 9, pattern: "^a", description: "A name." },
        size: { type: "integer", minimum: 1, default: 3 },
        kind: { type: "string", enum: ["a", "b"] },
        tags: { type: "array", maxItems: 2, items: { type: "string" }, "x-kubernetes-list-type": "set" },
      },
    });
  });

  test.each([
    ["duration", "^1s$", "write a duration such as 30s, 2m or 1m30s"],
    ["percentage:50", "^1%$", "write a percentage above 0% and up to 50%, such as 1% or 0.5%"],
    ["dns-label", "^a$", "write a DNS label: lower-case letters, digits and dashes, such as product-api"],
    [
      "object-name",
      "^a$",
      "write the name of an object: lower-case letters, digits, dots and dashes, such as product-api",
    ],
  ])("says of a %s in words what its pattern would say in signs", (format, pattern, message) => {
    const schema = structuralSchema(z.string().regex(new RegExp(pattern)).meta({ "x-serin-format": format }));
    expect(schema.pattern).toBeUndefined();
    expect(schema["x-kubernetes-validations"]).toEqual([
      { rule: expect.stringContaining("self.matches(") as string, message },
    ]);
    expect(JSON.stringify(schema)).not.toContain("x-serin");
  });

  test("puts a field's own rules after that of its format", () => {
    const own = { rule: "self != '1s'", message: "not one second" };
    const schema = z.string().meta({ "x-serin-format": "duration", "x-kubernetes-validations": [own] });
    expect(structuralSchema(schema)["x-kubernetes-validations"]?.map(({ message }) => message)).toEqual([
      "write a duration such as 30s, 2m or 1m30s",
      "not one second",
    ]);
  });

  test("turns bounds with a fraction into a rule, because the API server cuts the fraction off in its message", () => {
    expect(structuralSchema(z.number().min(0.5).max(1))).toEqual({
      type: "number",
      maximum: 1,
      "x-kubernetes-validations": [
        { rule: "self >= double(0.5) && self <= double(1)", message: "write a number from 0.5 to 1" },
      ],
    });
  });

  test.each([
    ["a union", z.object({ deep: z.object({ value: z.union([z.string(), z.int()]) }) }), ".deep.value: anyOf is not"],
    ["an open record", z.object({ labels: z.record(z.string(), z.string()) }), ".labels: additionalProperties is not"],
    ["a hint that is unknown", z.string().meta({ "x-serin-format": "colour" }), "colour is not a format"],
  ])("refuses %s, and says where", (_, schema, message) => {
    expect(() => structuralSchema(schema)).toThrow(RangeError);
    expect(() => structuralSchema(schema)).toThrow(message);
  });
});

describe("lenient", () => {
  test("keeps the shape and drops whatever could refuse or lose a value", () => {
    const schema = structuralSchema(
      z.object({
        outcome: z.enum(["a", "b"]).meta({ description: "An outcome." }),
        count: z.int().min(0).default(1),
        at: z.string().max(5).meta({ format: "date-time" }),
        inner: z.object({ text: z.string().min(1) }),
      }),
    );
    expect(lenient(schema)).toEqual({
      type: "object",
      "x-kubernetes-preserve-unknown-fields": true,
      properties: {
        outcome: { type: "string", description: "An outcome." },
        count: { type: "integer" },
        at: { type: "string", format: "date-time" },
        inner: {
          type: "object",
          properties: { text: { type: "string" } },
          "x-kubernetes-preserve-unknown-fields": true,
        },
      },
    });
  });

  test("still requires the keys of a list that is merged by key", () => {
    const keyed = { "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"] };
    const schema = structuralSchema(z.array(z.object({ type: z.string(), status: z.string() })).meta(keyed));
    expect(lenient(schema)).toMatchObject({ ...keyed, items: { required: ["type"] } });
  });
});
