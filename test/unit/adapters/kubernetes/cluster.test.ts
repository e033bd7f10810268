import { expect, test } from "vitest";
import { createCluster } from "../../../../src/adapters/kubernetes/cluster.ts";
import type { KubernetesObject, KubernetesObjects } from "../../../../src/ports/kubernetes-objects.ts";
import { ConflictError } from "../../../../src/runtime/errors.ts";
import { silentLogger } from "../../../../src/runtime/logger.ts";

const key = { namespace: "shop", name: "product" };
const { signal } = new AbortController();
const version = (resourceVersion: string): KubernetesObject => ({
  metadata: { ...key, uid: "uid", resourceVersion },
  spec: { targetRef: { name: "product" } },
});

test("a cache that shows less than was read from the API server is not decided on until it has caught up", async () => {
  const seen = { cached: version("1"), stored: version("1") };
  const objects = {
    cached: () => seen.cached,
    read: () => Promise.resolve(seen.stored),
  } as unknown as KubernetesObjects;
  const cluster = createCluster({ objects, clock: { now: () => 0 }, log: silentLogger });
  await cluster.readFresh(key, signal);
  expect(cluster.readRollout(key)).toMatchObject({ resourceVersion: "1" });
  seen.stored = version("2");
  expect(await cluster.readFresh(key, signal)).toMatchObject({ resourceVersion: "2" });
  expect(() => cluster.readRollout(key)).toThrow(ConflictError);
  seen.cached = version("2");
  expect(cluster.readRollout(key)).toMatchObject({ resourceVersion: "2" });
});
