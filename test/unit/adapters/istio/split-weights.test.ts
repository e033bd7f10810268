import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  atRest,
  canaryPart,
  looksAtRest,
  splitEntries,
  sumOfWeights,
} from "../../../../src/adapters/istio/split-weights.ts";
import { to } from "./samples.ts";

describe("the sum that is divided", () => {
  test.each([
    [[to()], 1, 100],
    [[to(undefined, 50)], 1, 50],
    [[to(undefined, 0)], 1, 0],
    [[to()], 2, 0],
    [[to(undefined, 70)], 2, 70],
    [[to("stable", 60), to("canary")], 3, 60],
  ])("%j of %d: %d", (ours, inRoute, sum) => {
    expect(sumOfWeights(ours, inRoute)).toBe(sum);
  });
});

describe("the canary's part", () => {
  test.each([
    [100, 10, 10],
    [100, 0, 0],
    [100, 100, 100],
    [70, 10, 7],
    [30, 5, 2],
    [10, 1, 1],
    [2, 1, 1],
    [2, 99, 1],
    [3, 50, 2],
  ])("of %d at %d %%: %d", (sum, weight, part) => {
    expect(canaryPart(sum, weight)).toBe(part);
  });

  test("is whole, rises with the weight, and is nothing or everything only at the ends", () => {
    const weights = fc.integer({ min: 0, max: 100 });
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1_000_000 }), weights, weights, (sum, one, other) => {
        const [low, high] = [Math.min(one, other), Math.max(one, other)];
        expect(canaryPart(sum, low)).toBeLessThanOrEqual(canaryPart(sum, high));
        const part = canaryPart(sum, one);
        expect(Number.isInteger(part)).toBe(true);
        expect(part === 0).toBe(one === 0);
        expect(part === sum).toBe(one === 100);
      }),
    );
  });
});

describe("split entries", () => {
  test("of one destination: stable first, then the canary, with all that the entry had", () => {
    const entry = {
      destination: { host: "product", port: { number: 8080 } },
      headers: { request: { set: { a: "b" } } },
      future: [1],
    };
    const original = { entries: [entry], sum: 100 };
    expect(splitEntries(original, 10)).toEqual([
      { ...entry, destination: { ...entry.destination, subset: "stable" }, weight: 90 },
      { ...entry, destination: { ...entry.destination, subset: "canary" }, weight: 10 },
    ]);
  });

  test("of two destinations: each stays what it was and where it was", () => {
    const original = { entries: [to("canary", 0), to(undefined, 60)], sum: 60 };
    expect(splitEntries(original, 50)).toEqual([to("canary", 30), to("stable", 30)]);
  });
});

describe("at rest", () => {
  test.each([
    ["what is there", [to()], 1, true, [to()]],
    [
      "weights of git without a canary",
      [to("stable", 100), to("canary", 0)],
      2,
      true,
      [to("stable", 100), to("canary", 0)],
    ],
    ["a forgotten split", [to("stable", 90), to("canary", 10)], 2, true, [to("stable", 100), to("canary", 0)]],
    ["no subset where none stays", [to("stable", 90), to("canary", 10)], 2, false, [to()]],
    ["a weight beside others", [to("stable", 60), to("canary", 10)], 3, false, [to(undefined, 70)]],
    ["a route that names none", [to(undefined, 40)], 1, false, [to(undefined, 40)]],
  ])("is %s", (_, ours, inRoute, subsetsStay, entries) => {
    expect(atRest("primary", ours, inRoute, subsetsStay).entries).toEqual(entries);
  });

  test.each([
    ["as before", [to()], [to()], true],
    ["split", [to("stable", 90), to("canary", 10)], [to()], false],
    ["another weight, applied by somebody", [to(undefined, 100)], [to()], true],
    ["the subset that git names", [to("stable", 50)], [to("stable")], true],
    ["a subset that goes with the release", [to("stable", 50)], [to()], false],
    ["only the canary", [to("canary", 50)], [to("stable")], false],
  ])("is seen in %s", (_, ours, entries, expected) => {
    expect(looksAtRest(ours, { entries, sum: 100 })).toBe(expected);
  });
});
