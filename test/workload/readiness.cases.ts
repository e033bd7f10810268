import { expect, test } from "vitest";
import { until } from "../cluster/processes/until.ts";
import { manifest, type App } from "../lab/app.ts";
import { openCase, type Bench, type Case } from "./bench.ts";
import { pointNamed } from "./hand-over.ts";
import { cannotStart, handsOn, isPaused, pausedHalfway, promotedWithoutRestart, type Hands } from "./hands.ts";
import { standAt } from "./stand.ts";

/** Canary and stable pods that go, get unready, start slowly, or cannot start at all. */
export function readinessCases(bench: () => Bench): void {
  lossCases(bench);
  unreadyCases(bench);
  roomCases(bench);
  startCases(bench);
}

function lossCases(bench: () => Bench): void {
  test.each([
    { what: "a canary pod is evicted", namespace: "evicted-canary", workload: "product-a", capacity: 0.5 },
    { what: "a canary pod is deleted", namespace: "deleted-canary", workload: "product-a", capacity: 0.5 },
    { what: "a stable pod is evicted", namespace: "evicted-stable", workload: "product", capacity: 1 },
    { what: "a stable pod is deleted", namespace: "deleted-stable", workload: "product", capacity: 1 },
  ] as const)("$what at 50 %: it is replaced and the release goes on", async (row) => {
    const { what, namespace, workload, capacity } = row;
    const shop = await openCase(bench(), namespace, { app: { replicas: 4 }, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const [pod = ""] = await hands.podsOf(workload);
    await (what.endsWith("evicted") ? hands.evict(pod) : hands.kubectl("delete", "pod", pod, "--wait=false"));
    const whole = { "product-a": 2, product: 4 }[workload];
    await until(async () => (await ready(shop, workload)).filter((name) => name !== pod).length === whole, {
      timeout: 60_000,
      what: "the pod to be replaced",
    });
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end({ capacity });
  });

  test("the only canary pod is evicted at 10 %: all traffic goes back; a retry releases the revision", async () => {
    const steps = [{ weight: 10 }, { pause: {} }, { weight: 100 }];
    const shop = await openCase(bench(), "evicted-alone", { spec: { steps } });
    const hands = handsOn(bench(), shop);
    // Started within milliseconds, the next pod would be ready before the ReplicaSet has counted none.
    await shop.release("product:v2", { START_SECONDS: "3" });
    await shop.untilRollout("the pause", isPaused);
    const [pod = ""] = await hands.podsOf("product-a");
    await hands.evict(pod);
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "CanaryUnavailable" });
    await hands.kubectl("annotate", "rollout/product", "serin.dev/retry-requested=now");
    await shop.untilRollout("the pause again", isPaused);
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end({ capacity: 0, lost: 10 });
  });

  /** Names of the ready pods of one version, as the node agent reports them. */
  async function ready({ namespace }: Case, workload: string): Promise<readonly string[]> {
    const all = await bench().lab.world.pods.list();
    const own = all.filter((pod) => pod.namespace === namespace && pod.workload === workload && pod.ready);
    return own.map(({ name }) => name);
  }
}

function unreadyCases(bench: () => Bench): void {
  test("a canary pod is unready for a moment at 50 %: the release goes on with those that are ready", async () => {
    const shop = await openCase(bench(), "moment-at-50", { app: { replicas: 4 }, spec: pausedHalfway });
    const hands = handsOn(bench(), shop);
    const { world } = bench().lab;
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const [pod = ""] = await hands.podsOf("product-a");
    await world.pods.set({ namespace: shop.namespace, pod }, { NEVER_READY: "true" });
    await untilReady(hands, 1);
    expect((await shop.rollout()).status.weight).toBe(50);
    await world.pods.clear({ namespace: shop.namespace, pod });
    await untilReady(hands, 2);
    await hands.promote();
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end({ capacity: 0.5 });
  });

  test("a canary pod that stays unready when the next weight needs it: given up after progressDeadline", async () => {
    const steps = [{ weight: 30 }, { pause: {} }, { weight: 50 }, { weight: 100 }];
    const spec = { steps, progressDeadline: "8s" };
    const shop = await openCase(bench(), "stays-unready", { app: { replicas: 4 }, spec });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const [pod = ""] = await hands.podsOf("product-a");
    await bench().lab.world.pods.set({ namespace: shop.namespace, pod }, { NEVER_READY: "true" });
    await untilReady(hands, 1);
    await hands.promote();
    await shop.endsAs("product:v2", {
      outcome: "RolledBack",
      reason: "ProgressDeadlineExceeded",
      highestWeight: 30,
    });
    await shop.end({ capacity: 0.5 });
  });

  test("the only canary pod is unready for a moment at 10 %: all traffic goes back at once", async () => {
    const steps = [{ weight: 10 }, { pause: {} }, { weight: 100 }];
    const shop = await openCase(bench(), "moment-at-10", { spec: { steps } });
    await shop.release("product:v2");
    await shop.untilRollout("the pause", isPaused);
    const canary = { namespace: shop.namespace, workload: "product-a" };
    await bench().lab.world.pods.set(canary, { NEVER_READY: "true" });
    await shop.untilRollout("the way back", ({ status }) => status.weight === 0);
    await bench().lab.world.pods.clear(canary);
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "CanaryUnavailable" });
    await shop.end({ capacity: 0, lost: 10 });
  });

  test("a canary that never gets ready: given up after progressDeadline, no request reached it", async () => {
    const shop = await openCase(bench(), "never-ready", { spec: { progressDeadline: "6s" } });
    await shop.release("product:v2", { NEVER_READY: "true" });
    await shop.endsAs("product:v2", {
      outcome: "RolledBack",
      reason: "ProgressDeadlineExceeded",
      highestWeight: 0,
    });
    expect(shop.load.snapshot().byVersion).not.toHaveProperty("v2");
    await shop.end();
  });

  test("canary pods that start slowly: no weight before they are ready", async () => {
    const shop = await openCase(bench(), "slow-start", { app: { replicas: 2 } });
    await shop.release("product:v2", { START_SECONDS: "5" });
    await shop.untilRollout("the wait", ({ status }) => status.message?.includes("0 of 1 canary pods") === true);
    expect((await shop.rollout()).status.weight).toBe(0);
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end();
  });
}

