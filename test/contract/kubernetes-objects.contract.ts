import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubernetesObject, KubernetesObjects } from "../../src/ports/kubernetes-objects.ts";

/** A cluster with a namespace of the test's own. */
export interface ObjectsBench {
  readonly objects: KubernetesObjects;
  readonly namespace: string;
  close(): Promise<void>;
}

const configMaps = { group: "", version: "v1", plural: "configmaps" };
const deployments = { group: "apps", version: "v1", plural: "deployments" };

/** What everybody who writes relies on, whether the API server is real or in memory. */
export function describeKubernetesObjects(name: string, open: () => Promise<ObjectsBench>): void {
  describe(`KubernetesObjects ${name}`, () => {
    const { signal } = new AbortController();
    const options = { signal };
    let bench: ObjectsBench;
    let number = 0;
    beforeAll(async () => {
      bench = await open();
    });
    afterAll(() => bench.close());

    const configMap = (more: object = {}) => {
      number += 1;
      const metadata = { name: `map-${number}`, namespace: bench.namespace };
      return { apiVersion: "v1", kind: "ConfigMap", metadata, data: { x: "1" }, ...more };
    };
    const created = (object: object = configMap()) => bench.objects.create(configMaps, object, options);
    const refused = (writing: Promise<unknown>, kind: string, more: object = {}) =>
      expect(writing).rejects.toMatchObject({ name: kind, ...more });

    it("writes conditionally and says what a refusal means", async () => {
      const { objects, namespace } = bench;
      const { metadata } = await created();
      const patch = { metadata: { resourceVersion: metadata.resourceVersion }, data: { x: "2" } };
      await objects.mergePatch(configMaps, namespace, metadata.name, patch, options);
      await refused(objects.mergePatch(configMaps, namespace, metadata.name, patch, options), "ConflictError");
      const again = objects.create(
        configMaps,
        { ...configMap(), metadata: { name: metadata.name, namespace } },
        options,
      );
      await refused(again, "ConflictError", { cause: { reason: "AlreadyExists" } });
      await refused(objects.mergePatch(configMaps, namespace, "none", {}, options), "NotFoundError");
      await refused(objects.jsonPatch(configMaps, namespace, "none", [], options), "NotFoundError");
      expect(await objects.read(configMaps, namespace, "none", signal)).toBeUndefined();
    });

    it("patches by RFC 6902, all or nothing", async () => {
      const { objects, namespace } = bench;
      const { metadata } = await created(configMap({ data: { x: "1", y: "2" } }));
      const patch = (...steps: Parameters<KubernetesObjects["jsonPatch"]>[3]) =>
        objects.jsonPatch(configMaps, namespace, metadata.name, steps, options);
      const data = async () => (await objects.read(configMaps, namespace, metadata.name, signal)) as { data?: object };
      await patch({ op: "test", path: "/data/x", value: "1" }, { op: "replace", path: "/data/x", value: "3" });
      await refused(
        patch({ op: "remove", path: "/data/y" }, { op: "test", path: "/data/x", value: "1" }),
        "ConflictError",
      );
      await refused(patch({ op: "remove", path: "/data/none" }), "ConflictError");
      expect((await data()).data).toEqual({ x: "3", y: "2" });
      // Not what the RFC says: the API server adds a member that it is asked to replace.
      await patch({ op: "replace", path: "/data/z", value: "4" });
      expect((await data()).data).toEqual({ x: "3", y: "2", z: "4" });
      await patch({ op: "add", path: "/metadata/finalizers", value: ["example.com/a"] });
      await patch({ op: "add", path: "/metadata/finalizers/-", value: "example.com/b" });
      await patch({ op: "test", path: "/metadata/finalizers/1", value: "example.com/b" });
      await patch({ op: "add", path: "/metadata/annotations", value: { "example.com/c": "1" } });
      await patch({ op: "remove", path: "/metadata/annotations/example.com~1c" });
      await patch({ op: "remove", path: "/metadata/finalizers" });
    });

    it("dry runs change nothing, apply owns as serin, removal spares another object of the name", async () => {
      const { objects, namespace } = bench;
      const asked = configMap();
      await objects.create(configMaps, asked, { signal, dryRun: true });
      expect(await objects.read(configMaps, namespace, asked.metadata.name, signal)).toBeUndefined();
      const applied = await objects.apply(configMaps, asked, options);
      expect(applied.metadata.managedFields).toMatchObject([{ manager: "serin", operation: "Apply" }]);
      const { name } = applied.metadata;
      const other: KubernetesObject = { metadata: { namespace, name, uid: "00000000-0000-0000-0000-000000000000" } };
      await objects.remove(configMaps, other, options);
      await objects.remove(configMaps, applied, { signal, dryRun: true });
      expect(await objects.read(configMaps, namespace, name, signal)).toBeDefined();
      await objects.remove(configMaps, applied, options);
      await objects.remove(configMaps, applied, options);
      expect(await objects.read(configMaps, namespace, name, signal)).toBeUndefined();
    });

    it("what is applied goes when it is not applied any more, unless it was changed in between", async () => {
      const { objects, namespace } = bench;
      const { apiVersion, kind, metadata } = configMap();
      const apply = (data?: object) =>
        objects.apply(configMaps, { apiVersion, kind, metadata, ...(data && { data }) }, options);
      const applied = async () => {
        const found = await objects.read(configMaps, namespace, metadata.name, signal);
        const entry = found?.metadata.managedFields?.find(({ operation }) => operation === "Apply");
        const { "f:data": fields } = (entry as { fieldsV1?: Record<string, object> } | undefined)?.fieldsV1 ?? {};
        return { data: (found as { data?: object } | undefined)?.data, fields };
      };
      await apply({ x: "1", y: "1" });
      expect(await applied()).toEqual({ data: { x: "1", y: "1" }, fields: { "f:x": {}, "f:y": {} } });
      await apply({ x: "1" });
      expect(await applied()).toEqual({ data: { x: "1" }, fields: { "f:x": {} } });
      const change = [{ op: "replace", path: "/data/x", value: "2" }] as const;
      await objects.jsonPatch(configMaps, namespace, metadata.name, change, options);
      expect(await applied()).toEqual({ data: { x: "2" }, fields: undefined });
      await apply({ z: "1" });
      await apply();
      expect((await applied()).data).toEqual({ x: "2" });
      const stale = { ...metadata, resourceVersion: "1" };
      await refused(
        objects.apply(configMaps, { apiVersion, kind, metadata: stale, data: { x: "3" } }, options),
        "ConflictError",
      );
      // A version alone would have it made anew.
      const current = (await objects.read(configMaps, namespace, metadata.name, signal))!;
      await objects.remove(configMaps, current, options);
      const gone = { ...metadata, uid: current.metadata.uid };
      await refused(objects.apply(configMaps, { apiVersion, kind, metadata: gone }, options), "ConflictError");
    });

    it("keeps what has finalizers until the last of them is off", async () => {
      const { objects, namespace } = bench;
      const asked = configMap();
      const object = await created({ ...asked, metadata: { ...asked.metadata, finalizers: ["example.com/a"] } });
      const { name } = object.metadata;
      await objects.remove(configMaps, object, options);
      const marked = await objects.read(configMaps, namespace, name, signal);
      expect(marked?.metadata.deletionTimestamp).toBeDefined();
      await objects.mergePatch(configMaps, namespace, name, { metadata: { finalizers: [] } }, options);
      expect(await objects.read(configMaps, namespace, name, signal)).toBeUndefined();
    });

    it("counts generations, and keeps spec and status apart", async () => {
      const { objects, namespace } = bench;
      const labels = { app: "contract" };
      const container = { name: "app", image: "app:v1" };
      const first = await objects.create(
        deployments,
        {
          apiVersion: "apps/v1",
          kind: "Deployment",
          metadata: { name: "contract", namespace, labels },
          spec: {
            // No controller shall act on it.
            paused: true,
            replicas: 0,
            selector: { matchLabels: labels },
            template: { metadata: { labels }, spec: { containers: [container] } },
          },
        },
        options,
      );
      expect(first.metadata.generation).toBe(1);
      const patch = (body: object, subresource?: string) =>
        objects.mergePatch(deployments, namespace, "contract", body, { signal, ...(subresource && { subresource }) });
      const generationAfter = async (body: object) => (await patch(body)).metadata.generation;
      expect(await generationAfter({ metadata: { labels: { more: "1" } } })).toBe(1);
      expect(await generationAfter({ metadata: { annotations: { note: "1" } } })).toBe(2);
      expect(await generationAfter({ spec: { minReadySeconds: 1 } })).toBe(3);
      expect(await generationAfter({ spec: { minReadySeconds: 1 } })).toBe(3);
      expect(await generationAfter({ status: { collisionCount: 7 } })).toBe(3);
      const told = await patch({ status: { collisionCount: 8 }, spec: { minReadySeconds: 9 } }, "status");
      expect([told.status?.["collisionCount"], told.spec?.["minReadySeconds"]]).toEqual([8, 1]);
      const found = await objects.list(deployments, namespace, "app=contract,more=1", signal);
      expect(found.map(({ metadata }) => metadata.name)).toEqual(["contract"]);
      expect(await objects.list(deployments, namespace, "app=other", signal)).toEqual([]);
    });
  });
}
