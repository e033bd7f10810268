import { describe, expect, test } from "vitest";
import type { MetricSpec } from "../../../../src/api/metric-spec.ts";
import { checksDue, findingsOf, withResults, type Check } from "../../../../src/domain/analysis/checks.ts";
import { noon } from "../../../support/observation.ts";

const value = { query: "1", max: 500, interval: "30s", failureLimit: 2 };
const metrics: readonly MetricSpec[] = [
  { name: "p50", value },
  { name: "stock", value: { query: "2", min: 1, interval: "1m", failureLimit: 0 } },
  { name: "failed", ratio: { bad: "a", total: "b", max: "1%" } },
];
const names = (due: readonly MetricSpec[]) => due.map(({ name }) => name);

function made(...rounds: readonly (readonly [string, number | undefined])[][]): readonly Check[] {
  return rounds.reduce<readonly Check[]>((checks, round, index) => {
    const results = round.map(([name, found]) => ({ name, value: found }));
    return withResults(checks, results, metrics, noon + index * 30_000);
  }, []);
}

describe("point checks", () => {
  test("are due at first, and after their interval again", () => {
    expect(names(checksDue(metrics, [], noon))).toEqual(["p50", "stock"]);
    const checks = made([
      ["p50", 1],
      ["stock", 1],
    ]);
    expect(names(checksDue(metrics, checks, noon + 29_999))).toEqual([]);
    expect(names(checksDue(metrics, checks, noon + 30_000))).toEqual(["p50"]);
    expect(names(checksDue(metrics, checks, noon + 60_000))).toEqual(["p50", "stock"]);
  });

  test("count what fails, not what has no value", () => {
    const checks = made([["p50", 501]], [["p50", undefined]], [["p50", 500]], [["p50", 900]]);
    expect(checks).toMatchObject([{ name: "p50", found: "Outside", failures: 2 }]);
  });

  test("pass with a value of this step within the limits", () => {
    const checks = made([
      ["p50", 500],
      ["stock", 1],
    ]);
    const kinds = (since: number | undefined) => findingsOf(metrics, checks, since).map(({ kind }) => kind);
    expect(kinds(noon)).toEqual(["Passed", "Passed"]);
    // One of an earlier step says nothing of this one.
    expect(kinds(noon + 1)).toEqual(["Open", "Open"]);
    expect(kinds(undefined)).toEqual(["Open", "Open"]);
  });

  test("fail when more of them failed than may", () => {
    const all = [[["p50", 501]], [["p50", 502]], [["p50", 503]]] as [string, number][][];
    expect(findingsOf(metrics, made(...all.slice(0, 2)), noon)[0]).toMatchObject({ kind: "Open", hasNoValue: false });
    expect(findingsOf(metrics, made(...all), noon)[0]).toEqual({
      kind: "Failed",
      hasNoValue: false,
      sentence: "p50 was out of its limits when it was checked last (at most 500; 3 checks failed, 2 may)",
    });
    expect(findingsOf(metrics, made([["stock", 0]]), noon)[1]).toMatchObject({ kind: "Failed" });
  });

  test("say that there was no value, or no check yet", () => {
    const [p50, stock] = findingsOf(metrics, made([["p50", undefined]]), noon);
    expect(p50).toMatchObject({
      kind: "Open",
      hasNoValue: true,
      sentence: expect.stringContaining("had no value") as string,
    });
    expect(stock?.sentence).toBe("stock was not checked yet");
  });

  test("of a metric that is not asked for any more are forgotten with their next result", () => {
    expect(withResults([], [{ name: "gone", value: 1 }], metrics, noon)).toEqual([]);
  });
});
