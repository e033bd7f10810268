import { describe, expect, test } from "vitest";
import { podTroubles } from "../../../../src/adapters/kubernetes/pod-troubles.ts";
import { troublesSince } from "../../../../src/adapters/kubernetes/subset-troubles.ts";

const since = Date.parse("2026-01-01T12:00:00Z");

function pod(finishedAt: string | undefined, state: object = { running: {} }) {
  const terminated = { reason: "Error", exitCode: 1, ...(finishedAt && { finishedAt }) };
  const status = { name: "app", restartCount: 7, state, lastState: { terminated } };
  return { metadata: { name: "p" }, status: { phase: "Running", containerStatuses: [status] } };
}

const crashes = (...given: Parameters<typeof pod>) => podTroubles([troublesSince(since)(pod(...given))], since).crashes;

describe("troublesSince()", () => {
  test("a crash from before says nothing", () => {
    expect(crashes("2026-01-01T11:00:00Z")).toEqual([]);
  });

  test.each([
    ["a crash since then", "2026-01-01T12:00:01Z", undefined],
    ["one that does not say when", undefined, undefined],
    ["one that is in a loop now", "2026-01-01T11:00:00Z", { waiting: { reason: "CrashLoopBackOff" } }],
  ])("%s counts", (_, finishedAt, state) => {
    expect(crashes(finishedAt, state)).toEqual(["p/app: Error (exit 1), 7 restarts"]);
  });

  test("everything else of the pod stays", () => {
    const given = { ...pod("2026-01-01T12:00:01Z"), status: { phase: "Pending", initContainerStatuses: ["odd"] } };
    expect(troublesSince(since)(given).status).toMatchObject({ phase: "Pending", initContainerStatuses: ["odd"] });
  });
});
