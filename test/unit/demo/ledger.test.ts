import { describe, expect, test } from "vitest";
import { createLedger } from "../../demo/ledger.ts";
import type { Observed, PodView } from "../../demo/observed.ts";

const pod = (name: string, more: Partial<PodView> = {}): PodView => ({
  name,
  image: "product:v2",
  ready: true,
  createdAt: "2026-01-01T00:00:00Z",
  restarts: 0,
  ...more,
});
const seen = (more: Partial<Observed> = {}): Observed => ({ status: undefined, weight: 0, pods: [], ...more });

describe("the ledger of a release", () => {
  test("has the weights above 0 as they changed", () => {
    const ledger = createLedger({ version: "v2" });
    for (const weight of [0, 10, 10, 0, 10, 50, 50, 10, 100, 0]) ledger.note(seen({ weight }));
    expect(ledger.weights()).toEqual([10, 50, 10, 100]);
  });

  test("knows the end from the newest entry of the history, if it is about this version", () => {
    const ledger = createLedger({ version: "v2" });
    const entry = {
      number: 1,
      revision: "r",
      startedAt: "",
      endedAt: "",
      highestWeight: 10,
      requests: 0,
      failedRequests: 0,
    };
    const withHistory = (image: string, reason?: string) =>
      seen({
        status: { observedGeneration: 1, history: [{ ...entry, image, outcome: "RolledBack", reason }] },
      });
    expect(ledger.ending()).toBeUndefined();
    ledger.note(withHistory("product:v1"));
    expect(ledger.ending()).toBeUndefined();
    ledger.note(withHistory("product:v2", "ErrorRateTooHigh"));
    expect(ledger.ending()).toEqual({ outcome: "RolledBack", reason: "ErrorRateTooHigh" });
  });

  test("counts pods that are new or have restarted after full size, and no others", () => {
    const ledger = createLedger({ version: "v2" });
    ledger.note(seen({ pods: [pod("a"), pod("old", { image: "product:v1" })] }));
    expect(ledger.podsRestarted()).toBe(0);
    ledger.note(seen({ pods: [pod("a", { restarts: 1 }), pod("b"), pod("c", { ready: false })] }));
    ledger.note(seen({ pods: [pod("a", { restarts: 1 }), pod("b"), pod("c")] }));
    expect(ledger.podsRestarted()).toBe(0);
    ledger.note(seen({ pods: [pod("a", { restarts: 1 }), pod("b", { restarts: 1 }), pod("d")] }));
    expect(ledger.podsRestarted()).toBe(2);
  });
});
