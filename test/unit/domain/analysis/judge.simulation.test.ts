import { describe, expect, it } from "vitest";
import { quantileOf, repeat, shareOf } from "./judge-simulation.ts";
import type { Scenario } from "./judge-simulation.ts";

/** 30 minutes at 10 canary requests a second, looked at every 5 s; docs/reference/plain-judge.md has more repetitions. */
const scenario = { compareWith: "limit-and-stable", weight: 0.1, requestsPerLook: 50, looks: 360 } as const;
const always = (rate: number) => () => rate;
const failed = (outcome: { failedAfter: number | undefined }) => outcome.failedAfter !== undefined;

function releases(canaryRate: number, more: Partial<Scenario> = {}) {
  return repeat(300, { ...scenario, canaryRate: always(canaryRate), stableRate: always(0.001), ...more });
}

describe("the plain judge, looking again and again at a limit of 1 %", () => {
  it.each([0.001, 0.005])("fails none of 300 canaries at a true rate of %d", (rate) => {
    expect(shareOf(releases(rate, { compareWith: "limit", weight: 1 }), failed)).toBe(0);
  });

  it("fails at most 1 % of canaries at 0.9 %", () => {
    expect(shareOf(releases(0.009, { compareWith: "limit", weight: 1 }), failed)).toBeLessThanOrEqual(0.01);
  });

  it.each([
    [0.03, 400, 1_000],
    [0.1, 100, 150],
    [1, 50, 50],
  ])("fails every canary at %d, half of them within %i and 95 %% within %i requests", (rate, half, most) => {
    const failures = releases(rate).map(({ failedAfter }) => failedAfter);
    expect(quantileOf(failures, 1)).toBeLessThan(Infinity);
    expect(quantileOf(failures, 0.5)).toBeLessThanOrEqual(half);
    expect(quantileOf(failures, 0.95)).toBeLessThanOrEqual(most);
  });

  it("passes a good canary within 100 requests and half of those at half the limit as soon", () => {
    const passes = (rate: number) => releases(rate).map(({ passedAfter }) => passedAfter);
    expect(quantileOf(passes(0), 1)).toBe(100);
    expect(quantileOf(passes(0.005), 0.5)).toBeLessThanOrEqual(150);
  });

  it("lets hardly any canary at 5 % pass a look before it fails", () => {
    expect(shareOf(releases(0.05), ({ passedAfter }) => passedAfter !== undefined)).toBeLessThanOrEqual(0.03);
  });

  it("blames the canary for few incidents that it shares with stable", () => {
    const incident = (look: number) => (look >= 12 && look < 24 ? 0.2 : 0.003);
    const shared = { canaryRate: incident, stableRate: incident, looks: 120 };
    expect(shareOf(releases(0, shared), failed)).toBeLessThanOrEqual(0.06);
  });
});
