import { expect, test } from "vitest";
import { fenced } from "../../../../src/adapters/kubernetes/fenced-objects.ts";
import type { KubernetesObjects } from "../../../../src/ports/kubernetes-objects.ts";
import { TransientError } from "../../../../src/runtime/errors.ts";

const options = { signal: new AbortController().signal };
const resource = { group: "apps", version: "v1", plural: "deployments" };
const object = { metadata: { name: "product" } };

test("writes are refused as soon as another may lead, and reads are not", async () => {
  const sent: string[] = [];
  const call = (name: string) => () => {
    sent.push(name);
    return Promise.resolve(object);
  };
  const objects = Object.fromEntries(
    ["read", "create", "mergePatch", "jsonPatch", "apply", "remove"].map((name) => [name, call(name)]),
  ) as unknown as KubernetesObjects;
  let isLeader = true;
  const own = fenced(objects, () => isLeader);
  const writes = [
    () => own.create(resource, object, options),
    () => own.mergePatch(resource, "shop", "product", {}, options),
    () => own.jsonPatch(resource, "shop", "product", [], options),
    () => own.apply(resource, object, options),
    () => own.remove(resource, object, options),
  ];
  for (const write of writes) await write();
  expect(sent).toEqual(["create", "mergePatch", "jsonPatch", "apply", "remove"]);
  isLeader = false;
  for (const write of writes) await expect(write()).rejects.toBeInstanceOf(TransientError);
  await own.read(resource, "shop", "product", options.signal);
  expect(sent.slice(5)).toEqual(["read"]);
});
