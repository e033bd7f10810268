import { test } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import type { ShopOptions, Stored, StoredRollout } from "../lab/shop.ts";
import { openCase, type Bench, type Case } from "./bench.ts";
import { expectLetGo, rollsByItself } from "./left-behind.ts";

const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");
const replicaSets = kind<Stored>("apps/v1", "ReplicaSet");

type Propagation = "Background" | "Foreground" | "Orphan";

/** A place in the life of a Rollout in which it is deleted. */
interface Phase {
  readonly title: string;
  readonly namespace: string;
  readonly options?: ShopOptions;
  /** Brings the Rollout into the phase; what is deleted next is deleted at once. */
  bring(shop: Case, bench: Bench): Promise<unknown>;
  /** The version that serves when the Rollout is gone; `either` where the hand-over may come before the deletion. */
  readonly left: "v1" | "v2" | "either";
  readonly propagation?: Propagation;
}

const untilPaused = { steps: [{ weight: 10 }, { pause: {} }, { weight: 100 }] };
const endless = { minStepDuration: "1h", maxStepDuration: "2h" };

const released = (shop: Case) => shop.release("product:v2");

/** Waits on a watch, so that a phase of some milliseconds is met. */
function seen({ lab }: Bench, { namespace }: Case, what: string, condition: (found: StoredRollout) => boolean) {
  const answer = (objects: readonly StoredRollout[]) => objects.some(condition);
  return lab.cluster.client.watchUntil({ kind: rollouts, namespace, timeout: 120_000, what }, answer);
}

async function releasedUntil(shop: Case, bench: Bench, what: string, condition: (found: StoredRollout) => boolean) {
  await released(shop);
  await seen(bench, shop, what, condition);
}

const phases: readonly Phase[] = [
  {
    title: "that is at rest",
    namespace: "leave-at-rest",
    bring: () => Promise.resolve(),
    left: "v1",
  },
  {
    title: "that is new",
    namespace: "leave-new",
    options: { unready: true },
    bring: () => Promise.resolve(),
    left: "v1",
  },
  {
    title: "with a template held before the first canary pod",
    namespace: "leave-held",
    bring: async (shop, bench) => {
      await bench.lab.kubectl(["annotate", "rollout/product", "-n", shop.namespace, "serin.dev/pause-requested=now"]);
      await releasedUntil(shop, bench, "a release without canary", ({ status }) => status.release !== undefined);
    },
    left: "v1",
  },
  {
    title: "whose canary pods start",
    namespace: "leave-starting",
    bring: async (shop, bench) => {
      await shop.release("product:v2", { NEVER_READY: "true" });
      await seen(bench, shop, "a canary", ({ status }) => status.release?.canaryCreatedAt !== undefined);
    },
    left: "v1",
  },
  {
    title: "whose canary pods cannot start",
    namespace: "leave-cannot-start",
    bring: async (shop, bench) => {
      await shop.release("product:missing");
      await seen(
        bench,
        shop,
        "the hold",
        ({ status: { conditions } }) => conditions?.some(({ reason }) => reason === "CanaryCannotStart") === true,
      );
    },
    left: "v1",
  },
  {
    title: "at 10 %, under judgement",
    namespace: "leave-at-10",
    options: { spec: { steps: [{ weight: 10 }, { weight: 100 }], analysis: endless } },
    bring: (shop, bench) => releasedUntil(shop, bench, "weight 10", ({ status }) => status.weight === 10),
    left: "v1",
  },
  {
    title: "in a paused step",
    namespace: "leave-paused-step",
    options: { spec: untilPaused },
    bring: (shop, bench) => releasedUntil(shop, bench, "the pause", ({ status }) => status.phase === "Paused"),
    left: "v1",
  },
  {
    title: "at 100 %",
    namespace: "leave-at-100",
    options: { spec: { steps: [{ weight: 100 }], analysis: endless } },
    bring: (shop, bench) =>
      releasedUntil(shop, bench, "traffic at 100", ({ status }) => status.release?.stepStartedAt !== undefined),
    left: "v1",
  },
  {
    title: "that bakes",
    namespace: "leave-baking",
    options: { spec: { bake: "1h" } },
    bring: (shop, bench) => releasedUntil(shop, bench, "baking", ({ status }) => status.phase === "Baking"),
    left: "v1",
  },
  {
    title: "that has decided to promote",
    namespace: "leave-promoting",
    bring: (shop, bench) =>
      releasedUntil(shop, bench, "the decision", ({ status }) => status.release?.decision === "Promote"),
    left: "either",
  },
  {
    title: "whose adoption has begun",
    namespace: "leave-adopting",
    bring: (shop, bench) =>
      releasedUntil(shop, bench, "the adoption", ({ status }) => status.release?.adoption !== undefined),
    left: "either",
  },
  {
    title: "whose canary was handed over",
    namespace: "leave-handed-over",
    bring: async (shop, bench) => {
      await released(shop);
      const isHandedOver = (found: readonly Stored[]) =>
        found.some(({ metadata }) => metadata.name.startsWith("product-a-") && metadata.labels?.["app"] === "product");
      const query = { kind: replicaSets, namespace: shop.namespace, timeout: 120_000, what: "the hand-over" };
      await bench.lab.cluster.client.watchUntil(query, isHandedOver);
    },
    left: "v2",
  },
  {
    title: "that gives its routes back after a promotion",
    namespace: "leave-widened",
    bring: (shop, bench) =>
      releasedUntil(shop, bench, "subsets widened", ({ status }) => status.release?.traffic?.subsets === "Widened"),
    left: "v2",
  },
  {
    title: "that is rolling back",
    namespace: "leave-rolling-back",
    options: { spec: untilPaused },
    bring: async (shop, bench) => {
      await releasedUntil(shop, bench, "the pause", ({ status }) => status.phase === "Paused");
      await bench.lab.kubectl(["annotate", "rollout/product", "-n", shop.namespace, "serin.dev/abort-requested=now"]);
      await seen(bench, shop, "the rollback", ({ status }) => status.release?.decision === "Rollback");
    },
    left: "v1",
  },
  {
    title: "that has rejected what is in git",
    namespace: "leave-rejected",
    options: { spec: untilPaused },
    bring: async (shop, bench) => {
      await releasedUntil(shop, bench, "the pause", ({ status }) => status.phase === "Paused");
      await bench.lab.kubectl(["annotate", "rollout/product", "-n", shop.namespace, "serin.dev/abort-requested=now"]);
      await seen(bench, shop, "the rejection", ({ status }) => status.phase === "RolledBack");
    },
    left: "v1",
  },
];