async function untilReady(hands: Hands, count: number): Promise<void> {
  await until(async () => (await hands.canary())?.status?.readyReplicas === count, {
    timeout: 60_000,
    what: `${count} ready canary pods`,
  });
}

function roomCases(bench: () => Bench): void {
  const quota = (namespace: string, pods: number) => ({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "room", namespace },
    spec: { hard: { pods: String(pods) } },
  });
  /** Until its controller has counted the pods that are there, a new quota refuses nothing. */
  const limit = async (hands: Hands, namespace: string, { pods, used }: { pods: number; used: number }) => {
    await bench().lab.apply(manifest(quota(namespace, pods)));
    await hands.kubectl("wait", `--for=jsonpath={.status.used.pods}=${used}`, "resourcequota/room", "--timeout=60s");
  };
  const raise = (hands: Hands) => hands.kubectl("patch", "resourcequota/room", "-p", '{"spec":{"hard":{"pods":"20"}}}');

  test("a quota leaves no room for a canary pod: held longer than progressDeadline, released when it is raised", async () => {
    const namespace = "quota";
    const spec = { progressDeadline: "15s" };
    const shop = await openCase(bench(), namespace, { spec });
    const hands = handsOn(bench(), shop);
    await limit(hands, namespace, { pods: 3, used: 3 });
    await shop.release("product:v2");
    const held = await shop.untilRollout("the hold", cannotStart);
    expect(held.status).toMatchObject({ phase: "Held", weight: 0 });
    expect(held.status.message).toContain("exceeded quota: room");
    await longerThan(shop, 16_000);
    await raise(hands);
    await promotedWithoutRestart(shop, "product:v2");
    expect((await shop.rollout()).status.rejected ?? []).toEqual([]);
    expect((await shop.events()).filter((reason) => reason === "Held")).toHaveLength(1);
    await shop.end();
  });

  test("a quota leaves no room for the canary's ReplicaSet: held longer than progressDeadline, released when raised", async () => {
    const namespace = "quota-of-sets";
    const shop = await openCase(bench(), namespace, { spec: { progressDeadline: "15s" } });
    const hands = handsOn(bench(), shop);
    const sets = "count/replicasets.apps";
    const hard = (count: number) => ({ ...quota(namespace, 20), spec: { hard: { [sets]: String(count) } } });
    await bench().lab.apply(manifest(hard(1)));
    await hands.kubectl("wait", "--for=jsonpath={.status.used.count/replicasets\\.apps}=1", "resourcequota/room");
    await shop.release("product:v2");
    const held = await shop.untilRollout("the hold", cannotStart);
    expect(held.status).toMatchObject({ phase: "Held", weight: 0 });
    expect(held.status.message).toContain("exceeded quota: room");
    await longerThan(shop, 16_000);
    await bench().lab.apply(manifest(hard(5)));
    await promotedWithoutRestart(shop, "product:v2");
    expect((await shop.rollout()).status.rejected ?? []).toEqual([]);
    await shop.end();
  });

  test("a quota leaves room for half: traffic stays at 50 % until it is raised", async () => {
    const namespace = "half-quota";
    const spec = { progressDeadline: "15s" };
    const shop = await openCase(bench(), namespace, { app: { replicas: 4 }, spec });
    const hands = handsOn(bench(), shop);
    await limit(hands, namespace, { pods: 6, used: 4 });
    await shop.release("product:v2");
    const held = await shop.untilRollout("the hold", cannotStart);
    expect(held.status).toMatchObject({ phase: "Held", weight: 50 });
    await longerThan(shop, 16_000);
    expect((await shop.rollout()).status.weight).toBe(50);
    await raise(hands);
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end();
  });

  test("a quota keeps a lost canary pod from coming back before the hand-over: held, promoted when it is raised", async () => {
    const namespace = "late-quota";
    const stand = await standAt(bench(), pointNamed("surge"), namespace, { spec: { progressDeadline: "15s" } });
    const { shop } = stand;
    const hands = handsOn(bench(), shop);
    await limit(hands, namespace, { pods: 5, used: 6 });
    const [lost = ""] = await hands.podsOf("product-a");
    await hands.kubectl("delete", "pod", lost, "--wait=false");
    const held = await shop.untilRollout("the hold", cannotStart);
    expect(held.status).toMatchObject({ phase: "Held", weight: 100, release: { decision: "Promote" } });
    expect(held.status.message).toContain("exceeded quota: room");
    await stand.lift();
    await longerThan(shop, 16_000);
    await raise(hands);
    await hands.untilPods("product-a", 3);
    await promotedWithoutRestart(shop, "product:v2");
    expect((await shop.rollout()).status.rejected ?? []).toEqual([]);
    await shop.end({ capacity: 2 / 3 });
  });

  test("no node has room for the canary pod: held in the scheduler's words, released when there is room", async () => {
    const container = { resources: { requests: { memory: "60Gi" } } };
    const app = { replicas: 2, fields: { container } };
    const squatter = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "squatter", namespace: "no-room" },
      spec: { containers: [{ name: "app", image: "squatter:v1", resources: { requests: { memory: "100Gi" } } }] },
    };
    const shop = await openCase(bench(), "no-room", { app, beside: [squatter], spec: { progressDeadline: "15s" } });
    const hands = handsOn(bench(), shop);
    await shop.release("product:v2");
    const held = await shop.untilRollout("the hold", cannotStart);
    expect(held.status.message).toContain("cannot be scheduled: 0/1 nodes are available: 1 Insufficient memory.");
    await longerThan(shop, 16_000);
    await hands.kubectl("delete", "pod", "squatter", "--wait=false");
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end();
  });

  test("a nodeSelector that fits no node: held, and superseded by a revision that fits", async () => {
    const shop = await openCase(bench(), "no-node");
    const hands = handsOn(bench(), shop);
    await hands.apply({ image: "product:v2", fields: { pod: { nodeSelector: { disk: "fast" } } } });
    const held = await shop.untilRollout("the hold", cannotStart);
    expect(held.status.message).toContain("didn't match Pod's node affinity/selector");
    await shop.release("product:v3");
    await promotedWithoutRestart(shop, "product:v3");
    expect((await shop.rollout()).status.history?.[1]).toMatchObject({ reason: "Superseded", highestWeight: 0 });
    await shop.end();
  });
}

