import { expect, test } from "vitest";
import {
  listAt,
  memberOf,
  numberAt,
  recordAt,
  textAt,
  textsAt,
  valueAt,
} from "../../../../src/adapters/kubernetes/json-fields.ts";

const object = { metadata: { labels: { app: "product", odd: 7 } }, spec: { replicas: 3, list: [1, "a"], name: "n" } };

test("what is there is found at the end of its path", () => {
  expect(numberAt(object, "spec", "replicas")).toBe(3);
  expect(listAt(object, "spec", "list")).toEqual([1, "a"]);
  expect(textAt(object, "spec", "name")).toBe("n");
  expect(recordAt(object, "metadata", "labels")).toEqual({ app: "product", odd: 7 });
  expect(textsAt(object, "metadata", "labels")).toEqual({ app: "product" });
  expect(valueAt(object)).toBe(object);
});

test.each([[undefined], [null], ["text"], [7], [[]], [{}], [{ spec: null }], [{ spec: { replicas: "3" } }]])(
  "of %j every function says nothing, and a number that is left out is 0",
  (value) => {
    expect(numberAt(value, "spec", "replicas")).toBe(0);
    expect(listAt(value, "spec", "replicas")).toEqual([]);
    expect(recordAt(value, "spec", "replicas")).toEqual({});
    expect(textAt(value, "spec", "replicas", "deeper")).toBeUndefined();
  },
);

test("what every JavaScript object has is not in the JSON", () => {
  expect(memberOf({}, "constructor")).toBeUndefined();
  expect(valueAt({ labels: {} }, "labels", "toString")).toBeUndefined();
});
