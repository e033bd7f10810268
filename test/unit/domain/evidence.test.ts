import { expect, test } from "vitest";
import type { Condition } from "../../../src/api/rollout-status.ts";
import { clusterSizeIn } from "../../../src/domain/analysis/clusters.ts";
import type { Measurement } from "../../../src/domain/observation.ts";
import { missingData, untilMoreEvidence, withMeasurement, withoutClaims } from "../../../src/domain/evidence.ts";
import { counted, counts } from "../../support/measurement.ts";
import { ago, inRelease, noon } from "../../support/observation.ts";

const measured = counted(counts(100, 60), counts(900), { scrapes: 4 });

test("withMeasurement() adds up the blocks since the watermark, bets on each, and moves the watermark", () => {
  const { rollout } = withMeasurement(inRelease({}, { measurement: measured }));
  expect(rollout.status.release?.analysis).toMatchObject({
    watermark: new Date(noon).toISOString(),
    step: { canary: { requests: 100, errors: 60 }, stable: { requests: 900 } },
    blocks: 4,
    release: { canary: { requests: 100, errors: 60 } },
    verdict: "Fail",
  });
  expect(Object.keys(rollout.status.release?.analysis?.evidence ?? {})).toEqual(["errors"]);
});

test("withMeasurement() from the same stored status counts the same: nothing twice", () => {
  const observation = inRelease({}, { measurement: measured });
  expect(withMeasurement(observation)).toEqual(withMeasurement(observation));
});

test("withMeasurement() leaves what belongs to no whole block yet for the next time", () => {
  const [first, second] = measured.ticks;
  const open = { ...measured, ticks: [first!, { ...second!, at: first!.at + 2_000 }] };
  const { rollout } = withMeasurement(inRelease({}, { measurement: open }));
  expect(rollout.status.release?.analysis).toMatchObject({
    watermark: new Date(first!.at).toISOString(),
    step: { canary: { requests: 25 } },
    blocks: 1,
  });
  const nothing = withMeasurement(inRelease({}, { measurement: { ...measured, ticks: [] } }));
  // The moment is Prometheus's from then on.
  expect(nothing.rollout.status.release?.analysis?.watermark).toBe(new Date(measured.since).toISOString());
});

test("withMeasurement() after a restart comes to the same wealth, from whichever status was stored", () => {
  const whole = withMeasurement(inRelease({}, { measurement: measured }));
  for (const stored of [1, 2, 3]) {
    const early = { ...measured, ticks: measured.ticks.slice(0, stored) };
    const { rollout } = withMeasurement(inRelease({}, { measurement: early }));
    const status = JSON.parse(JSON.stringify(rollout.status)) as typeof rollout.status;
    const since = Date.parse(status.release?.analysis?.watermark ?? "");
    const rest = { ...measured, since, ticks: measured.ticks.filter(({ at }) => at > since) };
    const again = withMeasurement({ ...whole, rollout: { ...rollout, status }, measurement: rest });
    expect(again.rollout.status.release?.analysis).toEqual(whole.rollout.status.release?.analysis);
  }
});

test("withMeasurement() knows no verdict, and so no moment of Prometheus's clock, before anything was counted", () => {
  const away = { kind: "Unavailable", message: "Prometheus does not answer." } as const;
  const { rollout } = withMeasurement(inRelease({}, { measurement: away }));
  expect(rollout.status.release?.analysis?.verdict).toBeUndefined();
});

test("withMeasurement() leaves an outage of Prometheus out of the time of a step and of a bake", () => {
  const observation = inRelease({ stepStartedAt: ago(700), bakingSince: ago(650) }, { measurement: measured });
  const { rollout } = observation;
  const release = rollout.status.release!;
  const after = (noDataSince: string | undefined, measurement: Measurement = measured) => {
    const status = { ...rollout.status, release: { ...release, analysis: { ...release.analysis!, noDataSince } } };
    return withMeasurement({ ...observation, measurement, rollout: { ...rollout, status } }).rollout.status.release;
  };
  expect(after(ago(600))).toMatchObject({ stepStartedAt: ago(100), bakingSince: ago(50) });
  // One that began before the step is left out as far as it reaches into it.
  expect(after(ago(680))).toMatchObject({ stepStartedAt: ago(20), bakingSince: ago(0) });
  expect(after(undefined)).toMatchObject({ stepStartedAt: ago(700), bakingSince: ago(650) });
  // While it lasts nothing is moved: its length is not known.
  const away = { kind: "Unavailable", message: "Prometheus does not answer." } as const;
  expect(after(ago(600), away)).toMatchObject({ stepStartedAt: ago(700), bakingSince: ago(650) });
});

