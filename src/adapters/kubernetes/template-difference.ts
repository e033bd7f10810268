import { canonicalJson } from "../../domain/canonical-json.ts";
import { isRecord, memberOf } from "./json-fields.ts";

/** Path of the first place at which two values differ, as people write it: `spec.containers[0].image`. */
export function firstDifference(wanted: unknown, found: unknown, path = ""): string | undefined {
  if (canonicalJson(wanted) === canonicalJson(found)) return undefined;
  if (Array.isArray(wanted) && Array.isArray(found)) {
    if (wanted.length !== found.length) return path;
    return firstOf(wanted.keys(), (index) => firstDifference(wanted[index], found[index], `${path}[${index}]`));
  }
  if (isRecord(wanted) && isRecord(found)) {
    const keys = new Set([...Object.keys(wanted), ...Object.keys(found)]);
    return firstOf(keys, (key) =>
      firstDifference(memberOf(wanted, key), memberOf(found, key), path === "" ? key : `${path}.${key}`),
    );
  }
  return path;
}

function firstOf<Key>(keys: Iterable<Key>, search: (key: Key) => string | undefined): string | undefined {
  for (const key of keys) {
    const found = search(key);
    if (found !== undefined) return found;
  }
  return undefined;
}
