import { isDeepStrictEqual } from "node:util";
import type { JsonPatch } from "../../../src/ports/kubernetes-objects.ts";

export type Json = Record<string, unknown>;

/** As it comes over the wire: nothing is shared between two places, and undefined is not there. */
export function copyOf<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

export function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other);
}

/** RFC 7386. */
export function mergePatched(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Json = isRecord(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (value !== undefined) result[key] = mergePatched(result[key], value);
  }
  return result;
}

/** A patch of RFC 6902 that does not fit: a test failed, or a path is not there. */
export class PatchMisfit extends Error {}

/** RFC 6902, as the API server understands it; what is patched is changed in place. Throws a PatchMisfit. */
export function applyPatch(root: Json, patch: JsonPatch): void {
  for (const step of patch) {
    const path = step.path.slice(1).split("/").map(unescaped);
    const last = path.pop() ?? "";
    const parent = path.reduce<unknown>((at, key) => (at as Json | undefined)?.[key], root);
    if (parent === undefined || parent === null) throw new PatchMisfit(`${step.path}: nothing is there`);
    applyStep(parent as Json, last, step);
  }
}

function applyStep(parent: Json, last: string, step: JsonPatch[number]): void {
  switch (step.op) {
    case "test":
      if (!isSame(parent[last], step.value === undefined ? undefined : copyOf(step.value)))
        throw new PatchMisfit(`${step.path} is not as it was`);
      return;
    case "add":
      if (Array.isArray(parent)) parent.splice(last === "-" ? parent.length : Number(last), 0, copyOf(step.value));
      else parent[last] = copyOf(step.value);
      return;
    case "replace":
      // Members that are not there are added, as the API server does it.
      if (Array.isArray(parent) && !(last in parent)) throw new PatchMisfit(`${step.path}: nothing is there`);
      parent[last] = copyOf(step.value);
      return;
    case "remove":
      if (!(last in parent)) throw new PatchMisfit(`${step.path}: nothing is there`);
      if (Array.isArray(parent)) parent.splice(Number(last), 1);
      else delete parent[last];
  }
}

function unescaped(part: string): string {
  return part.replaceAll("~1", "/").replaceAll("~0", "~");
}

export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