/** The phases in which it makes a difference what the garbage collector does to what a Rollout owns. */
const collected: readonly (readonly [string, Propagation])[] = [
  ["leave-at-rest", "Foreground"],
  ["leave-at-10", "Foreground"],
  ["leave-at-100", "Foreground"],
  ["leave-handed-over", "Foreground"],
  ["leave-at-rest", "Orphan"],
  ["leave-at-10", "Orphan"],
  ["leave-adopting", "Orphan"],
];

/**
 * With --cascade=foreground it is the person who takes canary pods, route and subsets away, all at once and before the
 * operator is asked: for a second at most, requests may find a route to what is gone.
 */
const takenAway = { lost: 20, capacity: 0 };

/** Deleting a Rollout gives everything back, whatever it is doing at that moment. */
export function leavingCases(bench: () => Bench): void {
  for (const phase of phases) test(`a Rollout is deleted ${phase.title}`, () => leave(bench(), phase));
  for (const [base, propagation] of collected) {
    const phase = phases.find(({ namespace }) => namespace === base);
    if (phase === undefined) throw new Error(`there is no phase ${base}`);
    const namespace = `${base}-${propagation.toLowerCase()}`;
    test(`a Rollout is deleted ${phase.title}, with --cascade=${propagation.toLowerCase()}`, () =>
      leave(bench(), { ...phase, namespace, propagation }));
  }
}

async function leave(bench: Bench, phase: Phase) {
  const { namespace, options, left, propagation = "Background" } = phase;
  const shop = await openCase(bench, namespace, options);
  await phase.bring(shop, bench);
  await bench.lab.cluster.client.delete(rollouts, { namespace, name: "product" }, propagation);
  await expectLetGo(bench.lab, shop, left === "either" ? ["product:v1", "product:v2"] : [`product:${left}`]);
  await rollsByItself(bench.lab, shop, "product:v3");
  await shop.end(propagation === "Foreground" ? takenAway : {});
}
