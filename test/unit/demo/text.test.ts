import { describe, expect, test } from "vitest";
import { bar, clockText, exactly, fit, latencyText, percentOf, sparkline, wrap } from "../../demo/text.ts";

describe("text in columns", () => {
  test("breaks at spaces and cuts words that are too long", () => {
    expect(wrap("one two  three", 7)).toEqual(["one two", "three"]);
    expect(wrap("abcdefghij k", 5)).toEqual(["abcd…", "k"]);
    expect(wrap("", 5)).toEqual([]);
  });

  test("fits into its room", () => {
    expect(fit("four", 4)).toBe("four");
    expect(fit("fours", 4)).toBe("fou…");
  });

  test("has exactly as many lines as there is room for", () => {
    expect(exactly(2, ["a"], 9)).toEqual(["a", ""]);
    expect(exactly(2, ["a", "b", "c"], 9)).toEqual(["a", "b …"]);
  });

  test("shows figures as people write them", () => {
    expect(percentOf(0.1034)).toBe("10.3 %");
    expect(latencyText(41.3)).toBe("41 ms");
    expect(latencyText(1640)).toBe("1.6 s");
    expect(clockText(65_900)).toBe("1:05");
  });
});

describe("pictures out of characters", () => {
  test("a bar is empty only at 0 and full only near 100", () => {
    expect(bar(0, 4)).toEqual({ full: "", empty: "░░░░" });
    expect(bar(1, 4)).toEqual({ full: "█", empty: "░░░" });
    expect(bar(50, 4)).toEqual({ full: "██", empty: "░░" });
    expect(bar(100, 4)).toEqual({ full: "████", empty: "" });
  });

  test("a sparkline has a column per share, or averages of neighbours", () => {
    expect(sparkline([0, 0.1, 0.5, 1], 10)).toBe(" ▁▄█");
    expect(sparkline([0, 1, 1, 1], 2)).toBe("▄█");
    expect(sparkline([], 10)).toBe("");
  });
});
