import { expect, test } from "vitest";
import { ShortMemory } from "../../../../src/adapters/prometheus/short-memory.ts";

test("what was learned is good for its time, or for as long as somebody is content with", () => {
  const memory = new ShortMemory<string>(100);
  memory.remember("one", "learned", 1_000);
  expect([1_099, 1_100].map((now) => memory.recall("one", now))).toEqual(["learned", undefined]);
  expect([1_009, 1_010].map((now) => memory.recall("one", now, 10))).toEqual(["learned", undefined]);
  expect(memory.recall("two", 1_000)).toBeUndefined();
});

test("it is forgotten when it has not been good for as long again", () => {
  const memory = new ShortMemory<string>(100);
  memory.remember("one", "learned", 1_000);
  memory.remember("two", "later", 1_199);
  expect([...memory.entries()].map(([key]) => key)).toEqual(["one", "two"]);
  memory.remember("two", "again", 1_200);
  expect([memory.last("one"), memory.last("two")]).toEqual([undefined, "again"]);
});

test("a clock that was set back makes it no younger", () => {
  const memory = new ShortMemory<string>(100);
  memory.remember("one", "learned", 1_000);
  expect(memory.recall("one", 900)).toBeUndefined();
});
