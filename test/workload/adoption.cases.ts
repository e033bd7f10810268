import { expect, test } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import type { Stored } from "../lab/shop.ts";
import type { Bench } from "./bench.ts";
import { pointNamed, points } from "./hand-over.ts";
import { canaryPods, expectAsBefore, scale, size, standAt, untilPods, type Stand } from "./stand.ts";

const replicaSets = kind<Stored>("apps/v1", "ReplicaSet");

/** What happens while a release stands, and what becomes of it. */
interface Happening {
  readonly what: string;
  readonly name: string;
  readonly happen: (stand: Stand) => Promise<void>;
  /** Pods that serve in the end. */
  readonly pods: number;
  /** What the case itself leaves of the capacity. */
  readonly capacity: number;
}

const happenings: readonly Happening[] = [
  { what: "an autoscaler scales up and then down", name: "scaled", happen: scaleUpAndDown, pods: 2, capacity: 1 },
  {
    what: "a pod of each version is deleted",
    name: "deleted",
    happen: deletePods,
    pods: size,
    capacity: (size - 1) / size,
  },
  {
    what: "git applies the same again and labels change",
    name: "applied",
    happen: applyAgain,
    pods: size,
    capacity: 1,
  },
  { what: "somebody pauses or resumes the Deployment", name: "resumed", happen: resume, pods: size, capacity: 1 },
];

/** The hand-over at every point of its window, and what may happen there. */
export function adoptionCases(bench: () => Bench): void {
  const window = points.flatMap((point) =>
    happenings.map((happening) => ({ ...happening, point, before: point.before })),
  );
  test.each(window)("before $before, $what: promoted, and no pod restarted", async (one) => {
    const stand = await standAt(bench(), one.point, `${one.point.name}-${one.name}`);
    const { shop } = stand;
    await one.happen(stand);
    const before = await canaryPods(shop);
    await stand.lift();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    const after = await untilPods(shop, one.pods);
    expect(after.filter((pod) => !before.includes(pod))).toEqual([]);
    await expectAsBefore(shop);
    await shop.end({ capacity: one.capacity });
  });

  const newer = points.map((point) => ({
    point,
    before: point.before,
    outcome: point.adopted ? "Promoted" : "RolledBack",
    // With the template git sets maxSurge back too, and a paused Deployment that runs two old versions then shrinks both
    // to its size and surge, 3 + 1. Between hand-over and the old ReplicaSet at zero there is no time for that unless a
    // test makes it.
    capacity: point.name === "old-at-zero" ? 2 / size : 1,
  }));
  test.each(newer)("before $before, a newer template: $outcome, then the newer one is promoted", async (one) => {
    const stand = await standAt(bench(), one.point, `${one.point.name}-newer`);
    const { shop } = stand;
    await shop.release("product:v3");
    await stand.lift();
    await shop.endsAs("product:v3", { outcome: "Promoted" });
    const { history } = (await shop.rollout()).status;
    expect(history?.map((entry) => [entry.image, entry.outcome])).toEqual([
      ["product:v3", "Promoted"],
      ["product:v2", one.outcome],
    ]);
    const after = await untilPods(shop, size);
    const next = one.point.adopted ? "product-b-" : "product-a-";
    expect(after.filter((pod) => !pod.startsWith(next) || !pod.endsWith("restarts=0"))).toEqual([]);
    await expectAsBefore(shop);
    await shop.end({ capacity: one.capacity });
  });
}

/** A newer template that has to wait, and one that is stable's again. */
export function patientAdoptionCases(bench: () => Bench): void {
  const at = ["surge", "hand-over", "unpause", "widen"].map((name) => pointNamed(name));

  test.each(at)("before $before, a newer template with onNewRevision finish: both are promoted", async (point) => {
    const spec = { onNewRevision: "finish" };
    const stand = await standAt(bench(), point, `${point.name}-finish`, { spec });
    const { shop } = stand;
    const before = await canaryPods(shop);
    await shop.release("product:v3");
    const handedOver = await canaryPods(shop);
    await stand.lift();
    await shop.endsAs("product:v3", { outcome: "Promoted" });
    const { history } = (await shop.rollout()).status;
    expect(history?.map(({ outcome }) => outcome)).toEqual(["Promoted", "Promoted"]);
    expect(handedOver).toEqual(before);
    await expectAsBefore(shop);
    await shop.end();
  });

  test.each(at)("before $before, git goes back to stable's template: it serves again in the end", async (point) => {
    const stand = await standAt(bench(), point, `${point.name}-reverted`);
    const { shop } = stand;
    await shop.release("product:v1");
    await stand.lift();
    await shop.untilRollout("v1 at rest", ({ status: { phase, release, stable } }) => {
      return phase === "Ready" && release === undefined && stable?.image === "product:v1";
    });
    await until(async () => (await canaryPods(shop)).length === 0, { timeout: 60_000, what: "v2 to go" });
    const { history = [] } = (await shop.rollout()).status;
    const ended = history.map(({ image, outcome }) => `${image} ${outcome}`);
    expect(ended).toEqual(point.adopted ? ["product:v1 Promoted", "product:v2 Promoted"] : ["product:v2 RolledBack"]);
    await expectAsBefore(shop);
    await shop.end();
  });
}

async function scaleUpAndDown({ bench, shop }: Stand): Promise<void> {
  await scale(bench, shop, 5);
  await until(async () => (await canaryPods(shop)).length === 5, { timeout: 60_000, what: "five canary pods" });
  await scale(bench, shop, 2);
}

/** The canary's first; an old one, where there are any, when that has been replaced. */
async function deletePods({ bench, shop, point }: Stand): Promise<void> {
  await deletePod(bench, shop, true);
  if (point.oldPods) await deletePod(bench, shop, false);
}

async function deletePod({ lab }: Bench, shop: Stand["shop"], ofCanary: boolean): Promise<void> {
  const all = async () => (await shop.pods()).filter((pod) => pod.startsWith("product-a-") === ofCanary);
  const before = await all();
  const [name = ""] = before[0]?.split(" ") ?? [];
  await lab.kubectl(["delete", "pod", name, "-n", shop.namespace, "--wait=false"]);
  const isReplaced = async () => (await all()).some((pod) => !before.includes(pod));
  await until(isReplaced, { timeout: 60_000, what: `another pod in place of ${name}` });
}

async function applyAgain({ bench, shop }: Stand): Promise<void> {
  const { lab } = bench;
  await shop.release("product:v2");
  const { items } = await lab.cluster.client.list(replicaSets, { namespace: shop.namespace });
  const canary = items.find(({ metadata }) => metadata.name.startsWith("product-a-"))?.metadata.name ?? "";
  for (const object of ["deployment/product", `replicaset/${canary}`]) {
    await lab.kubectl(["label", object, "team=shop", "-n", shop.namespace]);
    await lab.kubectl(["annotate", object, "example.com/note=changed", "-n", shop.namespace]);
  }
  await shop.release("product:v2");
}

/** The hold does not let go; one that pauses a Deployment that is done with is overruled while the release ends. */
async function resume({ bench, shop, point }: Stand): Promise<void> {
  const { lab } = bench;
  await lab.kubectl(["rollout", point.paused ? "resume" : "pause", "deployment/product", "-n", shop.namespace]);
  if (point.paused) expect((await shop.deployment()).spec).toHaveProperty("paused", true);
}
