import { expect, test } from "vitest";
import { paintFor } from "../../../../src/cli/terminal.ts";
import { parseAnsi } from "../../../demo/picture/ansi.ts";

const paint = paintFor(true);

test("a line becomes runs with their columns and styles", () => {
  const line = `ab ${paint("red", "cd")}   ${paint("bold", paint("green", "ef"))}${paint("dim", "gh")}`;
  expect(parseAnsi(line)).toEqual([
    { column: 0, text: "ab ", bold: false, dim: false, colour: undefined },
    { column: 3, text: "cd", bold: false, dim: false, colour: "red" },
    { column: 8, text: "ef", bold: true, dim: false, colour: "green" },
    { column: 10, text: "gh", bold: false, dim: true, colour: undefined },
  ]);
});

test("nothing but spaces is no run", () => {
  expect(parseAnsi("   ")).toEqual([]);
  expect(parseAnsi("")).toEqual([]);
});
