import { canonicalJson } from "../../domain/canonical-json.ts";
import { isRecord, memberOf, type JsonRecord } from "./json-fields.ts";

/**
 * The JSON merge patch (RFC 7386) that makes `before` into `after`: null for what goes, lists whole. Undefined when
 * there is nothing to change. A member that is undefined is absent.
 */
export function mergePatchBetween(before: JsonRecord, after: JsonRecord): JsonRecord | undefined {
  const patch = new Map<string, unknown>();
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = memberOf(before, key);
    const is = memberOf(after, key);
    if (is === undefined || is === null) {
      if (was !== undefined && was !== null) patch.set(key, null);
    } else if (isRecord(was) && isRecord(is)) {
      const inner = mergePatchBetween(was, is);
      if (inner !== undefined) patch.set(key, inner);
    } else if (canonicalJson(was) !== canonicalJson(is)) {
      patch.set(key, is);
    }
  }
  return patch.size === 0 ? undefined : Object.fromEntries(patch);
}
