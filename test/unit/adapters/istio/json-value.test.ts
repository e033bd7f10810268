import { expect, test } from "vitest";
import { isRecord, numberIn, recordIn, recordsIn, textIn, textsIn } from "../../../../src/adapters/istio/json-value.ts";

const anything: readonly unknown[] = [undefined, null, 7, "text", true, [], [[]], {}, { key: null }];

test("every function answers, whatever it is given", () => {
  for (const value of anything) {
    expect([recordIn(value, "key"), recordsIn(value, "key"), textsIn(value, "key")]).toEqual([{}, [], []]);
    expect([textIn(value, "key"), numberIn(value, "key")]).toEqual([undefined, undefined]);
  }
});

test("what is there is found", () => {
  const value = { record: { a: 1 }, texts: ["a", 1, "b"], text: "t", number: 0 };
  expect(recordIn(value, "record")).toEqual({ a: 1 });
  expect(textsIn(value, "texts")).toEqual(["a", "b"]);
  expect(textIn(value, "text")).toBe("t");
  expect(numberIn(value, "number")).toBe(0);
});

test("a list keeps its positions, so that an index in a message is that of the user's file", () => {
  expect(recordsIn({ list: [{ a: 1 }, "not an object", { b: 2 }] }, "list")).toEqual([{ a: 1 }, {}, { b: 2 }]);
});

test("an empty text says as much as none", () => {
  expect(textIn({ name: "" }, "name")).toBeUndefined();
});

test("a list is no record", () => {
  expect([isRecord([]), isRecord(null), isRecord({})]).toEqual([false, false, true]);
});
