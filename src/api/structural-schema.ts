import { z } from "zod";
import { durationPattern, percentagePattern } from "./instant.ts";

/** A CEL rule; `message` is the sentence that a user reads when it refuses. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** A node of a structural schema, the form that a CustomResourceDefinition takes. */
export interface StructuralSchema {
  readonly type: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly description?: string;
  readonly default?: unknown;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: StructuralSchema;
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly required?: readonly string[];
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-preserve-unknown-fields"?: true;
  readonly "x-kubernetes-validations"?: readonly ValidationRule[];
}

type Node = Readonly<Record<string, unknown>>;

/** What is understood besides `pattern` and the `x-serin-` hints; anything else is refused rather than lost. */
const carried = [
  "type",
  "description",
  "default",
  "format",
  "enum",
  "minLength",
  "maxLength",
  "minimum",
  "maximum",
  "minItems",
  "maxItems",
  "required",
  "x-kubernetes-list-type",
  "x-kubernetes-list-map-keys",
  "x-kubernetes-validations",
] as const;

const understood: ReadonlySet<string> = new Set([...carried, "items", "properties", "pattern", "x-serin-format"]);

/** What a field of this format must look like, as CEL with a sentence: a bare pattern would show the user a regex. */
function formatRule(format: string): ValidationRule {
  const [name = "", argument = "100"] = format.split(":");
  switch (name) {
    case "duration":
      return { rule: matches(durationPattern), message: "write a duration such as 30s, 2m or 1m30s" };
    case "percentage":
      return {
        rule: `${matches(percentagePattern)} && double(self.replace('%', '')) > 0.0 && double(self.replace('%', '')) <= ${argument}.0`,
        message: `write a percentage above 0% and up to ${argument}%, such as 1% or 0.5%`,
      };
    case "dns-label":
      return {
        rule: matches("^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
        message: "write a DNS label: lower-case letters, digits and dashes, such as product-api",
      };
    case "object-name":
      return {
        rule: matches("^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"),
        message: "write the name of an object: lower-case letters, digits, dots and dashes, such as product-api",
      };
    default:
      throw new RangeError(`${format} is not a format that the CRD has a rule for`);
  }
}

function matches(pattern: string): string {
  return `self.matches(r'${pattern}')`;
}

/**
 * The structural schema of what `schema` takes as input, with the `x-serin-format` hints turned into CEL rules.
 * Throws a RangeError, naming the place, for what a structural schema cannot say.
 */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return structural(z.toJSONSchema(schema, { target: "openapi-3.0", io: "input" }), "");
}

function structural(node: Node, path: string): StructuralSchema {
  const strange = Object.keys(node).filter((key) => !understood.has(key));
  if (strange.length > 0) throw new RangeError(`${path || "the root"}: ${strange.join(", ")} is not structural`);
  const kept = Object.fromEntries(carried.filter((key) => keeps(key, node[key])).map((key) => [key, node[key]]));
  const { properties, items } = node as { properties?: Record<string, Node>; items?: Node };
  return {
    ...(kept as unknown as StructuralSchema),
    ...(properties && { properties: mapValues(properties, (child, name) => structural(child, `${path}.${name}`)) }),
    ...(items && { items: structural(items, `${path}[]`) }),
    ...constraint(node),
  };
}

/**
 * Bounds of safe integers say nothing to the API server, whose integers have 64 bits. Bounds with a fraction become a
 * CEL rule, because its own message cuts the fraction off: "should be less than or equal to 0" for 0.999.
 */
function keeps(key: string, value: unknown): boolean {
  if (key !== "minimum" && key !== "maximum") return value !== undefined;
  return Number.isInteger(value) && Math.abs(Number(value)) !== Number.MAX_SAFE_INTEGER;
}

function constraint(node: Node): Partial<StructuralSchema> {
  const { pattern, "x-serin-format": format } = node as { pattern?: string; "x-serin-format"?: string };
  const { minimum, maximum, "x-kubernetes-validations": others = [] } = node as Partial<StructuralSchema>;
  const rules = [
    ...(format === undefined ? [] : [formatRule(format)]),
    ...(isFraction(minimum) || isFraction(maximum) ? [rangeRule(minimum, maximum)] : []),
    ...others,
  ];
  return {
    ...(pattern !== undefined && format === undefined && { pattern }),
    ...(rules.length > 0 && { "x-kubernetes-validations": rules }),
  };
}

function isFraction(bound: number | undefined): boolean {
  return bound !== undefined && !Number.isInteger(bound);
}

function rangeRule(minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER): ValidationRule {
  return {
    rule: `self >= double(${minimum}) && self <= double(${maximum})`,
    message: `write a number from ${minimum} to ${maximum}`,
  };
}

/**
 * The same shape, without what could refuse or drop what an operator of another version writes: a newer operator may
 * run before its CRD is applied, and an older one after it.
 */
export function lenient(schema: StructuralSchema): StructuralSchema {
  const { type, description, format, items, properties } = schema;
  const keys = schema["x-kubernetes-list-map-keys"];
  const listType = schema["x-kubernetes-list-type"];
  return {
    type,
    ...(description !== undefined && { description }),
    ...(format !== undefined && { format }),
    ...(listType !== undefined && { "x-kubernetes-list-type": listType }),
    ...(keys && { "x-kubernetes-list-map-keys": keys }),
    ...(items && { items: keys ? { ...lenient(items), required: keys } : lenient(items) }),
    ...(properties && { properties: mapValues(properties, lenient), "x-kubernetes-preserve-unknown-fields": true }),
  };
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From, key: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
