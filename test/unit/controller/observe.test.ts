import { describe, expect, test } from "vitest";
import { observe } from "../../../src/controller/observe.ts";
import { isProblem } from "../../../src/domain/observation.ts";
import type { TrafficQuery } from "../../../src/ports/metric-provider.ts";
import type { VirtualWorld } from "../../simulation/virtual-world.ts";
import { recordedPorts, worldAtRest, worldInRelease, type Replacements } from "../../support/recorded-ports.ts";

const signal = new AbortController().signal;

async function look(world: VirtualWorld, replacements: Replacements = {}) {
  const { deps, calls } = recordedPorts(world, replacements);
  return { observation: await observe(world.rollout(), deps, signal), calls };
}

/** The world as `metrics.measure` was asked about it. */
async function queryOf(world: VirtualWorld): Promise<TrafficQuery | undefined> {
  let asked: TrafficQuery | undefined;
  await look(world, {
    metrics: {
      measure: (query) => {
        asked = query;
        return Promise.resolve({ kind: "NoData", message: "" });
      },
    },
  });
  return asked;
}

describe("observe()", () => {
  test("reads the world and writes nothing; at rest it measures nothing", async () => {
    const world = await worldAtRest();
    const before = structuredClone([world.status, world.workload, world.replicaSets, world.route]);
    const { observation, calls } = await look(world);
    expect(calls).toEqual([]);
    expect(observation).toMatchObject({ now: world.now, rollout: { key: world.key }, measurement: undefined });
    expect(isProblem(observation.workload) || isProblem(observation.traffic)).toBe(false);
    expect([world.status, world.workload, world.replicaSets, world.route]).toEqual(before);
  });

  test("asks for the rehearsal and the original only while a release has not touched traffic", async () => {
    const world = await worldAtRest();
    world.changeTemplate("v2");
    await world.run(({ status }) => status.release !== undefined);
    const begun = await look(world);
    expect(begun.calls).toContain("rehearse");
    expect(begun.observation.original).toBe("{}");
    await world.run(({ status }) => status.release?.traffic !== undefined);
    const later = await look(world);
    expect(later.calls).not.toContain("rehearse");
    expect(later.observation.original).toBeUndefined();
  });

  test("asks who calls the stable pods once, before a release starts pods, and not where nobody cares", async () => {
    const begun = async (spec: Record<string, unknown> = {}) => {
      const world = await worldAtRest(spec);
      world.changeTemplate("v2");
      await world.run(({ status }) => status.release !== undefined);
      return world;
    };
    const world = await begun();
    const asked = await look(world);
    expect(asked.calls).toContain("arrivals");
    expect(asked.observation.arrivals).toMatchObject({ kind: "Counts", withoutProxy: 0 });
    expect(asked.observation.usual).toMatchObject({ requests: 60_000, lost: 0 });
    const refused = { rehearse: () => Promise.resolve({ problem: "TrafficConfigRejected", message: "no" } as const) };
    expect((await look(world, { router: refused })).calls).not.toContain("arrivals");
    await world.run(({ status }) => status.release?.traffic !== undefined);
    expect((await look(world)).calls).not.toContain("arrivals");
    const accepting = await begun({ traffic: { istio: {}, unsplit: "accept" } });
    const { calls } = await look(accepting);
    expect(calls).not.toContain("arrivals");
    expect(calls).toContain("usual");
  });

  test("measures from the watermark, by the release's workloads, with weights given time to arrive", async () => {
    const world = await worldInRelease(10, { service: { name: "shop-front" } });
    const { analysis, traffic } = world.status.release!;
    expect(await queryOf(world)).toEqual({
      namespace: "shop",
      service: "shop-front",
      reporter: "source",
      stable: "product",
      canary: world.status.canary?.workload,
      slowerThan: undefined,
      since: Date.parse(analysis!.watermark),
      sinceClock: analysis!.verdict === undefined ? "operator" : "store",
      lookBack: undefined,
      beyond: undefined,
      usualQuantile: undefined,
      shiftedAt: Date.parse(traffic!.routeChangedAt) + 2_000,
      ratios: [],
      checks: [],
      maxAge: undefined,
    });
  });

  test("looks where traffic goes only while that decides something", async () => {
    const world = await worldInRelease(10, { bake: "5m" });
    await world.run(({ status }) => status.release?.stepStartedAt !== undefined);
    expect((await queryOf(world))?.shiftedAt).toBeUndefined();
    await world.run(({ status }) => status.release?.bakingSince !== undefined);
    expect((await queryOf(world))?.shiftedAt).toBeDefined();
  });

  test("has boundaries of stable's usual latency chosen at first, where only stable is compared with, and keeps to them", async () => {
    const world = await worldInRelease(10, { analysis: { compareWith: "stable", latency: { max: "1s" } } });
    const release = world.status.release!;
    const knowing = (analysis: object) => {
      world.status = { ...world.status, release: { ...release, analysis: { ...release.analysis!, ...analysis } } };
      return queryOf(world);
    };
    expect(await knowing({ verdict: undefined })).toMatchObject({ usualQuantile: 0.99, beyond: undefined });
    expect(await knowing({ verdict: "Undecided", boundaries: [250, 100, 500] })).toMatchObject({
      usualQuantile: undefined,
      beyond: [250, 100, 500],
    });
  });

  test("asks for the team's own metrics, for values only when they are due", async () => {
    const metrics = [
      { name: "failed", ratio: { bad: 'bad{pod=~"$(pods)"}', total: "all", max: "1%" } },
      { name: "p50", value: { query: "p50", max: 1, interval: "30s", failureLimit: 3 } },
    ];
    const world = await worldInRelease(10, { analysis: { metrics } });
    const release = world.status.release!;
    const { replicaSet = "" } = world.status.canary ?? {};
    const checkedAt = (at: number) => {
      const checks = [{ name: "p50", at: new Date(at).toISOString(), found: "Within" as const, failures: 0 }];
      world.status = { ...world.status, release: { ...release, analysis: { ...release.analysis!, checks } } };
      return queryOf(world);
    };
    expect(await checkedAt(world.now - 29_000)).toMatchObject({
      ratios: [{ name: "failed", canary: { bad: `bad{pod=~"${replicaSet}-.*"}`, total: "all" } }],
      checks: [],
    });
    expect(await checkedAt(world.now - 30_000)).toMatchObject({ checks: [{ name: "p50", query: "p50" }] });
  });

  test("looks back at the first measurement of a release that is to be judged fast, and at no other", async () => {
    const world = await worldInRelease(10, { analysis: { sensitivity: "fast", minStepDuration: "15s" } });
    const release = world.status.release!;
    const withVerdict = (verdict: "Undecided" | undefined) => {
      world.status = { ...world.status, release: { ...release, analysis: { ...release.analysis!, verdict } } };
      return queryOf(world);
    };
    expect(await withVerdict(undefined)).toMatchObject({ sinceClock: "operator", lookBack: 600_000 });
    expect(await withVerdict("Undecided")).toMatchObject({ sinceClock: "store", lookBack: undefined });
  });

  test("asks for slow requests where latency is limited, of the reporter that the spec names", async () => {
    const analysis = { latency: { max: "250ms" }, reporter: "destination", minStepDuration: "15s" };
    expect(await queryOf(await worldInRelease(10, { analysis }))).toMatchObject({
      slowerThan: 250,
      reporter: "destination",
    });
  });

  test("waits for no metrics when there is a reason to go back that needs none", async () => {
    const world = await worldInRelease();
    world.requests = { abort: "2026-01-01T00:10:00Z" };
    const { observation, calls } = await look(world);
    expect(calls).toEqual([]);
    expect(observation.measurement).toBeUndefined();
  });

  test("goes on measuring while a promotion is carried out, and ends with the release", async () => {
    const world = await worldInRelease();
    expect(await world.run(({ status }) => status.release?.decision === "Promote")).toBe(true);
    expect(await queryOf(world)).toBeDefined();
    expect(await world.run(({ status }) => status.release === undefined)).toBe(true);
    expect(await queryOf(world)).toBeUndefined();
  });

  test("takes the time after it has measured", async () => {
    const world = await worldInRelease();
    const before = world.now;
    const { observation } = await look(world, {
      metrics: {
        measure: () => {
          world.now += 3_000;
          return Promise.resolve({ kind: "Unavailable", message: "slow" });
        },
      },
    });
    expect(observation.now).toBe(before + 3_000);
  });
});
