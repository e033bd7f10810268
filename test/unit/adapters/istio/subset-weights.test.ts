import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  divided,
  givenAll,
  partsOf,
  serverOf,
  sideOf,
  type Share,
  type Sides,
} from "../../../../src/adapters/istio/subset-weights.ts";
import { to } from "./samples.ts";

const sides: Sides = { stable: "v1", canary: "v2", retired: ["v0"] };
const share = (...entries: Record<string, unknown>[]): Share => ({
  entries,
  sum: entries.reduce((sum, entry) => sum + ((entry["weight"] as number | undefined) ?? 0), 0) || 100,
});

describe("sideOf()", () => {
  test.each([
    ["v1", "stable"],
    ["v2", "canary"],
    ["v0", "stable"],
    [undefined, "stable"],
    ["v3", undefined],
  ] as const)("%s is %s", (subset, side) => {
    expect(sideOf(to(subset), sides)).toBe(side);
  });

  test("without a release a subset that did not serve is nobody's", () => {
    expect(sideOf(to("v2"), { ...sides, canary: undefined })).toBeUndefined();
  });
});

describe("serverOf()", () => {
  test.each([
    ["the only one, whatever it says", share(to("v1")), "v1"],
    ["the one with weight", share(to("v1", 0), to("v2", 100)), "v2"],
    ["one of several says nothing", share(to("v1"), to("v2", 100)), "v2"],
    ["two with weight", share(to("v1", 90), to("v2", 10)), undefined],
    ["all versions", share(to(undefined, 100)), undefined],
    ["nobody", { entries: [], sum: 0 }, undefined],
  ])("%s", (_, given, server) => {
    expect(serverOf(given)).toBe(server);
  });
});

describe("givenAll()", () => {
  test("the destination that names the subset gets all, the others stay at 0", () => {
    expect(givenAll(share(to("v1", 100), to("v2", 0)), "v2").entries).toEqual([to("v1", 0), to("v2", 100)]);
    expect(givenAll(share(to("v1", 70), to("v2", 20)), "v1").entries).toEqual([to("v1", 90), to("v2", 0)]);
  });

  test("where none does, the largest comes to name it, with all that it says besides", () => {
    const marked = { ...to("v1", 60), headers: { request: { set: { a: "b" } } } };
    expect(givenAll(share(to("v0", 40), marked), "v3").entries).toEqual([
      to("v0", 0),
      { ...marked, destination: { host: "product", subset: "v3" }, weight: 100 },
    ]);
    expect(givenAll(share(to("v1")), "v2").entries).toEqual([to("v2")]);
  });

  test("what is so stays as it is written", () => {
    const given = share(to("v1", 60), to("v1", 40));
    expect(givenAll(given, "v1")).toBe(given);
  });
});

describe("divided()", () => {
  test("the canary is added behind stable, or gets the place that it has", () => {
    expect(divided(share(to("v1")), sides, 10)).toEqual([to("v1", 90), to("v2", 10)]);
    expect(divided(share(to("v2", 0), to("v1", 100)), sides, 10)).toEqual([to("v2", 10), to("v1", 90)]);
    expect(divided(share(to("v0", 0), to("v1", 80)), sides, 50)).toEqual([to("v0", 0), to("v1", 40), to("v2", 40)]);
  });

  test("without a canary there is nothing to divide", () => {
    const { entries, sum } = share(to("v1"));
    expect(divided({ entries, sum }, { ...sides, canary: undefined }, 10)).toBe(entries);
  });

  test("the sum stays, nobody gets less than nothing, and only 0 and 100 % leave one with nothing", () => {
    const entries = fc.constantFrom(
      [to("v1")],
      [to("v1", 100), to("v2", 0)],
      [to("v2", 0), to("v1", 80)],
      [to("v0", 0), to("v1", 7), to("v2", 0)],
    );
    fc.assert(
      fc.property(entries, fc.integer({ min: 0, max: 100 }), (given, weight) => {
        const before = share(...given);
        const after = divided(before, sides, weight);
        const parts = partsOf({ entries: after, sum: before.sum });
        expect(parts.reduce((sum, part) => sum + part, 0)).toBe(before.sum);
        const of = (subset: string) =>
          parts[
            after.findIndex(
              (entry) => sideOf(entry, { ...sides, stable: subset, canary: undefined, retired: [] }) === "stable",
            )
          ];
        expect(of("v1") === 0).toBe(weight === 100);
        expect(of("v2") === 0).toBe(weight === 0);
      }),
    );
  });
});
