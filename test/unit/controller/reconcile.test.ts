import { describe, expect, test } from "vitest";
import { observe } from "../../../src/controller/observe.ts";
import { reconcile } from "../../../src/controller/reconcile.ts";
import { decide } from "../../../src/domain/decide.ts";
import { ConflictError, RejectedError } from "../../../src/runtime/errors.ts";
import { VirtualWorld } from "../../simulation/virtual-world.ts";
import { recordedPorts, worldAtRest, worldInRelease, type Replacements } from "../../support/recorded-ports.ts";

const { signal } = new AbortController();
const conflict = new ConflictError("somebody changed the Rollout");
const refuse = () => Promise.reject(conflict);

function ports(world: VirtualWorld, replacements: Replacements = {}) {
  const recorded = recordedPorts(world, replacements);
  return { ...recorded, run: () => reconcile(world.key, recorded.deps, signal) };
}

/** In the middle of a release that a person wants to end, with the traffic still on the canary. */
async function aborting(): Promise<VirtualWorld> {
  const world = await worldInRelease(50);
  world.requests = { abort: "2026-01-01T00:10:00Z" };
  return world;
}

describe("reconcile()", () => {
  test("writes the status before it acts", async () => {
    const world = await worldAtRest();
    world.changeTemplate("v2");
    await world.run(({ status }) => status.canary !== undefined);
    let acted: string[] = [];
    while (acted.length === 0) {
      const { run, calls } = ports(world);
      await run();
      world.tick(1_000);
      acted = calls.filter((call) => !/^(writeStatus|announce|record|arrivals|usual|pods|measure|rehearse)/.test(call));
      if (acted.length > 0) expect(calls.indexOf("writeStatus")).toBeLessThan(calls.indexOf(acted[0]!));
    }
  });

  test("does nothing of the plan when the status could not be written, at any moment of a release", async () => {
    const world = await worldAtRest();
    world.changeTemplate("v2");
    const refusedPlans = new Set<string>();
    for (let second = 0; second < 300 && world.status.history === undefined; second += 1) {
      const { run, deps, calls } = ports(world, { cluster: { writeStatus: refuse } });
      const { plan } = decide(await observe(world.rollout(), deps, signal));
      const before = structuredClone([world.status, world.workload, world.route, world.subsets, world.replicaSets]);
      const outcome = await run().catch((error: unknown) => error);
      if (calls.includes("writeStatus")) {
        expect(outcome).toBe(conflict);
        expect([world.status, world.workload, world.route, world.subsets, world.replicaSets]).toEqual(before);
        for (const { kind } of plan) refusedPlans.add(kind);
      }
      await ports(world).run();
      world.tick(1_000);
    }
    // Promoted in the end all the same, and these are what was not done before its status was stored.
    expect(world.status.history?.[0]?.outcome).toBe("Promoted");
    const kinds = ["narrowSubsets", "createCanary", "routeTraffic", "restoreRoute", "restoreSubsets"];
    expect([...refusedPlans]).toEqual(expect.arrayContaining(kinds));
  });

  test.each([0.1, 0])(
    "goes on although somebody writes annotations all the time (error rate %d)",
    async (errorRate) => {
      const world = await worldAtRest();
      world.behaviours = { v2: { errorRate } };
      world.changeTemplate("v2");
      const own = world.dependencies().cluster;
      let isAnnotated = false;
      const cluster = {
        // Between the read that was decided on and every write that follows from it; never faster than a fresh read.
        writeStatus: (...asked: Parameters<typeof own.writeStatus>) => {
          if (!isAnnotated) world.resourceVersion += 1;
          isAnnotated = !isAnnotated;
          return own.writeStatus(...asked);
        },
      };
      for (let second = 0; second < 600 && world.status.history === undefined; second += 1) {
        await ports(world, { cluster }).run();
        world.tick(1_000);
      }
      expect(world.status.history?.[0]?.outcome).toBe(errorRate === 0 ? "Promoted" : "RolledBack");
    },
  );

  test("decides again when somebody changed more than what the Rollout is called by meanwhile", async () => {
    const world = await worldInRelease(10);
    world.tick(60_000);
    const own = world.dependencies().cluster;
    const cluster = {
      writeStatus: (...asked: Parameters<typeof own.writeStatus>) => {
        world.requests = { pause: "2026-01-01T00:10:00Z" };
        world.resourceVersion += 1;
        return own.writeStatus(...asked);
      },
    };
    await expect(ports(world, { cluster }).run()).rejects.toThrow(ConflictError);
    expect(world.route.weight).toBe(10);
  });

  test("a rollback moves the traffic even when the status cannot be written, and fails so that it is tried again", async () => {
    const world = await aborting();
    const releaseMetrics = { countDecision: () => expect.unreachable("what was not stored happens again") };
    const { run, calls } = ports(world, { cluster: { writeStatus: refuse }, releaseMetrics });
    await expect(run()).rejects.toBe(conflict);
    expect(calls).toContain("routeTraffic");
    expect(world.route).toEqual({ kind: "Split", weight: 0 });
  });

  test("a rollback stores the decision even when the traffic cannot be moved", async () => {
    const world = await aborting();
    const away = new Error("the API server is away");
    const counted: string[] = [];
    const { run } = ports(world, {
      router: { perform: () => Promise.reject(away) },
      releaseMetrics: {
        countDecision: (_, { transitions }) => counted.push(...transitions.map(({ reason }) => reason)),
      },
    });
    await expect(run()).rejects.toBe(away);
    expect(counted).toEqual(["RollbackStarted"]);
    expect(world.status.release).toMatchObject({ decision: "Rollback", reason: "Aborted" });
    expect(world.route.weight).toBe(50);
    expect(await world.run(({ status }) => status.release === undefined)).toBe(true);
    expect(world.weights.at(-1)).toBe(0);
  });

  test("takes delivered events off the status and keeps the others for the next time", async () => {
    const world = await worldInRelease();
    world.behaviours = { v2: { errorRate: 0.2 } };
    const deaf = { announcer: { announce: () => Promise.resolve([]) } };
    while (world.status.release?.decision === undefined) {
      world.tick(1_000);
      await ports(world, deaf).run();
    }
    const [first, ...others] = world.status.pendingEvents ?? [];
    expect(others.map(({ reason }) => reason)).toContain("RollbackStarted");
    world.tick(1_000);
    await ports(world, { announcer: { announce: () => Promise.resolve([first!.name]) } }).run();
    expect(world.status.pendingEvents).toEqual(expect.arrayContaining(others));
    expect(world.status.pendingEvents).not.toContainEqual(first);
    world.tick(1_000);
    await ports(world).run();
    expect(world.status.pendingEvents).toEqual([]);
    expect(world.events).toEqual(expect.arrayContaining(others));
  });

  test("tells once what a plan says that is refused again and again, and writes no status for it", async () => {
    const world = await worldAtRest();
    world.isDeleting = true;
    const refusal = new RejectedError("a webhook refuses it");
    const recorded = recordedPorts(world, { cluster: { perform: () => Promise.reject(refusal) } });
    const statuses = new Set<string>();
    for (let pass = 0; pass < 4; pass += 1) {
      await expect(reconcile(world.key, recorded.deps, signal)).rejects.toBe(refusal);
      statuses.add(JSON.stringify(world.status));
      world.tick(5_000);
    }
    expect(world.events.filter(({ reason }) => reason === "LetGo")).toHaveLength(1);
    // A status that is the same is not written: each write would wake the operator at once.
    expect([...statuses]).toHaveLength(1);
  });

  test("measures what was saved, and asks to be called again when the decision wants it", async () => {
    const world = await worldInRelease();
    const { run, calls } = ports(world);
    expect(await run()).toEqual({ requeueAfter: 1_000 });
    expect(calls.at(-1)).toMatch(/^record /);
    const rested = await worldAtRest();
    await ports(rested).run();
    expect((await ports(rested).run()).requeueAfter).toBeUndefined();
  });

  test("forgets the measurements of a Rollout that is gone", async () => {
    const world = new VirtualWorld();
    world.isGone = true;
    const { run, calls } = ports(world);
    expect(await run()).toEqual({ requeueAfter: undefined });
    expect(calls).toEqual(["forget"]);
  });

  test("writes no status into a Rollout that it has let go, although something had been in the way", async () => {
    const world = await worldAtRest();
    world.isDeleting = true;
    const { run, calls, deps } = ports(world);
    deps.obstacles.note("shop/product", {
      kind: "Progressing",
      reason: "TrafficConfigRejected",
      phase: "Held",
      message: "denied by policy",
    });
    await run();
    expect(world.isGone).toBe(true);
    expect(calls.slice(calls.indexOf("letGo") + 1).filter((call) => call === "writeStatus")).toEqual([]);
  });

  test("lets a Rollout go when that is told, or when it could not be told for a minute", async () => {
    const world = await worldAtRest();
    world.isDeleting = true;
    const silent = { announce: () => Promise.resolve([]) };
    const look = () => ports(world, { announcer: silent }).run();
    expect(await look()).toEqual({ requeueAfter: 1_000 });
    expect(world.isGone).toBe(false);
    world.tick(59_000);
    await look();
    expect(world.isGone).toBe(false);
    world.tick(1_000);
    await look();
    expect(world.isGone).toBe(true);
  });

  test("does not write counts alone more often than they are worth", async () => {
    const world = await worldInRelease();
    await world.run(({ status }) => status.conditions?.some(({ type }) => type === "TrafficShifted") === true, 60);
    world.tick(1_000);
    const writes = [];
    for (let second = 0; second < 5; second += 1) {
      const { run, calls } = ports(world);
      await run();
      world.tick(1_000);
      writes.push(...calls.filter((call) => call === "writeStatus"));
    }
    expect(writes.length).toBeLessThan(3);
  });
});
