import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Rollout } from "../../src/api/rollout.ts";
import type { RolloutStatus } from "../../src/api/rollout-status.ts";
import { isProblem, type TrafficState } from "../../src/domain/observation.ts";
import type { TrafficAction, TrafficRouter } from "../../src/ports/traffic-router.ts";

/**
 * A mesh with one Service and, for the form `referenced`, objects of a user that route it; for the form `subsets` these
 * have subsets v1 and v2 for versions that the user runs, and the Rollout is one that releases v2 while v1 serves.
 */
export interface RouterBench {
  readonly router: TrafficRouter;
  /** At rest, without a release. */
  readonly rollout: Rollout;
  /** All objects of the mesh as the API server has them, metadata that changes with every write left out. */
  snapshot(): Promise<unknown>;
  /** Resolves when the router's caches have every write that was made until now. */
  caughtUp(): Promise<void>;
  close(): Promise<void>;
}

export type RouterForm = "generated" | "referenced" | "subsets";

/** What every TrafficRouter must do, whatever it writes to. */
export function describeTrafficRouter(
  name: string,
  open: (form: RouterForm) => Promise<RouterBench>,
  forms: readonly RouterForm[] = ["generated", "referenced"],
): void {
  describe.each(forms)(`${name} with %s objects`, (form) => {
    // Subsets of the user's stay as they are.
    const selecting = (stable: string | undefined, canary: string | undefined) =>
      form === "subsets" ? { stable: undefined, canary: undefined } : { stable, canary };
    const { signal } = new AbortController();
    let bench: RouterBench;
    let rollout: Rollout;

    beforeEach(async () => {
      bench = await open(form);
      rollout = bench.rollout;
    });
    afterEach(() => bench.close());

    const perform = async (action: TrafficAction): Promise<void> => {
      await bench.router.perform(action, rollout, signal);
      await bench.caughtUp();
    };
    const read = (): TrafficState => {
      const state = bench.router.readTraffic(rollout);
      if (isProblem(state)) throw new Error(state.message);
      return state;
    };
    const begin = async (): Promise<string> => {
      if (form === "generated") await perform({ kind: "createRoute" });
      const original = bench.router.describeOriginal(rollout);
      rollout = duringRelease(rollout, original, "Rest", 0);
      return original;
    };
    const split = async (weight: number, original: string): Promise<void> => {
      rollout = duringRelease(rollout, original, "Split", weight);
      await perform({ kind: "routeTraffic", weight, original });
    };

    test("at rest: no split, no hash, nothing written by the operator that differs from what there was", async () => {
      if (form === "generated") {
        expect(read()).toMatchObject({ route: { kind: "Absent" }, subsets: { kind: "Absent" } });
        await perform({ kind: "createRoute" });
      }
      const before = await bench.snapshot();
      const { subsetsManager, outliers, ...seen } = read();
      expect(outliers).toMatchObject({ isTuned: false, obstacles: [] });
      expect(subsetsManager === undefined || form !== "generated").toBe(true);
      expect(seen).toEqual({
        route: { kind: "Rest" },
        subsets: expect.objectContaining({ kind: "Present", stable: undefined, canary: undefined }) as unknown,
        unsplit: [],
        foreignManager: form === "generated" ? undefined : (expect.any(String) as unknown),
        ...(form === "subsets" ? { serving: "v1" } : { isPinned: false }),
      });
      await perform({ kind: "createRoute" });
      expect(await bench.snapshot()).toEqual(before);
    });

    test("a rehearsal writes nothing", async () => {
      const before = await bench.snapshot();
      expect(await bench.router.rehearse(rollout, signal)).toBeUndefined();
      await begin();
      const created = await bench.snapshot();
      expect(await bench.router.rehearse(rollout, signal)).toBeUndefined();
      expect(await bench.snapshot()).toEqual(created);
      if (form !== "generated") expect(created).toEqual(before);
    });

    test("a release to its end: every state is read as it was asked for, and nothing is left", async () => {
      const original = await begin();
      const before = await bench.snapshot();
      expect(Buffer.byteLength(original)).toBeLessThan(4_096);

      await perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" });
      expect(read()).toMatchObject({
        route: { kind: "Rest" },
        subsets: { kind: "Present", ...selecting("aaa", "bbb") },
      });
      for (const weight of [0, 10, 50, 100]) {
        await split(weight, original);
        expect(read().route).toEqual({ kind: "Split", weight });
      }
      await perform({ kind: "widenStable", original, canary: "bbb" });
      expect(read().subsets).toEqual({ kind: "Present", ...selecting(undefined, "bbb") });
      await split(0, original);
      expect(read().route).toEqual({ kind: "Split", weight: 0 });
      rollout = duringRelease(rollout, original, "Rest", 0);
      await perform({ kind: "restoreRoute", original });
      expect(read().route).toEqual({ kind: "Rest" });
      await perform({ kind: "restoreSubsets", original });
      expect(read()).toMatchObject({ subsets: { kind: "Present", stable: undefined, canary: undefined }, unsplit: [] });
      expect(await bench.snapshot()).toEqual(before);
    });

    test("tuned outlier detection is seen, in mid-release too, and put back as it was", async () => {
      const original = await begin();
      const before = await bench.snapshot();
      await perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" });
      await split(50, original);
      const split50 = await bench.snapshot();
      const settings = { consecutive5xxErrors: 4, baseEjectionTime: "30s", maxEjectionPercent: 25 };
      const { before: untuned = "" } = read().outliers ?? {};
      await perform({ kind: "tuneOutliers", settings, before: untuned });
      expect(read().outliers).toMatchObject({
        isTuned: true,
        written: settings,
        policies: { stable: { consecutive5xxErrors: 4, maxEjectionPercent: 25 } },
      });
      expect(read().route).toEqual({ kind: "Split", weight: 50 });
      const once = await bench.snapshot();
      await perform({ kind: "tuneOutliers", settings, before: untuned });
      expect(await bench.snapshot()).toEqual(once);
      await perform({ kind: "restoreOutliers", before: untuned });
      expect(read().outliers).toMatchObject({ isTuned: false, written: {}, before: untuned });
      expect(await bench.snapshot()).toEqual(split50);
      await perform({ kind: "restoreOutliers", before: untuned });
      await perform({ kind: "restoreRoute", original });
      await perform({ kind: "restoreSubsets", original });
      expect(await bench.snapshot()).toEqual(before);
    });

    test("an action that was already carried out changes nothing", async () => {
      const original = await begin();
      const actions: readonly TrafficAction[] = [
        { kind: "narrowSubsets", stable: "aaa", canary: "bbb" },
        { kind: "routeTraffic", weight: 30, original },
        { kind: "restoreRoute", original },
        { kind: "widenStable", original, canary: "bbb" },
        { kind: "restoreSubsets", original },
      ];
      for (const action of actions) {
        await perform(action);
        const once = await bench.snapshot();
        await perform(action);
        expect(await bench.snapshot()).toEqual(once);
      }
    });

    test("a spec that cannot be read any more does not keep a release from being given back", async () => {
      const original = await begin();
      const before = await bench.snapshot();
      await perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" });
      await split(40, original);
      rollout = { ...rollout, spec: undefined, problems: ["spec.steps: is not a list"] };
      expect(read().route).toEqual({ kind: "Split", weight: 40 });
      await perform({ kind: "restoreRoute", original });
      await perform({ kind: "restoreSubsets", original });
      expect(await bench.snapshot()).toEqual(before);
    });

    test("what is generated goes, what is a user's stays", async () => {
      const before = await bench.snapshot();
      await begin();
      await perform({ kind: "removeRoute" });
      await perform({ kind: "removeSubsets" });
      expect(await bench.snapshot()).toEqual(before);
      await perform({ kind: "removeRoute" });
      await perform({ kind: "removeSubsets" });
    });
  });
}

/** The Rollout as it is while a release has asked for a split, or for none. */
export function duringRelease(rollout: Rollout, original: string, asked: "Rest" | "Split", weight: number): Rollout {
  const at = "2026-01-01T00:00:00.000Z";
  const traffic = {
    subsets: "Narrowed" as const,
    subsetsChangedAt: at,
    route: asked,
    weight,
    routeChangedAt: at,
    original,
    corrections: [],
  };
  const release = { number: 1, startedAt: at, stepIndex: 0, highestWeight: weight, traffic };
  const status: RolloutStatus = { ...rollout.status, release };
  return { ...rollout, status };
}
