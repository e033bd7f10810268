import { describe, expect, it } from "vitest";
import { boundariesAround } from "../../../../src/adapters/prometheus/boundaries.ts";

const envoy = ["0.5", "1.0", "5.0", "10.0", "100.0", "250.0", "500.0", "1000.0", "+Inf"];

describe("boundaries around a limit", () => {
  it.each<[number, string[], string[]]>([
    [500, ["500.0"], ["500.0"]],
    [300, ["250.0"], ["500.0"]],
    [0.2, [], ["0.5"]],
    [5_000, ["1000.0"], []],
  ])("%d ms", (limit, lower, upper) => {
    expect(boundariesAround(limit, envoy)).toEqual({ lower, upper });
  });

  it("knows a boundary in all its spellings", () => {
    expect(boundariesAround(5, ["5", "5.0", "+Inf"])).toEqual({ lower: ["5", "5.0"], upper: ["5", "5.0"] });
  });

  it("has none where there is no histogram", () => {
    expect(boundariesAround(5, [])).toEqual({ lower: [], upper: [] });
  });
});
