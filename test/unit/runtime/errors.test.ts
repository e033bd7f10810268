import { expect, test } from "vitest";
import { messageOf, TransientError } from "../../../src/runtime/errors.ts";

test.each([
  [new TransientError("no answer"), "no answer"],
  ["words", "words"],
  [undefined, "undefined"],
])("messageOf(%o) is %s", (thrown, message) => {
  expect(messageOf(thrown)).toBe(message);
});

test("an error says by its name which kind it is", () => {
  expect(String(new TransientError("no answer"))).toBe("TransientError: no answer");
});
