import { describe, expect, test } from "vitest";
import { podsOf, totalOf } from "../../../../src/domain/outliers/pods.ts";
import { noon } from "../../../support/observation.ts";
import { aPod, aReport } from "../../../support/pods.ts";

describe("podsOf", () => {
  test("are those of the version that are called: one that was replaced has no requests any more", () => {
    const gone = { ...aPod("canary", "gone", 25), ticks: [{ at: noon - 10_000, requests: 9, errors: 9 }] };
    const late = { ...aPod("canary", "late", 25), ticks: [{ at: noon - 9_999, requests: 1, errors: 0 }] };
    const idle = aPod("canary", "idle", 0);
    const stable = aPod("stable", "other", 25);
    const report = aReport({ pods: [gone, late, idle, stable] });
    expect(podsOf(report, "canary").map(({ pod }) => pod)).toEqual(["late"]);
    expect(podsOf(report, "stable").map(({ pod }) => pod)).toEqual(["other"]);
  });
});

describe("totalOf", () => {
  test("is the sum over pods and scrapes, with no more errors than requests", () => {
    const more = { ...aPod("canary", "b", 0), ticks: [{ at: noon, requests: 2, errors: 5 }] };
    expect(totalOf([aPod("canary", "a", 10, 1, 3), more])).toEqual({ requests: 32, errors: 5 });
    expect(totalOf([])).toEqual({ requests: 0, errors: 0 });
  });
});
