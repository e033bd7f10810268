import { expect, test } from "vitest";
import {
  addAnnotations,
  pointerPart,
  sameObject,
  sameSpec,
  sameVersion,
} from "../../../../src/adapters/kubernetes/metadata-patch.ts";
import { ConflictError } from "../../../../src/runtime/errors.ts";
import { patched } from "../istio/object-store.ts";

const object = { metadata: { name: "product", uid: "u", generation: 3, resourceVersion: "9" } };
const changed = (change: object) => ({ metadata: { ...object.metadata, ...change } });

test("a key is a part of a JSON pointer", () => {
  expect(pointerPart("serin.dev/hold~1")).toBe("serin.dev~1hold~01");
});

test.each([
  ["sameObject", sameObject, { uid: "other" }, { generation: 4, resourceVersion: "10" }],
  ["sameSpec", sameSpec, { generation: 4 }, { resourceVersion: "10" }],
  ["sameVersion", sameVersion, { resourceVersion: "10" }, {}],
])("%s() refuses what it guards against, and nothing else", (_, guard, refused, accepted) => {
  const patch = guard(object);
  expect(() => patched(changed(refused), patch)).toThrow(ConflictError);
  expect(() => patched(changed({ uid: "other" }), patch)).toThrow(ConflictError);
  expect(() => patched(changed(accepted), patch)).not.toThrow();
});

test("addAnnotations() begins the map only on what was read", () => {
  const patch = addAnnotations(object, { "serin.dev/promoted": "r" });
  expect(patched(object, patch).metadata.annotations).toEqual({ "serin.dev/promoted": "r" });
  expect(() => patched(changed({ resourceVersion: "10" }), patch)).toThrow(ConflictError);
});

test("addAnnotations() changes its keys and leaves the others, whoever wrote them in between", () => {
  const annotated = changed({ annotations: { a: "1" } });
  expect(addAnnotations(annotated, { "serin.dev/promoted": "r" })).toEqual([
    { op: "add", path: "/metadata/annotations/serin.dev~1promoted", value: "r" },
  ]);
});
