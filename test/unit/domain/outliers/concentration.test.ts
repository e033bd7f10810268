import { describe, expect, test } from "vitest";
import { concentrationOf, evidenceAgainst } from "../../../../src/domain/outliers/concentration.ts";
import type { PodCounts } from "../../../../src/domain/outliers/pods.ts";
import { noon } from "../../../support/observation.ts";
import { aPod, aReport } from "../../../support/pods.ts";
import { randomFrom } from "../../../support/random.ts";

const good = (count: number, errors = 0) =>
  Array.from({ length: count }, (_, index) => aPod("canary", `good-${index}`, 25, errors));

/** What callers saw fail was all of one pod. */
const callers = (errors: number) => ({ stable: { rates: [100], errors }, canary: { rates: [100], errors } });

describe("concentrationOf", () => {
  test("finds the one pod that fails, with its counts and those of the others", () => {
    expect(concentrationOf(aReport(), "canary", 0.01)).toEqual({
      found: [{ version: "canary", pod: "product-a-1", requests: 250, errors: 250 }],
      others: { pods: 3, requests: 750, errors: 0 },
    });
    expect(concentrationOf(aReport(), "stable", 0.01)).toBeUndefined();
  });

  test("finds a pod of stable in the same way", () => {
    const pods = [aPod("stable", "bad", 20, 20), aPod("stable", "well", 40), ...good(2)];
    expect(concentrationOf(aReport({ pods, callers: callers(0) }), "stable", 0.01)?.found).toMatchObject([
      { pod: "bad", version: "stable" },
    ]);
    expect(concentrationOf(aReport({ pods, callers: callers(0) }), "canary", 0.01)).toBeUndefined();
  });

  test("finds nothing where all fail alike: no pod is seen to be within the limit", () => {
    const pods = Array.from({ length: 4 }, (_, index) => aPod("canary", `pod-${index}`, 25, 3));
    expect(concentrationOf(aReport({ pods, callers: callers(0) }), "canary", 0.01)).toBeUndefined();
  });

  test("finds nothing in one pod alone, whatever it does", () => {
    expect(concentrationOf(aReport({ pods: [aPod("canary", "only", 25, 25)] }), "canary", 0.01)).toBeUndefined();
  });

  test("waits for the others to show enough: three times the limit is to be ruled out", () => {
    const few = (requests: number) => [aPod("canary", "bad", 25, 25), aPod("canary", "well", requests)];
    expect(concentrationOf(aReport({ pods: few(10), callers: callers(0) }), "canary", 0.01)).toBeUndefined();
    expect(concentrationOf(aReport({ pods: few(20), callers: callers(0) }), "canary", 0.01)?.others).toEqual({
      pods: 1,
      requests: 200,
      errors: 0,
    });
  });

  test("takes two errors for chance, however few requests there are", () => {
    const twice = { ...aPod("canary", "twice", 0), ticks: [{ at: noon, requests: 2, errors: 2 }] };
    const thrice = { ...twice, pod: "thrice", ticks: [{ at: noon, requests: 12, errors: 12 }] };
    const found = concentrationOf(
      aReport({ pods: [twice, thrice, ...good(2)], callers: callers(14) }),
      "canary",
      0.01,
    )?.found;
    // What is not found is one of the others: with two errors in a few hundred they are within the limit.
    expect(found?.map(({ pod }) => pod)).toEqual(["thrice"]);
  });

  test("does not take for the cause what explains less than half of what callers saw fail", () => {
    const seen = (errors: number) => concentrationOf(aReport({ callers: callers(errors) }), "canary", 0.01);
    expect(seen(500)).toBeDefined();
    expect(seen(501)).toBeUndefined();
  });

  test("counts a pod's requests from where it began to fail", () => {
    const late = aPod("canary", "late", 25, 0, 60);
    const ticks = late.ticks.map((tick, index) => (index < 55 ? tick : { ...tick, errors: 25 }));
    const report = aReport({ since: noon - 60_000, pods: [{ ...late, ticks }, ...good(3)], callers: callers(125) });
    expect(concentrationOf(report, "canary", 0.01)?.found).toEqual([
      { version: "canary", pod: "late", requests: 125, errors: 125 },
    ]);
  });

  test("finds nothing where the others are more likely over the limit than within it", () => {
    const bad = aPod("canary", "bad", 25, 25, 40);
    const others = (errors: number) =>
      concentrationOf(
        aReport({
          since: noon - 40_000,
          pods: [bad, ...[1, 2, 3].map((at) => aPod("canary", `well-${at}`, 100, errors, 40))],
          callers: callers(1_000),
        }),
        "canary",
        0.01,
      );
    // Two of a hundred: three are ruled out, but one is the limit.
    expect(others(2)).toBeUndefined();
    expect(others(0.5)).toBeDefined();
  });

  test("needs the more evidence of each pod the more are tested", () => {
    // Ten requests of which eight fail are enough beside three others, and not beside three hundred.
    const bad = { ...aPod("canary", "bad", 0), ticks: [{ at: noon, requests: 10, errors: 8 }] };
    expect(concentrationOf(aReport({ pods: [bad, ...good(3)], callers: callers(8) }), "canary", 0.01)).toBeDefined();
    expect(
      concentrationOf(aReport({ pods: [bad, ...good(300)], callers: callers(8) }), "canary", 0.01),
    ).toBeUndefined();
  });

  test("blames a pod of a version within its limit in fewer than one of twenty releases", () => {
    const random = randomFrom(7);
    const draw = (share: number) => Array.from({ length: 25 }, () => random() < share).filter(Boolean).length;
    const blamed = Array.from({ length: 400 }, () => {
      const pods = Array.from({ length: 8 }, (_, index): PodCounts => {
        const pod = aPod("canary", `pod-${index}`, 25, 0, 40);
        return { ...pod, ticks: pod.ticks.map((tick) => ({ ...tick, errors: draw(0.01) })) };
      });
      return concentrationOf(aReport({ since: noon - 40_000, pods, callers: callers(0) }), "canary", 0.01);
    }).filter((found) => found !== undefined).length;
    expect(blamed).toBeLessThanOrEqual(20);
  });
});

describe("evidenceAgainst", () => {
  test("is 1 without requests, grows with errors, and shrinks without", () => {
    const against = (...pods: PodCounts[]) => evidenceAgainst(pods, noon - 10_000, 0.01, 0.01);
    expect(against(aPod("canary", "a", 0))).toBe(1);
    expect(against(aPod("canary", "a", 25))).toBeLessThan(0.9);
    expect(against(aPod("canary", "a", 25, 2))).toBeGreaterThan(100);
  });

  test("takes the scrapes of several pods in the order of time", () => {
    const one = { ...aPod("canary", "a", 0), ticks: [{ at: noon, requests: 10, errors: 5 }] };
    const other = { ...aPod("canary", "b", 0), ticks: [{ at: noon - 5_000, requests: 10, errors: 0 }] };
    const forwards = evidenceAgainst([one, other], noon - 10_000, 0.01, 0.01);
    expect(forwards).toBe(evidenceAgainst([other, one], noon - 10_000, 0.01, 0.01));
  });
});