/** Waits until a release has been under way for so long. */
async function longerThan(shop: Case, milliseconds: number): Promise<void> {
  await shop.untilRollout("some time to pass", ({ status }) => {
    return Date.now() - Date.parse(status.release?.startedAt ?? "") > milliseconds;
  });
}

function startCases(bench: () => Bench): void {
  test("an image that cannot be pulled: held, released when it is there", async () => {
    const shop = await openCase(bench(), "no-image", { spec: { progressDeadline: "15s" } });
    await shop.release("product:missing-v2");
    const held = await shop.untilRollout("the hold", cannotStart);
    expect(held.status.message).toMatch(/ErrImagePull|ImagePullBackOff/);
    await longerThan(shop, 16_000);
    await bench().lab.world.pods.set({ namespace: shop.namespace, workload: "product-a" }, { IMAGE_MISSING: "false" });
    await promotedWithoutRestart(shop, "product:missing-v2");
    await shop.end();
  });

  const configMapRef = { name: "settings" };
  const secretKeyRef = { name: "settings", key: "token" };
  const fromConfigMap: App["fields"] = { container: { envFrom: [{ configMapRef }] } };
  const fromSecret: App["fields"] = { container: { env: [{ name: "TOKEN", valueFrom: { secretKeyRef } }] } };
  const fromVolume: App["fields"] = { pod: { volumes: [{ name: "settings", configMap: { name: "settings" } }] } };
  test.each([
    {
      without: "a ConfigMap of its environment",
      namespace: "no-configmap",
      fields: fromConfigMap,
      message: 'configmap "settings" not found',
    },
    {
      without: "a Secret of its environment",
      namespace: "no-secret",
      fields: fromSecret,
      message: 'secret "settings" not found',
    },
    {
      without: "a ConfigMap of a volume",
      namespace: "no-volume",
      fields: fromVolume,
      message: "waits for its volumes or its network",
    },
  ])("a canary without $without: held, released when it is there", async (row) => {
    const { without, namespace, fields, message } = row;
    const shop = await openCase(bench(), namespace, { spec: { progressDeadline: "45s" } });
    const hands = handsOn(bench(), shop);
    await hands.apply({ image: "product:v2", fields });
    const held = await shop.untilRollout("the hold", cannotStart);
    expect(held.status.message).toContain(message);
    const kind = without.includes("Secret") ? ["secret", "generic"] : ["configmap"];
    await hands.kubectl("create", ...kind, "settings", "--from-literal=token=t");
    await promotedWithoutRestart(shop, "product:v2");
    await shop.end();
  });
}
