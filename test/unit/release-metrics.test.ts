import { describe, expect, test } from "vitest";
import { decide } from "../../src/domain/decide.ts";
import { createReleaseMetrics } from "../../src/release-metrics.ts";
import { createMetrics } from "../../src/runtime/metrics.ts";
import type { RolloutStatus } from "../../src/api/rollout-status.ts";
import { aRelease, aRollout, anObservation } from "../support/observation.ts";

const decision = decide(anObservation());
const ended = (number: number, outcome: "Promoted" | "RolledBack") => ({
  history: [
    {
      number,
      outcome,
      revision: "two",
      image: "product:v2",
      startedAt: "t",
      endedAt: "t",
      highestWeight: 100,
      requests: 0,
      failedRequests: 0,
    },
  ],
});

function recorder() {
  const metrics = createMetrics();
  const releaseMetrics = createReleaseMetrics(metrics);
  const record = (status: Partial<RolloutStatus>, name = "product") =>
    releaseMetrics.record(aRollout({ key: { namespace: "shop", name }, status }), decision);
  const forget = (name: string) => releaseMetrics.forget({ namespace: "shop", name });
  /** Every sample of the Rollout, by the metric's name. */
  const samples = async (name = "product") => {
    const lines = (await metrics.render()).split("\n").filter((line) => line.includes(`rollout="${name}"`));
    return Object.fromEntries(
      lines.map((line) => {
        const outcome = /outcome="(\w+)"/.exec(line)?.[1];
        const metric = line.slice(0, line.indexOf("{"));
        return [outcome === undefined ? metric : `${metric} ${outcome}`, Number(line.split(" ").at(-1))];
      }),
    );
  };
  return { record, forget, samples, render: () => metrics.render() };
}

describe("release metrics", () => {
  test("show weight, whether a release is under way and whether a person is needed", async () => {
    const { record, samples } = recorder();
    record({ release: aRelease() });
    expect(await samples()).toMatchObject({
      serin_release_weight_percent: 10,
      serin_release_under_way: 1,
      serin_rollout_stalled: 0,
    });
    record({
      release: undefined,
      conditions: [
        {
          type: "Stalled",
          status: "True",
          reason: "RolledBack",
          message: "",
          observedGeneration: 1,
          lastTransitionTime: "t",
        },
      ],
    });
    expect(await samples()).toMatchObject({
      serin_release_weight_percent: 0,
      serin_release_under_way: 0,
      serin_rollout_stalled: 1,
    });
  });

  test("count each release that ends while the process watches, once, from zero", async () => {
    const { record, samples } = recorder();
    record({});
    expect(await samples()).toMatchObject({
      "serin_releases_total Promoted": 0,
      "serin_releases_total RolledBack": 0,
    });
    record(ended(1, "Promoted"));
    record(ended(1, "Promoted"));
    record(ended(2, "RolledBack"));
    expect(await samples()).toMatchObject({
      "serin_releases_total Promoted": 1,
      "serin_releases_total RolledBack": 1,
    });
  });

  test("do not count what ended before the process began", async () => {
    const { record, samples } = recorder();
    record(ended(7, "Promoted"));
    expect(await samples()).toMatchObject({ "serin_releases_total Promoted": 0 });
    record(ended(8, "Promoted"));
    expect(await samples()).toMatchObject({ "serin_releases_total Promoted": 1 });
  });

  test("count decisions by rule", async () => {
    const { record, render } = recorder();
    record({});
    record({}, "cart");
    expect(await render()).toContain(`serin_decisions_total{rule="${decision.rule}"} 2`);
  });

  test("go with their Rollout, and leave the others", async () => {
    const { record, forget, samples } = recorder();
    record(ended(1, "Promoted"));
    record({}, "cart");
    forget("product");
    expect(await samples()).toEqual({});
    expect(Object.keys(await samples("cart"))).toHaveLength(5);
    record(ended(2, "Promoted"));
    expect(await samples()).toMatchObject({ "serin_releases_total Promoted": 0 });
  });
});
