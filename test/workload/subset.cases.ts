import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import type { RolloutStatus } from "../../src/api/rollout-status.ts";
import { until } from "../cluster/processes/until.ts";
import { service } from "../lab/app.ts";
import type { Bench } from "./bench.ts";
import { openVersions, to } from "./subset-shop.ts";

/** At the first weight until a person says more. */
const waiting = { steps: [{ weight: 50 }, { pause: {} }, { weight: 100 }] };

const primary = (...route: readonly object[]) => [{ name: "primary", route }];

/** Teams that run all versions themselves: the release is the line spec.subset in git. */
export function subsetCases(bench: () => Bench): void {
  test("the line spec.subset in git is the release, and the same line the way back", async () => {
    const shop = await openVersions(bench(), "subset-line");
    await shop.untilReady();
    const before = await shop.http();
    await shop.serve("v2");
    await shop.endsAs(1, { outcome: "Promoted", image: "product:v2", highestWeight: 100 });
    expect((await shop.untilReady()).status.stable).toMatchObject({ replicaSet: "v2", workload: "product-v2" });
    expect(await shop.http()).toEqual(primary(to("v2")));
    await shop.serve("v1");
    await shop.endsAs(2, { outcome: "Promoted", image: "product:v1" });
    await shop.untilReady();
    expect(await shop.http()).toEqual(before);
    await shop.end();
  });

  test("a bad version goes back and is rejected, a fixed one in the same subset is released", async () => {
    const versions = { v1: {}, v2: { environment: { ERROR_RATE: "1" } } };
    const shop = await openVersions(bench(), "subset-bad", { versions, http: primary(to("v1", 100), to("v2", 0)) });
    await shop.untilReady();
    const before = await shop.http();
    await shop.serve("v2");
    await shop.endsAs(1, { outcome: "RolledBack", reason: "ErrorRateTooHigh" });
    const stalled = await shop.untilRollout("Stalled", ({ status }) => status.phase === "RolledBack");
    expect(stalled.status.rejected).toMatchObject([{ image: "product:v2" }]);
    expect(await shop.http()).toEqual(before);
    await shop.run("v2", { image: "product:v2.1" });
    await shop.endsAs(2, { outcome: "Promoted", image: "product:v2.1" });
    expect(await shop.http()).toEqual(primary(to("v1", 0), to("v2", 100)));
    await shop.end({ failing: ["v2"] });
  });

  test("three subsets in turn: a pinned route and another host's share stay byte for byte", async () => {
    const tester = { name: "testers", match: [{ headers: { "x-test": { exact: "tester" } } }], route: [to("v3")] };
    const other = { ...to(undefined, 20, "other"), headers: { request: { set: { "x-from": "product" } } } };
    const shop = await openVersions(bench(), "subset-three", {
      versions: { v1: {}, v2: {}, v3: {} },
      http: [tester, { name: "primary", timeout: "5s", route: [to("v1", 80), other] }],
      beside: [{ ...service({ namespace: "subset-three" }), metadata: { name: "other", namespace: "subset-three" } }],
    });
    await shop.untilReady();
    const [pinned, open] = await shop.http();
    const [, foreign] = open?.["route"] as readonly object[];
    for (const [number, subset] of [
      [1, "v2"],
      [2, "v3"],
    ] as const) {
      await shop.serve(subset);
      await shop.endsAs(number, { outcome: "Promoted", image: `product:${subset}` });
    }
    expect(await shop.http()).toEqual([pinned, { ...open, route: [to("v3", 80), foreign] }]);
    const seen = shop.routesSeen();
    expect(seen.length).toBeGreaterThan(4);
    for (const [first, second] of seen) {
      const route = second?.["route"] as readonly { readonly weight: number }[];
      expect(first).toEqual(pinned);
      expect(route.at(-1)).toEqual(foreign);
      expect({ ...second, route: [] }).toEqual({ ...open, route: [] });
      expect(route.reduce((sum, { weight }) => sum + weight, 0)).toBe(100);
    }
    await shop.end();
  });

  test("git that writes the old weights again is corrected, told, and told what to write", async () => {
    const shop = await openVersions(bench(), "subset-git");
    await shop.untilReady();
    await shop.serve("v2");
    await shop.endsAs(1, { outcome: "Promoted" });
    const told = async (reason: string) => (await shop.events()).filter((event) => event.reason === reason);
    for (const count of [1, 2, 3]) {
      const what = { timeout: 60_000, what: `correction ${count}` };
      // A write within a second of a correction may be that correction not seen yet: it is corrected and not told.
      await until(
        async () => {
          await shop.applyRoutes();
          return (await told("WeightsCorrected")).length >= count;
        },
        { ...what, every: 1_500 },
      );
      await until(async () => isDeepStrictEqual(await shop.http(), primary(to("v2"))), what);
    }
    const conflict = { timeout: 30_000, what: "the conflict to be told" };
    const [event] = await until(
      async () => (await told("FieldOwnershipConflict")).length > 0 && told("FieldOwnershipConflict"),
      conflict,
    );
    expect(event?.note).toMatch(/ignoreDifferences .*spec\.ignore/);
    await shop.end();
  });

  test("git that writes the old weights in mid-release is corrected, and the release goes on", async () => {
    const shop = await openVersions(bench(), "subset-git-amid", { spec: waiting });
    await shop.untilReady();
    await shop.serve("v2");
    await shop.untilRollout("the pause", ({ status }) => status.release?.pausedAt !== undefined);
    await shop.applyRoutes();
    const halves = primary(to("v1", 50), to("v2", 50));
    await until(async () => (await shop.events()).some(({ reason }) => reason === "WeightsCorrected"), {
      timeout: 30_000,
      what: "the correction",
    });
    await until(async () => isDeepStrictEqual(await shop.http(), halves), { timeout: 30_000, what: "the weights" });
    await shop.ask("promote");
    await shop.endsAs(1, { outcome: "Promoted" });
    expect(await shop.http()).toEqual(primary(to("v2")));
    await shop.end();
  });

  test("a subset that is missing, without pods or not ready: told, waited for, nothing moves", async () => {
    const versions = { v1: {}, v2: { environment: { NEVER_READY: "true" } } };
    const shop = await openVersions(bench(), "subset-missing", { versions, subsets: ["v1", "v2", "v3"] });
    await shop.untilReady();
    const before = await shop.http();
    const stalled = async (subset: string) => {
      await shop.serve(subset);
      const { status } = await shop.untilRollout(`${subset} to be told`, ({ status: { message = "" } }) =>
        message.includes(`subset ${subset}`),
      );
      expect(status.conditions).toContainEqual(
        expect.objectContaining({ type: "Stalled", reason: "WorkloadNotFound" }),
      );
      return status.message;
    };
    expect(await stalled("v9")).toContain("has no subset v9; it has v1, v2, v3");
    expect(await stalled("v3")).toContain(
      "no Deployment in namespace subset-missing has the pod labels app=product, version=v3",
    );
    await shop.serve("v2");
    const held = await shop.untilRollout("the hold", ({ status }) => isHeld(status));
    expect(held.status.message).toContain("0 of its 2 pods are available");
    expect(await shop.http()).toEqual(before);
    expect(shop.routesSeen()).toHaveLength(1);
    await shop.kubectl("scale", "deployment/product-v2", "--replicas=0");
    await shop.untilRollout("no pods", ({ status }) => status.message?.includes("0 of its 0 pods") === true);
    const { pods } = bench().lab.world;
    await pods.set({ namespace: shop.namespace, workload: "product-v2" }, { NEVER_READY: "" });
    await shop.kubectl("scale", "deployment/product-v2", "--replicas=2");
    await shop.endsAs(1, { outcome: "Promoted" });
    await shop.end();
  });

  test("deleted in mid-release: the Rollout goes, the routes are as before", async () => {
    const shop = await openVersions(bench(), "subset-deleted", { spec: waiting });
    await shop.untilReady();
    const before = await shop.http();
    await shop.serve("v2");
    await shop.untilRollout("the pause", ({ status }) => status.release?.pausedAt !== undefined);
    await shop.kubectl("delete", "srn", "product", "--wait=false");
    await until(async () => (await shop.rollout()) === undefined, { timeout: 60_000, what: "the Rollout to go" });
    expect(await shop.http()).toEqual(before);
    await shop.end();
  });

  test("the team scales and restarts its own Deployments in mid-release: the release goes on", async () => {
    const shop = await openVersions(bench(), "subset-scaled", { spec: waiting });
    await shop.untilReady();
    await shop.serve("v2");
    await shop.untilRollout("the pause", ({ status }) => status.release?.pausedAt !== undefined);
    await shop.kubectl("scale", "deployment/product-v1", "deployment/product-v2", "--replicas=3");
    await shop.kubectl("rollout", "restart", "deployment/product-v1", "deployment/product-v2");
    for (const name of ["v1", "v2"])
      await shop.kubectl("rollout", "status", `deployment/product-${name}`, "--timeout=60s");
    await shop.ask("promote");
    await shop.endsAs(1, { outcome: "Promoted", number: 1 });
    expect((await shop.untilReady()).status.releases).toBe(1);
    await shop.end();
  });

  test("the team takes the pods of the new version away in mid-release: back to the old one", async () => {
    const shop = await openVersions(bench(), "subset-emptied", { spec: waiting });
    await shop.untilReady();
    const before = await shop.http();
    await shop.serve("v2");
    await shop.untilRollout("the pause", ({ status }) => status.release?.pausedAt !== undefined);
    await shop.kubectl("scale", "deployment/product-v2", "--replicas=0");
    await shop.endsAs(1, { outcome: "RolledBack", reason: "CanaryUnavailable" });
    expect(await shop.http()).toEqual(before);
    // Half of the requests find nobody until traffic is back.
    await shop.end({ capacity: 0, lost: 20 });
  });

  test("another subset in mid-release, and a new image of it, are releases of their own", async () => {
    const shop = await openVersions(bench(), "subset-newer", { versions: { v1: {}, v2: {}, v3: {} }, spec: waiting });
    await shop.untilReady();
    const before = await shop.http();
    await shop.serve("v2");
    await shop.untilRollout("the pause", ({ status }) => status.release?.pausedAt !== undefined);
    await shop.serve("v3");
    await shop.endsAs(1, { outcome: "RolledBack", reason: "Superseded" });
    await shop.untilRollout(
      "v3 in release 2",
      ({ status }) => status.release?.number === 2 && status.release.pausedAt !== undefined,
    );
    await shop.run("v3", { image: "product:v3.1" });
    await shop.endsAs(2, { outcome: "RolledBack", reason: "Superseded", image: "product:v3" });
    await shop.untilRollout("v3.1 in release 3", ({ status }) => status.canary?.image === "product:v3.1");
    await shop.serve("v1");
    await shop.endsAs(3, { outcome: "RolledBack", reason: "Reverted" });
    await shop.untilReady();
    expect(await shop.http()).toEqual(before);
    await shop.end();
  });

  test("first contact: what the routes serve is stable; where that cannot be told, nothing is touched", async () => {
    const http = primary(to("v1", 60), to("v2", 40));
    const shop = await openVersions(bench(), "subset-first", { subset: "v2", http });
    const stalled = await shop.untilRollout("Stalled", ({ status }) => status.phase === "Stalled");
    expect(stalled.status.message).toContain(
      "spec.http[0] (primary): is split between the subsets v1 (60) and v2 (40)",
    );
    expect(await shop.http()).toEqual(http);
    await shop.applyRoutes(primary(to("v1", 100), to("v2", 0)));
    await shop.endsAs(1, { outcome: "Promoted", image: "product:v2" });
    expect(await shop.http()).toEqual(primary(to("v1", 0), to("v2", 100)));
    await shop.end();
  });
}

function isHeld({ conditions = [] }: RolloutStatus): boolean {
  return conditions.some(({ type, reason }) => type === "Ready" && reason === "CanaryCannotStart");
}
