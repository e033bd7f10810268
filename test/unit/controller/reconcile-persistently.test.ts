import { describe, expect, test } from "vitest";
import { reconcilePersistently } from "../../../src/controller/reconcile-persistently.ts";
import { ConflictError, RejectedError, TemplateMutatedError, TransientError } from "../../../src/runtime/errors.ts";
import type { VirtualWorld } from "../../simulation/virtual-world.ts";
import { recordedPorts, worldAtRest, worldInRelease, type Replacements } from "../../support/recorded-ports.ts";

const { signal } = new AbortController();
const away = new TransientError("the API server does not answer");

function run(world: VirtualWorld, replacements: Replacements, during: AbortSignal = signal) {
  return reconcilePersistently(world.key, recordedPorts(world, replacements).deps, during);
}

const failing = (error: Error): Replacements => ({ cluster: { readWorkload: () => Promise.reject(error) } });

async function inRollback(): Promise<VirtualWorld> {
  const world = await worldInRelease(50);
  world.requests = { abort: "2026-01-01T00:10:00Z" };
  await world.reconcileOnce();
  return world;
}

const failures: readonly (readonly [string, Error])[] = [
  ["does not answer", away],
  ["refuses a write", new RejectedError("denied by policy")],
  ["is not to blame", new TypeError("a mistake of ours")],
];

describe("reconcilePersistently()", () => {
  test.each(failures)(
    "tries a release again after 5 s and a rollback after 1 s when the API server %s",
    async (_, error) => {
      expect(await run(await worldInRelease(), failing(error))).toEqual({ requeueAfter: 5_000 });
      expect(await run(await inRollback(), failing(error))).toEqual({ requeueAfter: 1_000 });
    },
  );

  test("says in the conditions what failed, and the release goes on when it works again", async () => {
    const world = await worldInRelease();
    await run(world, failing(away));
    expect(world.status.conditions?.[0]).toMatchObject({ type: "Ready", reason: "ProgressingWithRetry" });
    expect(world.status.message).toContain("does not answer");
    expect(await world.run(({ status }) => status.history?.[0]?.outcome === "Promoted")).toBe(true);
  });

  test("tries again although it cannot tell that it failed", async () => {
    const writeStatus = () => Promise.reject(away);
    const result = await run(await worldInRelease(), { cluster: { ...failing(away).cluster, writeStatus } });
    expect(result).toEqual({ requeueAfter: 5_000 });
  });

  test("leaves conflicts to the queue, which looks again at once", async () => {
    const conflict = new ConflictError("outdated");
    await expect(run(await worldInRelease(), failing(conflict))).rejects.toBe(conflict);
    await expect(run(await inRollback(), failing(conflict))).rejects.toBe(conflict);
  });

  test("says of ten conflicts in a row that something is in the way", async () => {
    const world = await worldInRelease();
    const { deps } = recordedPorts(world, failing(new ConflictError("outdated")));
    for (let time = 1; time < 10; time += 1) {
      await expect(reconcilePersistently(world.key, deps, signal)).rejects.toThrow("outdated");
    }
    expect(await reconcilePersistently(world.key, deps, signal)).toEqual({ requeueAfter: 5_000 });
    expect(world.status).toMatchObject({ phase: "Held", message: "outdated" });
  });

  test("leaves failures at rest to the queue, which backs off", async () => {
    await expect(run(await worldAtRest(), failing(away))).rejects.toBe(away);
  });

  test("tries a Rollout again after 5 s that is at rest and waits to be let go", async () => {
    const world = await worldAtRest();
    world.isDeleting = true;
    expect(await run(world, failing(new RejectedError("denied by policy")))).toEqual({ requeueAfter: 5_000 });
    expect(world.status.message).toContain("denied by policy");
  });

  test("leaves everything to the queue when the operator is stopping", async () => {
    await expect(run(await worldInRelease(), failing(away), AbortSignal.abort())).rejects.toBe(away);
  });

  test("rolls a release back whose canary would not be what is in git, and does not try it again by itself", async () => {
    const world = await worldAtRest();
    world.changeTemplate("v2");
    const error = new TemplateMutatedError("the template was changed at spec.template.spec.containers[0].image", "x");
    const perform: Replacements = {
      cluster: {
        perform: (action) => {
          if (action.kind === "createCanary") return Promise.reject(error);
          return Promise.resolve(world.performWorkload(action));
        },
      },
    };
    for (let second = 0; second < 120; second += 1) {
      await run(world, perform);
      world.tick(1_000);
    }
    expect(world.status.history).toHaveLength(1);
    expect(world.status.history?.[0]).toMatchObject({ outcome: "RolledBack", reason: "TemplateMutated" });
    expect(world.status.conditions?.[0]).toMatchObject({ reason: "TemplateMutated", status: "False" });
    expect(world.status.releases).toBe(1);
  });
});
