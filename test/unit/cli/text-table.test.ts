import { expect, test } from "vitest";
import { textTable } from "../../../src/cli/text-table.ts";

test("columns are as wide as their widest cell, and lines end with their last word", () => {
  expect(textTable([["a", "long cell", "x"], ["longer", "b"], []])).toEqual(["a       long cell  x", "longer  b", ""]);
});