test("withMeasurement() learns from stable's errors before the release how many come together", () => {
  const before = counted(counts(0), counts(0), { scrapes: 100 }).ticks.map((tick, index) => ({
    ...tick,
    at: tick.at - 60_000,
    stable: counts(500, index % 10 === 0 ? 50 : 0),
  }));
  const { rollout } = withMeasurement(inRelease({}, { measurement: { ...measured, before } }));
  const { clusterSize } = rollout.status.release?.analysis ?? {};
  expect(clusterSize).toBeGreaterThan(40);
  const again = withMeasurement({ ...inRelease({}, { measurement: measured }), rollout });
  expect(again.rollout.status.release?.analysis?.clusterSize).toBe(clusterSize);
});

test("withMeasurement() notes since when data are missing, and forgets it when they are back", () => {
  const away = { kind: "Unavailable", message: "Prometheus does not answer." } as const;
  const first = withMeasurement(inRelease({}, { measurement: away }));
  expect(first.rollout.status.release?.analysis?.noDataSince).toBe(new Date(noon).toISOString());
  const later = withMeasurement({ ...first, now: noon + 5_000 });
  expect(missingData(later)).toEqual({
    since: noon,
    message: "Prometheus does not answer.",
    reason: "MetricsUnavailable",
  });
  const back = withMeasurement({ ...first, measurement: measured });
  expect(back.rollout.status.release?.analysis?.noDataSince).toBeUndefined();
  expect(missingData(back)).toBeUndefined();
});

test("more evidence comes with the next sample, or soon where samples come all the time", () => {
  const { spec } = inRelease().rollout;
  if (spec === undefined) throw new Error("no spec");
  const none = counted(counts(0), counts(0));
  const wait = (due: number) => untilMoreEvidence(spec, { ...none, due: none.until + due });
  expect([wait(3_000), wait(10)]).toEqual([3_000, 400]);
  expect(untilMoreEvidence(spec, none)).toBeUndefined();
  expect(untilMoreEvidence(spec, { kind: "NoData", message: "nothing" })).toBeUndefined();
});

test("boundaries that were chosen for a release stay with it", () => {
  const observation = inRelease({}, { measurement: { ...measured, boundaries: [250, 100, 500] } });
  const analysis = withMeasurement(observation).rollout.status.release?.analysis;
  expect(analysis?.boundaries).toEqual([250, 100, 500]);
  const later = withMeasurement({ ...withMeasurement(observation), measurement: measured });
  expect(later.rollout.status.release?.analysis?.boundaries).toEqual([250, 100, 500]);
});

test("the canary's share of the requests counts only where the routes were steady for two blocks before", () => {
  const shifted = { type: "TrafficShifted", status: "True", reason: "Progressing", message: "", ...moment } as const;
  const silenceAfter = (steady: number | undefined, conditions: Condition[] = [shifted]) => {
    const seenAt = { route: noon - 60_000, subsets: noon - 60_000, steady };
    const observation = inRelease({}, { measurement: counted(counts(0), counts(900), { scrapes: 4 }), seenAt });
    const status = { ...observation.rollout.status, conditions };
    const seen = withMeasurement({ ...observation, rollout: { ...observation.rollout, status } });
    return seen.rollout.status.release?.analysis?.hanging?.ended.stable;
  };
  const since = measured.ticks[0]!.at - 10_000;
  expect([silenceAfter(undefined), silenceAfter(noon), silenceAfter(since - 60_000)]).toEqual([0, 0, 900]);
  // A step that began without its traffic having been seen shows nothing either.
  expect(silenceAfter(since - 60_000, [{ ...shifted, status: "Unknown" }])).toBe(0);
});

const moment = { observedGeneration: 7, lastTransitionTime: new Date(noon).toISOString() };

test("withMeasurement() learns nothing of stable's errors from a time before the release in which nothing was scraped", () => {
  const { rollout } = withMeasurement(inRelease({}, { measurement: { ...measured, before: [] } }));
  expect(rollout.status.release?.analysis).toMatchObject({ blocks: 4 });
  expect(rollout.status.release?.analysis?.clusterSize).toBe(clusterSizeIn([]));
});

test("withoutClaims() forgets what spoke against the limits, and keeps whether the canary is worse than stable", () => {
  const wealth = { cash: 5, mean: [] };
  const own = { name: "checkout", limit: wealth, stable: wealth };
  const all = { limit: wealth, stable: wealth, neighbours: [wealth] };
  const analysis = inRelease().rollout.status.release!.analysis!;
  const kept = withoutClaims({ ...analysis, evidence: { errors: all, latency: all, metrics: [own] } }).evidence;
  expect(kept).toEqual({
    errors: { stable: wealth, neighbours: [wealth] },
    latency: { stable: wealth, neighbours: [wealth] },
    metrics: [{ name: "checkout", stable: wealth }],
  });
  expect(withoutClaims({ ...analysis, evidence: undefined }).evidence).toEqual({});
  expect(withoutClaims({ ...analysis, evidence: { errors: { stable: wealth } } }).evidence).toEqual({
    errors: { stable: wealth },
  });
});
