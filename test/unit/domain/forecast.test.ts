import { describe, expect, test } from "vitest";
import { renderDuration } from "../../../src/api/instant.ts";
import type { RolloutSpec } from "../../../src/api/rollout-spec.ts";
import { forecast, foreseen, foretell } from "../../../src/domain/forecast.ts";
import { aRollout } from "../../support/observation.ts";

function specOf(spec: object = {}): RolloutSpec {
  const read = aRollout({ spec }).spec;
  if (read === undefined) throw new Error("no spec");
  return read;
}

const input = { rate: 100, interval: 5_000, failing: [1, 0.1, 0.03] };

describe("a forecast", () => {
  test("has a line for each weight, as the judge takes it on average", () => {
    const steps = forecast(specOf({ steps: [{ weight: 10 }, { pause: {} }, { weight: 50 }] }), input);
    expect(steps.map(({ number, weight, canaryRate }) => [number, weight, canaryRate])).toEqual([
      [1, 10, 10],
      [3, 50, 50],
      [4, 100, 100],
    ]);
    const [first, second, last] = steps;
    // An outage takes two blocks of 5 s and half a scrape (docs/judgement.md).
    expect(first?.finds[0]).toEqual({ failing: 1, after: 12_500 });
    const times = first?.finds.map(({ after = Infinity }) => after) ?? [];
    expect(times).toEqual(times.toSorted((one, other) => one - other));
    expect(second?.passes).toBeLessThanOrEqual(first?.passes ?? 0);
    expect(last?.passes).toBe(32_500);
  });

  test("does not end before the shortest time for a step", () => {
    const steps = forecast(specOf({ analysis: { minStepDuration: "3m" } }), input);
    expect(steps.map(({ passes }) => passes)).toEqual([180_000, 180_000, 180_000]);
  });

  test("says what is beyond the longest", () => {
    const [first] = forecast(specOf(), { ...input, rate: 0.1 });
    expect(first?.passes).toBeUndefined();
    expect(first?.finds.at(-1)?.after).toBeUndefined();
    const [idle] = forecast(specOf(), { ...input, rate: 0 });
    expect(idle?.finds[0]?.after).toBeUndefined();
  });

  test("does not look further than 3,000 blocks, however long a step may last: nothing else is done meanwhile", () => {
    const patient = specOf({ analysis: { maxStepDuration: "8760h" } });
    expect(foreseen(patient, 5_000)).toBe(15_000_000);
    expect(foreseen(patient, 30_000)).toBe(90_000_000);
    expect(foreseen(specOf(), 5_000)).toBe(1_800_000);
    const [idle] = forecast(patient, { ...input, rate: 0 });
    expect(idle).toMatchObject({
      passes: undefined,
      finds: [{ after: undefined }, { after: undefined }, { after: undefined }],
    });
    const said = foretell(patient, { requests: 0, lost: 0, length: 600_000, interval: 5_000 });
    expect(said).toContain("steps 1, 2, 3 have too few requests for a verdict within 4h10m");
  });

  test("leaves out measures of the team's own", () => {
    const metrics = [{ name: "failed", ratio: { bad: "a", total: "b", max: "1%" } }];
    expect(forecast(specOf({ analysis: { metrics } }), input)).toEqual(forecast(specOf(), input));
  });
});

describe("what is said before a release", () => {
  test("is how long it takes, and how soon a bad one is sent back", () => {
    const spec = specOf({
      bake: "1m",
      steps: [{ weight: 10 }, { pause: { duration: "2m" } }, { pause: {} }, { weight: 50 }],
    });
    const all = forecast(spec, { ...input, failing: [] }).reduce((sum, { passes = 0 }) => sum + passes, 0);
    expect(foretell(spec, { requests: 60_000, lost: 0, length: 600_000, interval: 5_000 })).toBe(
      `100 requests/s came to the Service in the last 10m; a canary without failed requests is promoted about ${renderDuration(all + 180_000)} after it gets traffic, not counting pauses that a person ends; one of which 3 % fail is sent back after about 38s`,
    );
  });

  test("is which steps have too few requests", () => {
    const told = foretell(specOf(), { requests: 30, lost: 0, length: 600_000, interval: 15_000 });
    expect(told).toContain("at step 1 there are too few requests to find one of which 3 % fail");
    expect(told).toMatch(
      /steps 1, 2, 3 have too few requests for a verdict within 30m \(onInsufficientTraffic: widen\)$/,
    );
    const all = foretell(specOf({ steps: [{ weight: 100 }] }), {
      requests: 30,
      lost: 0,
      length: 600_000,
      interval: 15_000,
    });
    expect(all).toMatch(/; step 1 has too few requests for a verdict within 30m/);
  });
});
