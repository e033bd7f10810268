import { afterAll, beforeAll, expect, test } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import type { Stored } from "../lab/shop.ts";
import { operatorFlags, startBench, type Bench } from "./bench.ts";
import { points } from "./hand-over.ts";
import { canaryPods, expectAsBefore, size, standAt, untilPods, type Stand } from "./stand.ts";

const replicaSets = kind<Owned>("apps/v1", "ReplicaSet");

interface Owned extends Stored {
  readonly metadata: Stored["metadata"] & { readonly ownerReferences?: readonly object[] };
}

/** What is stopped here is shared by all releases of a lab, so this one is for these tests alone. */
let bench: Bench;

beforeAll(async () => {
  bench = await startBench();
}, 5_400_000);

afterAll(async () => {
  await bench.lab.stop();
});

interface Waiting extends Stand {
  readonly judged: readonly string[];
}

/** A release at every point of the hand-over, each in a namespace of its own and under load. */
async function standEverywhere(round: string): Promise<readonly Waiting[]> {
  const stands = await Promise.all(points.map((point) => standAt(bench, point, `${round}-${point.name}`)));
  return Promise.all(stands.map(async (stand) => ({ ...stand, judged: await canaryPods(stand.shop) })));
}

/** Every one ends promoted with the pods that were judged; the shops assert requests and capacity. */
async function expectAllPromoted(waiting: readonly Waiting[]): Promise<void> {
  for (const { shop, judged, point } of waiting) {
    expect(await shop.outcome("product:v2"), `before ${point.before}`).toMatchObject({ outcome: "Promoted" });
    expect(judged).toHaveLength(size);
    expect(await untilPods(shop, size), `pods, stopped before ${point.before}`).toEqual(judged);
    await expectAsBefore(shop);
    await shop.end();
  }
}

const liftAll = (waiting: readonly Waiting[]) => Promise.all(waiting.map(({ lift }) => lift()));

test("the operator is killed at every point of the hand-over: each release ends, no pod restarted", async () => {
  const waiting = await standEverywhere("operator");
  await bench.operator.process.stop("SIGKILL");
  await liftAll(waiting);
  bench = { ...bench, operator: await bench.lab.startOperator(operatorFlags, "operator-again") };
  await expectAllPromoted(waiting);
});

test("controllers and operator are killed, also between hand-over and adoption: each release ends", async () => {
  const { lab } = bench;
  const waiting = await standEverywhere("controllers");
  await lab.cluster.parts.controllerManager.stop("SIGKILL");
  await liftAll(waiting);
  // Nobody adopts now: what is handed over belongs to nobody, and stays at work.
  await untilNobodys("controllers-hand-over");
  await bench.operator.process.stop("SIGKILL");
  bench = { ...bench, operator: await lab.startOperator(operatorFlags, "operator-third") };
  await lab.cluster.parts.controllerManager.start();
  await expectAllPromoted(waiting);
});

test("the controllers are frozen between hand-over and adoption and meet a newer template: both are promoted", async () => {
  const { lab } = bench;
  const [handOver] = points.filter(({ name }) => name === "hand-over");
  const stand = await standAt(bench, handOver!, "frozen");
  lab.cluster.parts.controllerManager.suspend();
  await stand.lift();
  await untilNobodys("frozen");
  await stand.shop.release("product:v3");
  lab.cluster.parts.controllerManager.resume();
  await stand.shop.endsAs("product:v3", { outcome: "Promoted" });
  const { history } = (await stand.shop.rollout()).status;
  expect(history?.map(({ outcome }) => outcome)).toEqual(["Promoted", "Promoted"]);
  await untilPods(stand.shop, size);
  // With the template git sets maxSurge back, and the controllers, which see both at once, shrink both versions to size
  // and surge before the old one can be taken away.
  await stand.shop.end({ capacity: 2 / size });
});

/** Waits until the canary's ReplicaSet has no owner. */
async function untilNobodys(namespace: string): Promise<void> {
  const isNobodys = async () => {
    const { items } = await bench.lab.cluster.client.list(replicaSets, { namespace });
    const canary = items.find(({ metadata }) => metadata.name.startsWith("product-a-"));
    return canary !== undefined && (canary.metadata.ownerReferences ?? []).length === 0;
  };
  await until(isNobodys, { timeout: 60_000, what: `the hand-over in ${namespace}` });
}
