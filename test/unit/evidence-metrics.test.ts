import { expect, test } from "vitest";
import { decide } from "../../src/domain/decide.ts";
import { createEvidenceMetrics } from "../../src/evidence-metrics.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";
import { counted, counts } from "../support/measurement.ts";
import { aRelease, inRelease, noon } from "../support/observation.ts";
import { samplesOf } from "../support/rendered-metrics.ts";

const key = { namespace: "shop", name: "product" };

function recorder() {
  const metrics = createMetrics();
  return { metrics, evidence: createEvidenceMetrics(metrics, () => noon + 7_000) };
}

test("what a release was judged by is shown as of the decision", async () => {
  const { metrics, evidence } = recorder();
  const measured = inRelease({}, { measurement: counted(counts(100, 2), counts(900, 3), { scrapes: 4 }) });
  evidence.show(key, decide(measured).status.release);
  const samples = await samplesOf(metrics);
  expect(samples).toMatchObject({
    "serin_release_requests canary": 100,
    "serin_release_requests stable": 900,
    "serin_release_failed_requests canary": 2,
    "serin_release_failed_requests stable": 3,
    serin_verdict_age_seconds: 7,
  });
  expect(samples["serin_release_wealth errors limit"]).toBeGreaterThan(0);
  expect(Object.keys(samples).filter((name) => name.startsWith("serin_release_verdict "))).toHaveLength(1);
});

test("bets of a team's own metric carry its name; one that is not bet on has no series", async () => {
  const { metrics, evidence } = recorder();
  const release = aRelease();
  const own = { name: "carts", limit: { cash: 0.5, mean: [2, 1.5] } };
  evidence.show(key, { ...release, analysis: { ...release.analysis!, evidence: { metrics: [own] } } });
  const wealth = Object.entries(await samplesOf(metrics)).filter(([name]) => name.startsWith("serin_release_wealth"));
  expect(wealth).toEqual([["serin_release_wealth carts limit", 4]]);
});

test.each([
  ["is decided", { ...aRelease(), decision: "Rollback" as const }],
  ["has ended", undefined],
])("nothing is shown of a release that %s", async (_, release) => {
  const { metrics, evidence } = recorder();
  evidence.show(key, decide(inRelease({}, { measurement: counted(counts(100), counts(900)) })).status.release);
  evidence.show(key, release);
  expect(await samplesOf(metrics)).toEqual({});
});

test("series go with their Rollout, and leave the others", async () => {
  const { metrics, evidence } = recorder();
  evidence.show(key, aRelease());
  evidence.show({ namespace: "shop", name: "cart" }, aRelease());
  evidence.forget(key);
  expect(await samplesOf(metrics)).toEqual({});
  expect(await samplesOf(metrics, "cart")).not.toEqual({});
});
