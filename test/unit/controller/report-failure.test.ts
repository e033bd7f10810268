import { describe, expect, test } from "vitest";
import type { Rollout } from "../../../src/api/rollout.ts";
import type { Transition } from "../../../src/domain/decision.ts";
import { giveUp, reportFailure } from "../../../src/controller/report-failure.ts";
import {
  CanaryRefusedError,
  ConflictError,
  RejectedError,
  TemplateMutatedError,
  TransientError,
  WorkloadRefusedError,
} from "../../../src/runtime/errors.ts";
import type { VirtualWorld } from "../../simulation/virtual-world.ts";
import { recordedPorts, worldAtRest, worldInRelease } from "../../support/recorded-ports.ts";

const { signal } = new AbortController();

async function tell(world: VirtualWorld, error: unknown): Promise<string[]> {
  const { deps, calls } = recordedPorts(world);
  await reportFailure(world.key, error, deps, signal);
  return calls;
}

const waiting = (world: VirtualWorld) => (world.status.pendingEvents ?? []).map(({ reason }) => reason);

const failures: readonly (readonly [error: unknown, reason: string, says: string])[] = [
  [new WorkloadRefusedError("denied by policy y"), "WorkloadRejected", "refused a write: denied by policy y"],
  [new CanaryRefusedError("exceeded quota: few"), "CanaryCannotStart", "cannot start: exceeded quota: few"],
  [new RejectedError("denied by policy x"), "TrafficConfigRejected", "refused a write: denied by policy x"],
  [new TransientError("no answer"), "ProgressingWithRetry", "no answer. It is tried again."],
  [new TypeError("x is undefined"), "InternalError", "Serin failed: x is undefined"],
  [new ConflictError("the Rollout changes all the time"), "Held", "the Rollout changes all the time"],
  ["a text", "InternalError", "Serin failed: a text"],
];

describe("reportFailure()", () => {
  test.each(failures)("%s is %s", async (error, reason, says) => {
    const world = await worldAtRest();
    await tell(world, error);
    const ready = world.status.conditions?.find(({ type }) => type === "Ready");
    expect(ready).toMatchObject({ status: "Unknown", reason });
    expect(ready?.message).toContain(says);
    expect(waiting(world)).toEqual(["Held"]);
  });

  test("announces a reason once, and the next one again", async () => {
    const world = await worldAtRest();
    await tell(world, new TransientError("no answer"));
    world.now += 60_000;
    await tell(world, new TransientError("still no answer"));
    expect(waiting(world)).toHaveLength(1);
    expect(world.status.message).toContain("still no answer");
    await tell(world, new RejectedError("denied"));
    expect(waiting(world)).toHaveLength(2);
  });

  test("shows the reason in the metrics even where the status cannot be written, and counts each event once", async () => {
    const world = await worldAtRest();
    const shown: (string | undefined)[] = [];
    const told: string[] = [];
    const releaseMetrics = {
      recordFailure: (rollout: Rollout, transitions: readonly Transition[]) => {
        shown.push(rollout.status.conditions?.find(({ type }) => type === "Ready")?.reason);
        told.push(...transitions.map(({ reason }) => reason));
      },
    };
    const { deps } = recordedPorts(world, { releaseMetrics });
    await reportFailure(world.key, new RejectedError("denied"), deps, signal);
    await reportFailure(world.key, new RejectedError("denied again"), deps, signal);
    const away = recordedPorts(world, {
      releaseMetrics,
      cluster: { writeStatus: () => Promise.reject(new TransientError("no answer")) },
    });
    await expect(reportFailure(world.key, new TransientError("no answer"), away.deps, signal)).rejects.toThrow();
    expect(shown).toEqual(["TrafficConfigRejected", "TrafficConfigRejected", "ProgressingWithRetry"]);
    expect(told).toEqual(["Held", "Held"]);
  });

  test("says of a rollback that it is blocked, and leaves the release as it is", async () => {
    const world = await worldInRelease(50);
    world.requests = { abort: "2026-01-01T00:10:00Z" };
    await world.reconcileOnce();
    const { release } = world.status;
    await tell(world, new RejectedError("denied"));
    expect(world.status.release).toEqual(release);
    expect(world.status.phase).toBe("RollingBack");
    expect(waiting(world)).toContain("RollbackBlocked");
    expect(world.status.message).toContain(
      `kubectl -n shop scale rs/${world.status.canary?.replicaSet ?? ""} --replicas=0`,
    );
  });

  test("says nothing of a Rollout that is gone", async () => {
    const world = await worldAtRest();
    world.isGone = true;
    expect(await tell(world, new TransientError("no answer"))).toEqual([]);
  });
});

describe("giveUp()", () => {
  const error = new TemplateMutatedError("changed at spec.template", "spec.template");

  test("decides the rollback of the release and says why", async () => {
    const world = await worldInRelease();
    await giveUp(world.key, error, recordedPorts(world).deps, signal);
    expect(world.status.release).toMatchObject({ decision: "Rollback", reason: "TemplateMutated" });
    expect(world.status.release?.explanation).toContain("changed at spec.template");
    expect(waiting(world)).toContain("RollbackStarted");
  });

  test("does nothing without a release, and nothing where one is decided", async () => {
    const rested = recordedPorts(await worldAtRest());
    await giveUp(rested.world.key, error, rested.deps, signal);
    const promoting = await worldInRelease();
    await promoting.run(({ status }) => status.release?.decision === "Promote");
    const decided = recordedPorts(promoting);
    await giveUp(promoting.key, error, decided.deps, signal);
    expect([rested.calls, decided.calls]).toEqual([[], []]);
  });
});
