import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isRecord } from "../../../../src/adapters/kubernetes/json-fields.ts";
import { mergePatchBetween } from "../../../../src/adapters/kubernetes/merge-patch.ts";

describe("mergePatchBetween", () => {
  test.each([
    ["nothing", { a: 1, b: { c: [1] } }, { b: { c: [1] }, a: 1 }, undefined],
    ["a new member", {}, { a: 1 }, { a: 1 }],
    ["a member that goes", { a: 1, b: 2 }, { b: 2 }, { a: null }],
    ["a member that becomes undefined", { a: 1 }, { a: undefined }, { a: null }],
    ["an absent member that stays undefined", {}, { a: undefined }, undefined],
    ["a member deep inside", { a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 3, d: 2 } } }, { a: { b: { c: 3 } } }],
    ["a whole list", { a: [{ b: 1 }, { c: 2 }] }, { a: [{ b: 1 }, { c: 3 }] }, { a: [{ b: 1 }, { c: 3 }] }],
    ["a record in place of text", { a: "text" }, { a: { b: 1 } }, { a: { b: 1 } }],
    ["text in place of a record", { a: { b: 1 } }, { a: "text" }, { a: "text" }],
    ["an empty record", { a: { b: 1 } }, { a: {} }, { a: { b: null } }],
  ])("for %s", (_, before, after, patch) => {
    expect(mergePatchBetween(before, after)).toEqual(patch);
  });

  test("makes any record into any other", () => {
    const records = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 }).map(withoutNulls));
    fc.assert(
      fc.property(records, records, (before, after) => {
        const patch = mergePatchBetween(before, after);
        const expected = plain(after);
        expect(plain(patch === undefined ? before : merge(before, plain(patch)))).toEqual(expected);
        expect(mergePatchBetween(after, structuredClone(after))).toBeUndefined();
      }),
    );
  });
});

/** A status has no nulls: the API server drops them. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isRecord(value)) return value ?? 0;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, withoutNulls(member)]));
}

/** What arrives at the other end. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}

/** RFC 7386, section 2. */
function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const merged = new Map(Object.entries(isRecord(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, merge(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}
