import { describe, expect, test } from "vitest";
import { VirtualWorld } from "./virtual-world.ts";

/** A Rollout at rest with its first revision known. */
async function atRest(spec: Record<string, unknown> = {}): Promise<VirtualWorld> {
  const world = new VirtualWorld(spec);
  expect(await world.run((w) => w.status.phase === "Ready" && w.workload.labelled && w.route.kind === "Rest")).toBe(
    true,
  );
  return world;
}

const isOver = (world: VirtualWorld) => (world.status.history?.length ?? 0) > 0 && world.status.release === undefined;

describe("a release in virtual time", () => {
  test("promotes a good revision through 10, 50 and 100 without a restart", async () => {
    const world = await atRest();
    world.changeTemplate("v2");
    expect(await world.run(isOver)).toBe(true);
    expect(world.weights).toEqual([0, 10, 50, 100]);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted", highestWeight: 100 });
    expect(world.status.stable).toMatchObject({ revision: "v2", workload: "product-a" });
    expect(world.workload).toMatchObject({ paused: false, maxSurge: '"25%"' });
    expect(world.route.kind).toBe("Rest");
    expect(world.subsets).toEqual({ stable: undefined, canary: undefined });
    expect(world.eventReasons()).toEqual([
      "FirstRevision",
      "ReleaseStarted",
      "Forecast",
      "CanaryReady",
      "WeightChanged",
      "TrafficShifted",
      "StepPassed",
      "CanaryReady",
      "WeightChanged",
      "TrafficShifted",
      "StepPassed",
      "CanaryReady",
      "WeightChanged",
      "TrafficShifted",
      "StepPassed",
      "Baking",
      "Adopting",
      "Promoted",
    ]);
  });

  test("rolls a bad revision back at 10 and does not try it again until asked", async () => {
    const world = await atRest();
    world.behaviours = { v2: { errorRate: 0.1 } };
    world.changeTemplate("v2");
    expect(await world.run(isOver)).toBe(true);
    expect(world.weights).toEqual([0, 10, 0]);
    expect(world.status.history?.[0]).toMatchObject({
      outcome: "RolledBack",
      reason: "ErrorRateTooHigh",
      highestWeight: 10,
    });
    await world.run(() => false, 20);
    expect(world.status).toMatchObject({ phase: "RolledBack", releases: 1 });
    expect(world.workload.paused).toBe(true);
    expect(world.replicaSets.map((replicaSet) => replicaSet.name)).toEqual(["product-v1"]);
    world.requests = { retry: "2026-01-01T01:00:00Z" };
    expect(await world.run((w) => w.status.releases === 2, 20)).toBe(true);
  });

  test("rolls a slow revision back as LatencyTooHigh", async () => {
    const world = await atRest({ analysis: { latency: { max: "500ms" } } });
    world.behaviours = { v2: { slowRate: 0.2 } };
    world.changeTemplate("v2");
    expect(await world.run(isOver)).toBe(true);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "RolledBack", reason: "LatencyTooHigh" });
  });

  test("holds while metrics are away and goes on when they are back", async () => {
    const world = await atRest();
    world.changeTemplate("v2");
    await world.run((w) => w.status.weight === 10);
    world.metricsAreUp = false;
    expect(await world.run((w) => w.status.conditions?.[0]?.reason === "MetricsUnavailable", 30)).toBe(true);
    await world.run(() => false, 120);
    expect(world.weights.at(-1)).toBe(10);
    world.metricsAreUp = true;
    expect(await world.run(isOver)).toBe(true);
    expect(world.status.history?.[0]?.outcome).toBe("Promoted");
    expect(world.eventReasons()).toContain("MetricsAvailable");
  });

  test("does not begin while metrics are away: callers that it would not split could not be found", async () => {
    const world = await atRest();
    world.metricsAreUp = false;
    world.changeTemplate("v2");
    expect(await world.run((w) => w.status.conditions?.[0]?.reason === "MetricsUnavailable", 30)).toBe(true);
    await world.run(() => false, 120);
    expect(world.replicaSets).toHaveLength(1);
    world.metricsAreUp = true;
    expect(await world.run(isOver)).toBe(true);
    expect(world.status.history?.[0]?.outcome).toBe("Promoted");
  });

  test("does not begin while many callers have no proxy, until they are few or a person begins it", async () => {
    const world = await atRest();
    world.withoutProxy = 100;
    world.changeTemplate("v2");
    expect(await world.run((w) => w.status.conditions?.[0]?.reason === "UnsplitRoute", 30)).toBe(true);
    await world.run(() => false, 120);
    expect(world.replicaSets).toHaveLength(1);
    world.requests = { promote: "2026-01-01T02:00:00Z" };
    await world.run((w) => w.status.weight === 10);
    // Beginning was asked for, and no step was passed by it.
    await world.run(() => false, 3);
    expect(world.status.release?.stepIndex).toBe(0);
    expect(await world.run(isOver)).toBe(true);
    expect(world.status.history?.[0]?.outcome).toBe("Promoted");
  });

  test("aborts at once, even without metrics", async () => {
    const world = await atRest();
    world.changeTemplate("v2");
    await world.run((w) => w.status.weight === 50);
    world.metricsAreUp = false;
    world.requests = { abort: "2026-01-01T02:00:00Z" };
    await world.reconcileOnce();
    expect(world.route.weight).toBe(0);
    expect(await world.run(isOver)).toBe(true);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "RolledBack", reason: "Aborted" });
  });

  test("waits in a pause step until somebody promotes", async () => {
    const world = await atRest({ steps: [{ weight: 10 }, { pause: {} }, { weight: 100 }] });
    world.changeTemplate("v2");
    expect(await world.run((w) => w.status.phase === "Paused")).toBe(true);
    await world.run(() => false, 120);
    expect(world.status.phase).toBe("Paused");
    world.requests = { promote: "2026-01-01T02:00:00Z" };
    expect(await world.run(isOver)).toBe(true);
    expect(world.weights).toEqual([0, 10, 100]);
  });

  test("stays where it is while a person has paused it, and goes on when resumed", async () => {
    const world = await atRest();
    world.changeTemplate("v2");
    await world.run((w) => w.status.weight === 10);
    world.requests = { pause: "2026-01-01T02:00:00Z" };
    await world.run(() => false, 120);
    expect(world.weights.at(-1)).toBe(10);
    expect(world.status.phase).toBe("Paused");
    world.requests = {};
    expect(await world.run(isOver)).toBe(true);
    expect(world.eventReasons()).toEqual(expect.arrayContaining(["Paused", "Resumed", "Promoted"]));
  });

  test("starts over when a newer template arrives, and ends at rest when the stable one comes back", async () => {
    const world = await atRest();
    world.changeTemplate("v2");
    await world.run((w) => w.status.weight === 50);
    world.changeTemplate("v3");
    expect(await world.run((w) => w.status.stable?.revision === "v3")).toBe(true);
    expect(world.status.history?.map((entry) => entry.reason)).toEqual([undefined, "Superseded"]);
    expect(world.status.rejected).toEqual([]);
    world.changeTemplate("v4");
    await world.run((w) => w.status.weight === 10);
    world.changeTemplate("v3");
    expect(await world.run((w) => w.status.phase === "Ready" && !w.workload.paused)).toBe(true);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "RolledBack", reason: "Reverted" });
  });

  test("says after three releases in a row that none of them could end", async () => {
    const world = await atRest();
    for (const revision of ["v2", "v3", "v4", "v5"]) {
      world.changeTemplate(revision);
      await world.run((w) => w.status.canary?.revision === revision && w.status.weight === 10);
    }
    expect(world.eventReasons().filter((reason) => reason === "SupersededRepeatedly")).toHaveLength(1);
  });

  test.each([10, 50, 100])(
    "ends first when a newer template arrives at %i, where that is asked for",
    async (weight) => {
      const world = await atRest({ onNewRevision: "finish" });
      world.changeTemplate("v2");
      await world.run((w) => w.status.weight === weight);
      world.changeTemplate("v3");
      expect(await world.run((w) => w.status.stable?.revision === "v3", 1_200)).toBe(true);
      expect(world.status.history?.map(({ outcome, revision }) => [outcome, revision])).toEqual([
        ["Promoted", "v3"],
        ["Promoted", "v2"],
      ]);
      expect(world.workload).toMatchObject({ paused: false, maxSurge: '"25%"' });
    },
  );

  test.each([
    [{ crashes: true }, "CanaryCrashed"],
    [{ neverReady: true }, "ProgressDeadlineExceeded"],
  ])("gives up a canary that %j: %s", async (behaviour, reason) => {
    const world = await atRest({ progressDeadline: "1m" });
    world.behaviours = { v2: behaviour };
    world.changeTemplate("v2");
    expect(await world.run(isOver)).toBe(true);
    expect(world.status.history?.[0]?.reason).toBe(reason);
  });

  test("refuses to start while callers would meet canary pods by pod share", async () => {
    const world = await atRest();
    world.unsplit = ["VirtualService shop/other routes to product without a subset"];
    world.changeTemplate("v2");
    await world.run(() => false, 30);
    expect(world.status.conditions?.find((condition) => condition.type === "Stalled")?.reason).toBe("UnsplitRoute");
    expect(world.replicaSets).toHaveLength(1);
  });

  test.each([10, 50, 100])("deleted at weight %i, leaves a working Deployment and no route", async (weight) => {
    const world = await atRest();
    world.changeTemplate("v2");
    await world.run((w) => w.status.weight === weight);
    world.isDeleting = true;
    expect(await world.run((w) => w.isGone)).toBe(true);
    expect(world.workload).toMatchObject({ paused: false, labelled: false, revision: "v1" });
    expect(world.replicaSets.map((replicaSet) => [replicaSet.name, replicaSet.replicas])).toEqual([["product-v1", 4]]);
    expect(world.route.kind).toBe("Absent");
    expect(world.subsets).toBeUndefined();
  });

  test("says that there were too few requests when it goes on without evidence", async () => {
    const world = await atRest({ analysis: { maxStepDuration: "1m", minStepDuration: "15s" } });
    world.requestsPerSecond = 0.5;
    world.changeTemplate("v2");
    expect(await world.run(isOver, 2_000)).toBe(true);
    expect(world.eventReasons().at(-1)).toBe("PromotedWithoutEvidence");
  });
});
