import { expect } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import type { Lab } from "../lab/lab.ts";
import type { Shop, Stored, StoredRollout } from "../lab/shop.ts";

const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");
const services = kind<Stored>("v1", "Service");
const replicaSets = kind<Owned>("apps/v1", "ReplicaSet");

interface Owned extends Stored {
  readonly metadata: Stored["metadata"] & {
    readonly ownerReferences?: readonly { readonly kind: string }[];
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

/** Waits until the Rollout is gone, and says what it was waiting for when it stays. */
export async function untilGone(lab: Lab, { namespace }: Pick<Shop, "namespace">, seconds = 120): Promise<void> {
  let last: StoredRollout | undefined;
  const isGone = async () => {
    last = await lab.cluster.client.get(rollouts, { namespace, name: "product" });
    return last === undefined;
  };
  try {
    await until(isGone, { timeout: seconds * 1_000, what: `the end of Rollout ${namespace}/product` });
  } catch (error) {
    throw new Error(`${String(error)}; it is ${JSON.stringify(last)}`, { cause: error });
  }
}

/**
 * What a Rollout leaves: a Deployment without pause, label and token that runs one of the images, the Service, no route or
 * rule that was generated, no ReplicaSet of a Rollout.
 */
export async function expectLetGo(lab: Lab, shop: Shop, images: readonly string[]): Promise<void> {
  await untilGone(lab, shop);
  const { namespace } = shop;
  const found: Owned = await shop.deployment();
  expect(found.spec["paused"] ?? false, "spec.paused").toBe(false);
  expect(images).toContain(imageOf(found));
  expect(found.spec["strategy"], "maxSurge as it was").toMatchObject({ rollingUpdate: { maxSurge: "25%" } });
  expect(Object.keys(found.metadata.labels ?? {}), "labels").toEqual(["app"]);
  expect(Object.keys(found.metadata.annotations ?? {}), "annotations").not.toContain("serin.dev/unpause-generation");
  expect(await lab.cluster.client.get(services, { namespace, name: "product" }), "the Service").toBeDefined();
  expect(await shop.route(), "the generated VirtualService").toBeUndefined();
  expect(await shop.subsets(), "the generated DestinationRule").toBeUndefined();
  const { items } = await lab.cluster.client.list(replicaSets, { namespace });
  const strays = items.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.kind !== "Deployment"));
  const orphans = items.filter(({ metadata }) => (metadata.ownerReferences ?? []).length === 0);
  expect([...strays, ...orphans].map(({ metadata }) => metadata.name)).toEqual([]);
}

/** The Deployment rolls the next change out by itself, to every request. */
export async function rollsByItself(lab: Lab, shop: Shop, image: string): Promise<void> {
  await shop.release(image);
  await lab.kubectl(["rollout", "status", "deployment/product", "-n", shop.namespace, "--timeout=90s"]);
  const version = image.slice(image.indexOf(":") + 1);
  await until(() => (shop.load.snapshot().byVersion[version]?.total ?? 0) > 50, {
    timeout: 30_000,
    what: `requests that reach ${version}`,
  });
}

function imageOf(deployment: Stored): string | undefined {
  const { spec } = deployment.spec["template"] as { spec: { containers: readonly { readonly image: string }[] } };
  return spec.containers[0]?.image;
}
