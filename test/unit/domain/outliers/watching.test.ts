import { describe, expect, test } from "vitest";
import type { Observation } from "../../../../src/domain/observation.ts";
import {
  ejectedBy,
  othersFail,
  podsSince,
  waitsForEjection,
  wantsPods,
} from "../../../../src/domain/outliers/watching.ts";
import { counted, counts } from "../../../support/measurement.ts";
import { noon } from "../../../support/observation.ts";
import { aPod, aReport, comparedWithStable, oneBadPod, tunedFor, withOutlierSpec } from "../../../support/pods.ts";

describe("wantsPods", () => {
  const counting = (changes: Partial<Observation>) => wantsPods(oneBadPod({}, { pods: undefined, ...changes }));

  test("where bets against the canary have won anything, with three errors", () => {
    expect(counting({})).toBe(true);
    expect(counting({ measurement: counted(counts(1_000), counts(1_000), { scrapes: 8 }) })).toBe(false);
    expect(counting({ measurement: counted(counts(10, 2), counts(10)) })).toBe(false);
    expect(counting({ measurement: counted(counts(10, 3), counts(10)) })).toBe(true);
    expect(counting({ measurement: counted(counts(4_000, 4), counts(4_000), { scrapes: 8 }) })).toBe(false);
  });

  test("where only stable is compared with, by the bets against it", () => {
    expect(wantsPods(comparedWithStable())).toBe(true);
  });

  test("where more of stable's requests failed than may", () => {
    expect(counting({ measurement: counted(counts(1_000), counts(1_000, 11), { scrapes: 8 }) })).toBe(true);
    expect(counting({ measurement: counted(counts(1_000), counts(1_000, 10), { scrapes: 8 }) })).toBe(false);
    expect(counting({ measurement: counted(counts(100), counts(100, 2)) })).toBe(false);
  });

  test("not without weight, counts, spec or a release that is open, and not with tuning Off", () => {
    const { traffic } = oneBadPod().rollout.status.release!;
    const none = { pods: undefined };
    expect(wantsPods(oneBadPod({ traffic: { ...traffic!, weight: 0 } }, none))).toBe(false);
    expect(wantsPods(oneBadPod({ decision: "Promote" }, none))).toBe(false);
    expect(wantsPods(oneBadPod({ analysis: undefined }, none))).toBe(false);
    expect(wantsPods(withOutlierSpec({ tuning: "Off" }))).toBe(false);
    expect(counting({ measurement: { kind: "NoData", message: "" } })).toBe(false);
    const { rollout } = oneBadPod();
    expect(counting({ rollout: { ...rollout, spec: undefined } })).toBe(false);
  });

  test("as long as pods are being ejected, whatever was counted", () => {
    const quiet = oneBadPod({}, { measurement: counted(counts(0)) });
    expect(wantsPods(tunedFor({}, quiet))).toBe(true);
    expect(wantsPods(tunedFor({ ejectedBy: new Date(noon).toISOString() }, quiet))).toBe(false);
  });
});

describe("waitsForEjection", () => {
  test("until proxies have had their time, for the canary's pods alone", () => {
    expect(waitsForEjection(oneBadPod())).toBe(false);
    expect(waitsForEjection(tunedFor())).toBe(true);
    expect(waitsForEjection({ ...tunedFor(), now: noon + 5_000 })).toBe(false);
    expect(waitsForEjection(tunedFor({ ejectedBy: undefined }))).toBe(false);
  });
});

describe("othersFail", () => {
  const others = (errors: number) =>
    tunedFor(
      {},
      oneBadPod(
        {},
        { pods: aReport({ pods: [aPod("canary", "product-a-1", 25, 25), aPod("canary", "b", 25, errors)] }) },
      ),
    );

  test("says so where the canary's other pods are over the limit by the evidence of a rollback", () => {
    expect(othersFail(others(5))).toBe(
      "50 of 250 requests to the canary's other pods failed as well (limit 1%) while product-a-1 were being ejected",
    );
    expect(othersFail(others(0))).toBeUndefined();
    // Ten of 1,000 are what the limit allows.
    const within = aReport({ pods: [aPod("canary", "product-a-1", 25, 25), aPod("canary", "b", 100, 1)] });
    expect(othersFail({ ...others(5), pods: within })).toBeUndefined();
    expect(othersFail({ ...others(5), pods: undefined })).toBeUndefined();
    expect(othersFail(oneBadPod())).toBeUndefined();
    const few = aReport({ pods: [{ ...aPod("canary", "b", 0), ticks: [{ at: noon, requests: 2, errors: 2 }] }] });
    expect(othersFail({ ...others(5), pods: few })).toBeUndefined();
    const { rollout } = others(5);
    expect(othersFail({ ...others(5), rollout: { ...rollout, spec: undefined } })).toBeUndefined();
  });
});

describe("ejectedBy", () => {
  test("is twice as long as expected after proxies have the settings, half a minute at most", () => {
    const settings = { consecutive5xxErrors: 2, baseEjectionTime: "1h", maxEjectionPercent: 25 };
    const after = (ejectedAfter: number) => ejectedBy(oneBadPod(), { settings, ejectedAfter, falsePerDay: 0 }) - noon;
    expect([after(1_000), after(14_000), after(40_000)]).toEqual([4_000, 30_000, 32_000]);
  });
});

describe("podsSince", () => {
  test("is the last change of weights, the tuning while pods are being ejected, two minutes at most", () => {
    const { traffic } = oneBadPod().rollout.status.release!;
    const moved = (ago: number) =>
      oneBadPod({ traffic: { ...traffic!, routeChangedAt: new Date(noon - ago).toISOString() } });
    expect(podsSince(moved(30_000))).toBe(noon - 30_000);
    expect(podsSince(moved(600_000))).toBe(noon - 120_000);
    expect(podsSince(tunedFor({}, moved(30_000)))).toBe(noon - 1_000);
    expect(podsSince({ ...tunedFor({}, moved(30_000)), now: noon + 5_000 })).toBe(noon - 30_000);
    expect(podsSince(oneBadPod({ traffic: undefined }))).toBe(noon - 120_000);
  });
});
