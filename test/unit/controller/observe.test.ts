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
      shiftedAt: Date.parse(traffic!.routeChangedAt) + 2_000,
    });
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
