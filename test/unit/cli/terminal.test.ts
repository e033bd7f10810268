import { expect, test } from "vitest";
import { paintFor } from "../../../src/cli/terminal.ts";

test("colours are for people, not for pipes", () => {
  expect(paintFor(true)("green", "fine")).toBe("\u001b[32mfine\u001b[39m");
  expect(paintFor(false)("green", "fine")).toBe("fine");
});
