import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { openCase, type Bench } from "./bench.ts";
import type { StoredRollout } from "../lab/shop.ts";
import { handsOn, isPaused, pausedHalfway, promotedWithoutRestart, type Hands } from "./hands.ts";

/** How many canary pods there are, whatever scales the Deployment, the canary or its strategy. */
export function sizeCases(bench: () => Bench): void {
  test("one replica: one pod beside one, none restarted", async () => {
    const shop = await openCase(bench(), "one-replica", { app: { replicas: 1 } });
    await shop.release("product:v2");
    expect(await promotedWithoutRestart(shop, "product:v2")).toHaveLength(1);
    await shop.end();
  });

  scalerCases(bench);
  zeroCases(bench);
  historyCases(bench);
  strategyCases(bench);
  personCases(bench);
}

function scalerCases(bench: () => Bench): void {
  test.each([
    { title: "up", from: 2, to: 5, canary: 3 },
    { title: "to its maximum", from: 2, to: 8, canary: 4 },
    { title: "down", from: 5, to: 2, canary: 2 },
  ])("a scaler that goes $title at 50 %: the canary follows before the weight goes on", async ({ title, ...sizes }) => {
    const { from, to, canary } = sizes;
    const namespace = `scaled-${title.replaceAll(" ", "-")}`;
    const shop = await openCase(bench(), namespace, { app: { replicas: from }, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    await hands.scale(to);
    await until(async () => (await hands.canary())?.status?.availableReplicas === canary, {
      timeout: 60_000,
      what: `${canary} canary pods in ${namespace}`,
    });
    expect((await shop.rollout()).status.weight).toBe(50);
    await hands.untilPods("product", to);
    await hands.promote();
    expect(await promotedWithoutRestart(shop, "product:v2")).toHaveLength(to);
    await shop.end();
  });

  test("a scaler that writes random sizes at random moments: every release is promoted with pods enough", async () => {
    const shop = await openCase(bench(), "scaled-at-random", { app: { replicas: 3 } });
    const hands = handsOn(bench(), shop);
    const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
    const random = randomFrom(seed);
    let size = 3;
    for (const version of ["v2", "v3"]) {
      await shop.release(`product:${version}`);
      const scaler = new AbortController();
      const scaling = (async () => {
        while (!scaler.signal.aborted) {
          size = 2 + Math.floor(random() * 5);
          await hands.scale(size);
          // Pods that are on their way out when more are wanted again are nobody's fall in capacity.
          await until(async () => (await mostPods(hands)) <= size, { timeout: 60_000, what: "the pods to go" });
          await new Promise((resolve) => setTimeout(resolve, 1_000 + 4_000 * random()));
        }
      })();
      const outcome = await shop.outcome(`product:${version}`).finally(() => scaler.abort());
      await scaling;
      expect(outcome, `seed ${seed}`).toMatchObject({ outcome: "Promoted" });
      await hands.untilPods(version === "v2" ? "product-a" : "product-b", size);
    }
    await shop.end();
  });
}

function zeroCases(bench: () => Bench): void {
  test("0 replicas: a change is adopted without a release", async () => {
    const shop = await openCase(bench(), "at-zero", { app: { replicas: 2 } });
    const hands = handsOn(bench(), shop, { replicas: 0 });
    await shop.load.stop();
    await hands.scale(0);
    await hands.untilPods("product", 0);
    await hands.apply({ image: "product:v2" });
    await shop.untilRollout("v2 to be stable", ({ status }) => status.stable?.image === "product:v2");
    await hands.scale(2);
    await until(async () => (await shop.pods()).length === 2, { timeout: 60_000, what: "two pods" });
    const { status } = await shop.untilRollout("Ready", ({ status: { phase } }) => phase === "Ready");
    expect(status.history ?? []).toEqual([]);
    await shop.end({ capacity: 0 });
  });

  test.each([
    { when: "at 100 %", name: "full", spec: { steps: [{ weight: 100 }, { pause: {} }] }, phase: "Paused" },
    { when: "while it bakes", name: "baking", spec: { bake: "1h" }, phase: "Baking" },
  ])("scaled to 0 and back $when: goes on by itself, and is promoted", async ({ name, spec, phase }) => {
    const shop = await openCase(bench(), `to-zero-${name}`, { app: { replicas: 2 }, spec });
    const hands = handsOn(bench(), shop);
    const reached = ({ status }: StoredRollout) => status.phase === phase && status.weight === 100;
    await shop.release("product:v2");
    await shop.untilRollout(phase, reached);
    expect((await shop.load.stop()).failed).toBe(0);
    await hands.scale(0);
    const empty = await shop.untilRollout("the wait", ({ status }) => status.message?.includes("0 replicas") === true);
    expect(empty.status).toMatchObject({ weight: 0, phase: "Held" });
    await until(async () => (await shop.pods()).length === 0, { timeout: 60_000, what: "no pods" });
    await hands.scale(2);
    await hands.untilPods("product", 2);
    await until(() => bench().lab.isReached(shop.namespace), { timeout: 60_000, what: "an answer" });
    shop.capacity.reset();
    const load = await bench().lab.startLoad({ namespace: shop.namespace, rate: 20 });
    await shop.untilRollout(`${phase} again`, reached);
    await hands.promote();
    expect(await promotedWithoutRestart(shop, "product:v2")).toHaveLength(2);
    expect((await load.stop()).failed).toBe(0);
    await shop.end();
  });

  test("scaled to 0 and back in mid-release: the release waits without pods and goes on with them", async () => {
    const shop = await openCase(bench(), "to-zero-and-back", { app: { replicas: 2 }, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    expect((await shop.load.stop()).failed).toBe(0);
    await hands.scale(0);
    const empty = await shop.untilRollout("the wait", ({ status }) => status.message?.includes("0 replicas") === true);
    expect(empty.status).toMatchObject({ weight: 0, phase: "Held" });
    await until(async () => (await shop.pods()).length === 0, { timeout: 60_000, what: "no pods" });
    const { lab } = bench();
    const canary = { namespace: shop.namespace, workload: "product-a" };
    await lab.world.pods.set(canary, { NEVER_READY: "true" });
    await hands.scale(3);
    await hands.untilPods("product", 3);
    await hands.untilPods("product-a", 2);
    await until(() => lab.isReached(shop.namespace), { timeout: 60_000, what: "an answer of stable" });
    shop.capacity.reset();
    const load = await lab.startLoad({ namespace: shop.namespace, rate: 20 });
    await until(() => load.snapshot().total > 60, { timeout: 30_000, what: "requests that only stable can answer" });
    await lab.world.pods.set(canary, { NEVER_READY: "" });
    const again = await shop.untilRollout("the pause again", isPaused);
    expect(again.status.weight).toBe(50);
    await hands.promote();
    expect(await promotedWithoutRestart(shop, "product:v2")).toHaveLength(3);
    expect((await load.stop()).failed).toBe(0);
    await shop.end();
  });
}

/** What only Deployments that keep no history do: the ReplicaSet of stable goes as soon as it is empty. */
function historyCases(bench: () => Bench): void {
  test("revisionHistoryLimit 0, scaled to 0 and back in mid-release: stable is lost, the new revision runs", async () => {
    const fields = { deployment: { revisionHistoryLimit: 0 } };
    const app = { replicas: 2, fields };
    const shop = await openCase(bench(), "lost-stable", { app, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    expect((await shop.load.stop()).failed).toBe(0);
    await hands.scale(0);
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "StableLost" });
    await hands.scale(2);
    await shop.untilRollout("v2 to be stable", ({ status }) => status.stable?.image === "product:v2");
    await until(async () => (await shop.pods()).length === 2, { timeout: 60_000, what: "two pods" });
    expect((await shop.rollout()).status.rejected ?? []).toEqual([]);
    await shop.end({ capacity: 0 });
  });
}

function strategyCases(bench: () => Bench): void {
  test.each([
    [0, 1],
    [1, 0],
    ["25%", "25%"],
    ["100%", 0],
    [3, "50%"],
  ])("maxSurge %s and maxUnavailable %s: capacity is kept, nothing is restarted", async (maxSurge, maxUnavailable) => {
    const rollingUpdate = { maxSurge, maxUnavailable };
    const strategy = { type: "RollingUpdate", rollingUpdate };
    const namespace = `surge-${maxSurge}-${maxUnavailable}`.replaceAll("%", "");
    const shop = await openCase(bench(), namespace, { app: { strategy } });
    await shop.release("product:v2");
    expect(await promotedWithoutRestart(shop, "product:v2")).toHaveLength(3);
    expect((await shop.deployment()).spec["strategy"]).toEqual(strategy);
    await shop.end();
  });

  test.each([0, 1])("revisionHistoryLimit %s: promoted, rolled back, promoted again", async (revisionHistoryLimit) => {
    const app = { fields: { deployment: { revisionHistoryLimit } } };
    const shop = await openCase(bench(), `history-limit-${revisionHistoryLimit}`, { app });
    await shop.release("product:v2");
    await promotedWithoutRestart(shop, "product:v2");
    await shop.release("product:v3", { NEVER_READY: "true", CRASH_AFTER_SECONDS: "1", CRASH_REASON: "OOMKilled" });
    await shop.endsAs("product:v3", { outcome: "RolledBack", reason: "CanaryCrashed" });
    await shop.release("product:v4");
    await promotedWithoutRestart(shop, "product:v4");
    await shop.end();
  });

  test("minReadySeconds: no weight before the canary pods are available, not just ready", async () => {
    const shop = await openCase(bench(), "min-ready-seconds", { app: { minReadySeconds: 3 }, spec: pausedHalfway });
    await shop.release("product:v2");
    const { status } = await shop.untilRollout("the pause", isPaused);
    const hands = handsOn(bench(), shop);
    const since = '-o=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].lastTransitionTime}';
    const canaries = `pod-template-hash=${status.canary?.podTemplateHash ?? ""}`;
    const ready = (await hands.kubectl("get", "pods", "-l", canaries, since)).split(" ").map((at) => Date.parse(at));
    expect(ready).toHaveLength(2);
    expect(Date.parse(status.release?.canaryReadyAt ?? "") - Math.max(...ready)).toBeGreaterThanOrEqual(3_000);
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end();
  });

  test("a LimitRange that gives pods their defaults: the template is as in git, the release is promoted", async () => {
    const limits = [{ type: "Container", defaultRequest: { cpu: "10m" }, default: { cpu: "100m" } }];
    const beside = [
      { apiVersion: "v1", kind: "LimitRange", metadata: { name: "limits", namespace: "limited" }, spec: { limits } },
    ];
    const shop = await openCase(bench(), "limited", { beside });
    await shop.release("product:v2");
    await promotedWithoutRestart(shop, "product:v2");
    expect(JSON.stringify((await shop.deployment()).spec)).not.toContain("100m");
    expect(await handsOn(bench(), shop).kubectl("get", "pods", "-o", "yaml")).toContain("cpu: 100m");
    await shop.end();
  });
}

function personCases(bench: () => Bench): void {
  test("a person scales the canary's ReplicaSet: it gets its size back", async () => {
    const shop = await openCase(bench(), "person-scales", { app: { replicas: 4 }, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const name = (await hands.canary())?.metadata.name ?? "";
    const sizes = [
      [6, 4],
      [1, 2],
    ] as const;
    for (const [replicas, corrected] of sizes) {
      await hands.kubectl("scale", `replicaset/${name}`, `--replicas=${replicas}`);
      await until(async () => (await hands.canary())?.status?.availableReplicas === corrected, {
        timeout: 60_000,
        what: `${corrected} canary pods after ${replicas}`,
      });
    }
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end({ capacity: 0.5 });
  });

  test.each([
    ["scales the canary's ReplicaSet to 0", "person-empties", ["scale", "--replicas=0"]],
    ["deletes the canary's ReplicaSet", "person-deletes", ["delete", "--wait=false"]],
  ])("a person %s at 50 %: all traffic goes back to stable", async (_what, namespace, command) => {
    const shop = await openCase(bench(), namespace, { app: { replicas: 4 }, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    await hands.kubectl(...command, `replicaset/${(await hands.canary())?.metadata.name ?? ""}`);
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "CanaryUnavailable" });
    await shop.end({ capacity: 0, lost: 20 });
  });

  test("a person takes the canary's ownerReference off: it follows the Deployment's size all the same", async () => {
    const shop = await openCase(bench(), "person-disowns", { app: { replicas: 2 }, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const name = (await hands.canary())?.metadata.name ?? "";
    await hands.kubectl("patch", `replicaset/${name}`, "--type=json", "-p", withoutOwners);
    await hands.scale(4);
    await until(async () => (await hands.canary())?.status?.availableReplicas === 2, {
      timeout: 60_000,
      what: "two canary pods",
    });
    await hands.promote();
    expect(await promotedWithoutRestart(shop, "product:v2")).toHaveLength(4);
    await shop.end();
  });

  test("a person deletes the canary's ReplicaSet before it has traffic: it is made again", async () => {
    const steps = [{ pause: {} }, { weight: 50 }, { weight: 100 }];
    const shop = await openCase(bench(), "person-deletes-early", { spec: { steps } });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const deleted = await hands.canary();
    await hands.kubectl("delete", `replicaset/${deleted?.metadata.name ?? ""}`);
    await until(async () => ((await hands.canary())?.metadata.uid ?? deleted?.metadata.uid) !== deleted?.metadata.uid, {
      timeout: 60_000,
      what: "another canary",
    });
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end();
  });
}

const withoutOwners = JSON.stringify([{ op: "remove", path: "/metadata/ownerReferences" }]);

/** The pods of the version that has most. */
async function mostPods(hands: Hands): Promise<number> {
  const counts = await Promise.all(["product", "product-a", "product-b"].map((workload) => hands.podsOf(workload)));
  return Math.max(...counts.map((all) => all.length));
}

/** Numbers between 0 and 1 that follow from the seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
