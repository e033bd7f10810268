import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RejectedError, TransientError } from "../../src/runtime/errors.ts";
import { VirtualWorld } from "./virtual-world.ts";

const isOver = (world: VirtualWorld) => (world.status.history?.length ?? 0) > 0 && world.status.release === undefined;

async function atRest(): Promise<VirtualWorld> {
  const world = new VirtualWorld();
  await world.run((w) => w.status.phase === "Ready" && w.workload.labelled && w.route.kind === "Rest");
  return world;
}

/** A die that falls the same way for the same seed. */
function die(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A third of all writes fail, half of those after they took effect; every tenth reconcile is a new operator. */
async function releaseUnderFaults(
  seed: number,
  errorRate: number,
  delay = () => 0,
  meanwhile: (world: VirtualWorld, roll: () => number) => void = () => undefined,
): Promise<VirtualWorld> {
  const world = await atRest();
  world.delay = delay;
  const roll = die(seed);
  world.fault = () => (roll() < 0.33 ? { error: new TransientError("no answer"), applied: roll() < 0.5 } : undefined);
  world.behaviours = { v2: { errorRate } };
  world.changeTemplate("v2");
  const ended = await world.run((w) => {
    if (roll() < 0.1) w.restart();
    meanwhile(w, roll);
    return isOver(w);
  }, 3_000);
  expect(ended).toBe(true);
  world.fault = () => undefined;
  await world.run(() => false, 30);
  return world;
}

describe("a release while a third of all writes fail and operators come and go", () => {
  test("ends as it would without, and nothing of it is left in routes and subsets", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const world = await releaseUnderFaults(seed, 0);
        expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted" });
        expect(world.weights).toEqual([0, 10, 50, 100]);
        expect(world.route.kind).toBe("Rest");
        expect(world.subsets).toEqual({ stable: undefined, canary: undefined });
        expect(world.workload).toMatchObject({ paused: false, maxSurge: '"25%"', promotedRevision: "v2" });
        expect(new Set(world.eventReasons()).has("Promoted")).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test("a bad revision never serves again after the decision, and stable ends with everything", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const world = await releaseUnderFaults(seed, 0.1);
        expect(world.status.history?.[0]).toMatchObject({ outcome: "RolledBack" });
        expect(world.weights).toEqual([0, 10, 0]);
        expect(world.route.kind).toBe("Rest");
        expect(world.replicaSets.map(({ name, replicas }) => [name, replicas])).toEqual([["product-v1", 4]]);
        expect(world.workload).toMatchObject({ paused: true, maxSurge: '"25%"' });
      }),
      { numRuns: 60 },
    );
  });

  test("proxies are never told of a subset together with its route, however long a write takes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.constantFrom(0, 0.1), async (seed, errorRate) => {
        const roll = die(seed);
        const world = await releaseUnderFaults(seed, errorRate, () => (roll() < 0.5 ? 0 : Math.round(roll() * 3_000)));
        expect(world.misorders).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test("a tool that takes the subsets away now and then costs time, and neither the release nor the order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        let left = 3;
        const world = await releaseUnderFaults(
          seed,
          0,
          () => 0,
          (w, roll) => {
            const { release } = w.status;
            const isSent = (release?.traffic?.weight ?? 0) > 0 && release?.decision === undefined;
            if (left === 0 || !isSent || roll() > 0.03) return;
            left -= 1;
            w.applyGit(roll() < 0.5);
          },
        );
        expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted" });
        expect(world.misorders).toEqual([]);
        expect(world.subsets).toEqual({ stable: undefined, canary: undefined });
      }),
      // The example: git's route stays for seconds, because no status can be stored, and none of the requests that end
      // meanwhile are the canary's.
      { numRuns: 100, examples: [[611_615_986]] },
    );
  });

  test("each event is delivered, and under one name", async () => {
    const world = await releaseUnderFaults(7, 0);
    const names = world.events.map(({ name, reason }) => `${reason} ${name}`);
    const reasons = [...new Set(names)].map((name) => name.split(" ")[0]);
    expect(reasons.filter((reason) => reason === "WeightChanged")).toHaveLength(3);
    expect(world.status.pendingEvents ?? []).toEqual([]);
  });
});

describe("a write that is always refused", () => {
  test.each(["createRoute", "scaleCanary", "routeTraffic"] as const)(
    "%s: is said once, and does not make the operator write without end",
    async (refused) => {
      const world = refused === "createRoute" ? new VirtualWorld() : await atRest();
      world.fault = (what) =>
        what === refused ? { error: new RejectedError("a policy refuses it"), applied: false } : undefined;
      world.changeTemplate("v2");
      await world.run((w) => w.status.message?.includes("a policy refuses it") === true, 120);
      const before = world.statusWrites;
      await world.run(() => false, 120);
      expect(world.statusWrites - before).toBeLessThan(5);
      expect(world.status.message).toContain("a policy refuses it");
      expect(world.status.pendingEvents ?? []).toEqual([]);
      world.fault = () => undefined;
      expect(await world.run(isOver)).toBe(true);
      expect(world.status.history?.[0]).toMatchObject({ outcome: "Promoted" });
    },
  );

  test.each([
    ["widenStable", 0],
    ["restoreRoute", 0],
    ["restoreSubsets", 0],
    ["restoreRoute", 0.1],
    ["restoreSubsets", 0.1],
  ] as const)("%s at the end of a release with error rate %d: the same", async (refused, errorRate) => {
    const world = await atRest();
    world.behaviours = { v2: { errorRate } };
    world.fault = (what) =>
      what === refused ? { error: new RejectedError("a policy refuses it"), applied: false } : undefined;
    world.changeTemplate("v2");
    expect(await world.run((w) => w.status.message?.includes("a policy refuses it") === true, 600)).toBe(true);
    await world.run(() => false, 60);
    const before = world.statusWrites;
    await world.run(() => false, 120);
    expect(world.statusWrites - before).toBeLessThan(5);
    expect(world.status.message).toContain("a policy refuses it");
    world.fault = () => undefined;
    expect(await world.run(isOver)).toBe(true);
    expect(world.status.history?.[0]).toMatchObject({ outcome: errorRate === 0 ? "Promoted" : "RolledBack" });
    expect(world.misorders).toEqual([]);
  });
});
