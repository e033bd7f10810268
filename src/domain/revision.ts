import { hashLabel } from "../api/names.ts";
import { canonicalJson } from "./canonical-json.ts";
import { stableHash } from "./stable-hash.ts";

/**
 * Name of a pod template: ten characters that may stand in an object's name and in a label. Equal templates have equal
 * names, whatever the order of their keys and whether or not they carry the label pod-template-hash. For templates as
 * the API server stores them, that is with its defaults filled in.
 */
export function revisionOf(template: unknown): string {
  return stableHash(canonicalJson(comparable(template) ?? null));
}

/** What two templates have in common when they are equal: no label pod-template-hash, and no null, which is absence. */
export function comparable(template: unknown): unknown {
  return withoutNulls(withoutHash(template));
}

/** The template without the label pod-template-hash: what a Deployment would say where a ReplicaSet says this. */
export function withoutHash(template: unknown): unknown {
  if (!isRecord(template) || !isRecord(template["metadata"])) return template;
  const { metadata } = template;
  if (!isRecord(metadata["labels"]) || !(hashLabel in metadata["labels"])) return template;
  const labels = Object.fromEntries(Object.entries(metadata["labels"]).filter(([key]) => key !== hashLabel));
  return { ...template, metadata: { ...metadata, labels } };
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value;
  const members = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, withoutNulls(member)]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
