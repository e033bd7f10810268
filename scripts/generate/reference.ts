import { apiVersion, kind } from "../../src/api/names.ts";
import { conditionReasons, eventReasons, rollbackReasons } from "../../src/api/reasons.ts";
import { rolloutSchema } from "../../src/api/crd.ts";
import type { StructuralSchema, ValidationRule } from "../../src/api/structural-schema.ts";
import { code, table } from "./markdown.ts";

const header = "<!-- Made by `npm run generate` from src/api. Do not edit. -->";

interface Field {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly required: boolean;
}

/** A table of every field of a Rollout: path, type, default, description; then the rules between fields. */
export function rolloutReference(): string {
  const { spec, status } = rolloutSchema().properties ?? {};
  if (spec === undefined || status === undefined) throw new RangeError("the Rollout has no spec or no status");
  const fields = [{ path: "spec", schema: spec, required: true }, ...fieldsBelow("spec", spec)];
  return (
    [
      header,
      `# ${kind}`,
      `\`apiVersion: ${apiVersion}\`, \`kind: ${kind}\`, short name \`srn\`, category \`serin\`.`,
      "A field marked * must be written; all else has a default or may be left out.",
      "## spec",
      table(
        ["Field", "Type", "Default", "Description"],
        fields.map((field) => [name(field), typeOf(field.schema), defaultOf(field.schema), describe(field.schema)]),
      ),
      "## Rules",
      "The API server refuses what breaks one of these, with the sentence on the right.",
      table(["Where", "What is said"], fields.flatMap(rulesOf)),
      "## status",
      "Written by the operator only.",
      table(
        ["Field", "Type", "Description"],
        fieldsBelow("status", status).map((field) => [code(field.path), typeOf(field.schema), describe(field.schema)]),
      ),
    ].join("\n\n") + "\n"
  );
}

/** Every reason of a condition, and of a rollback, with its sentence. */
export function conditionsReference(): string {
  return (
    [
      header,
      "# Conditions",
      "A Rollout has the conditions `Ready`, `Reconciling` and `Stalled` as kstatus defines them, `TrafficShifted`, which says whether the traffic that was asked for was seen, and `PodsCounted`, which says whether requests are counted for each pod, as [tuning of outlier detection](../outliers.md) needs. `Reconciling` and `Stalled` are absent when they do not hold, `TrafficShifted` outside of releases, and `PodsCounted` until it was looked at and where tuning is off.",
      "## Reasons",
      table(
        ["Reason", "Meaning"],
        Object.entries(conditionReasons).map(([reason, meaning]) => [code(reason), meaning]),
      ),
      "## Why a release was rolled back",
      "Found in `status.release.reason`, `status.rejected` and `status.history`.",
      table(
        ["Reason", "Meaning"],
        Object.entries(rollbackReasons).map(([reason, meaning]) => [code(reason), meaning]),
      ),
    ].join("\n\n") + "\n"
  );
}

/** Every event reason with its type. */
export function eventsReference(): string {
  return (
    [
      header,
      "# Events",
      "Each happening has one reason and is announced once. `kubectl events --for rollout/NAME` shows them.",
      table(
        ["Reason", "Type"],
        Object.entries(eventReasons).map(([reason, type]) => [code(reason), type]),
      ),
    ].join("\n\n") + "\n"
  );
}

function fieldsBelow(path: string, schema: StructuralSchema): Field[] {
  const properties = schema.properties ?? schema.items?.properties ?? {};
  const required = schema.required ?? schema.items?.required ?? [];
  const prefix = schema.type === "array" ? `${path}[]` : path;
  return Object.entries(properties).flatMap(([key, child]) => {
    const field = { path: `${prefix}.${key}`, schema: child, required: required.includes(key) };
    return [field, ...fieldsBelow(field.path, child)];
  });
}

/** Each rule with the path of what it is about. */
function rulesOf({ path, schema }: Field): string[][] {
  const row = (at: string) => (rule: ValidationRule) => [code(at + (rule.fieldPath ?? "")), rule.message];
  return [
    ...(schema["x-kubernetes-validations"] ?? []).map(row(path)),
    ...(schema.items?.["x-kubernetes-validations"] ?? []).map(row(`${path}[]`)),
  ];
}

function name({ path, required }: Field): string {
  return code(path) + (required ? " *" : "");
}

function typeOf(schema: StructuralSchema): string {
  if (schema.type === "array") return `list of ${schema.items?.type ?? "anything"}s`;
  if (schema.enum) return schema.enum.map((value) => code(String(value))).join(" or ");
  return schema.type + bounds(schema);
}

function bounds({ minimum, maximum }: StructuralSchema): string {
  return minimum === undefined || maximum === undefined ? "" : `, ${minimum} to ${maximum}`;
}

function defaultOf(schema: StructuralSchema): string {
  if (schema.default === undefined) return "";
  return code(typeof schema.default === "string" ? schema.default : JSON.stringify(schema.default));
}

function describe(schema: StructuralSchema): string {
  return schema.description ?? "";
}
