import { expect } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import type { ShopOptions, Stored } from "../lab/shop.ts";
import { openCase, type Bench, type Case } from "./bench.ts";
import { refusal, refuse, type Point } from "./hand-over.ts";

const deployments = kind<Stored>("apps/v1", "Deployment");

/** How many pods serve an app that does not say otherwise. */
export const size = 3;

/** A surge that git says: one that is not there is nobody's to put back. */
export const app = { replicas: size, strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%" } } };

/** One step, as these cases begin where it ends. */
export const oneStep = { steps: [{ weight: 100 }] };

/** A release of v2 that stands right before a write of its hand-over. */
export interface Stand {
  readonly bench: Bench;
  readonly shop: Case;
  readonly point: Point;
  /** Lets the write through. */
  readonly lift: () => Promise<void>;
}

/** Opens a case and releases v2 up to right before the write. */
export async function standAt(
  bench: Bench,
  point: Point,
  namespace: string,
  options: ShopOptions = {},
): Promise<Stand> {
  const lift = await refuse(bench.lab.cluster.client, namespace, point);
  const shop = await openCase(bench, namespace, { app, ...options, spec: { ...oneStep, ...options.spec } });
  await shop.release("product:v2");
  await untilStopped(shop, point);
  return { bench, shop, point, lift };
}

/** Waits until the operator says that the write was refused. */
export async function untilStopped(shop: Case, point: Point): Promise<void> {
  const isRefused = (message: string) => message.includes(refusal(point));
  await shop.untilRollout(
    `the stop before ${point.before}`,
    ({ status }) => status.conditions?.some(({ message }) => isRefused(message)) === true,
  );
}

/** The pods of the first canary of an app. */
export async function canaryPods(shop: Case): Promise<readonly string[]> {
  return (await shop.pods()).filter((pod) => pod.startsWith("product-a-"));
}

/** Waits until that many pods are there, none of them terminating. */
export async function untilPods(shop: Case, wanted: number): Promise<readonly string[]> {
  const all = async () => {
    const pods = await shop.pods();
    return pods.length === wanted && pods;
  };
  return until(all, { timeout: 60_000, what: `${wanted} pods in ${shop.namespace}` });
}

/** Routes, subsets, surge and pause are as before the release. */
export async function expectAsBefore(shop: Case, maxSurge: string | number = "25%"): Promise<void> {
  // What is left to do at rest follows the status that says so.
  await until(async () => (await shop.deployment()).spec["paused"] !== true, { timeout: 30_000, what: "no pause" });
  const { spec } = await shop.deployment();
  expect(spec).toHaveProperty("strategy.rollingUpdate.maxSurge", maxSurge);
  expect((await shop.subsets())?.spec).not.toHaveProperty("subsets");
  expect(JSON.stringify((await shop.route())?.spec)).not.toContain("subset");
}

/** As an autoscaler does it: the scale subresource, nothing else. */
export async function scale({ lab }: Bench, { namespace }: Case, replicas: number): Promise<void> {
  const place = { namespace, name: "product" };
  await lab.cluster.client.patch(deployments, place, { spec: { replicas } }, { subresource: "scale" });
}

/** Waits until a version answers 40 requests in a row that nobody else answers and that do not fail. */
export async function untilServedBy(shop: Case, version: string): Promise<void> {
  const isServing = async () => {
    const mark = shop.load.snapshot();
    return until(
      () => {
        const { total, failed, byVersion } = shop.load.since(mark);
        return total > 40 && { isWell: failed === 0 && byVersion[version]?.total === total };
      },
      { timeout: 30_000, what: "40 requests" },
    );
  };
  await until(async () => (await isServing()).isWell, {
    timeout: 60_000,
    what: `${version} to serve ${shop.namespace}`,
  });
}

/**
 * Ends a case that itself took all pods away that served: from now on `version` serves alone, with full capacity, and no
 * request fails.
 */
export async function endAfterLoss(shop: Case, version: string): Promise<void> {
  await untilPods(shop, size);
  await untilServedBy(shop, version);
  shop.capacity.reset();
  const mark = shop.load.snapshot();
  await until(() => shop.load.since(mark).total > 100, { timeout: 30_000, what: "100 requests" });
  const { failed } = shop.load.since(mark);
  expect(failed).toBe(0);
  const { failed: before } = mark;
  await shop.end({ lost: before });
}
