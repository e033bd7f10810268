import { expect, it } from "vitest";
import { listObjects } from "../../../../src/adapters/kubernetes/object-list.ts";
import { createScriptedTransport } from "../../../support/scripted-transport.ts";

const deployments = { group: "apps", version: "v1", plural: "deployments" };
const never = new AbortController().signal;

it("listObjects() reads page by page and says of what kind the items are", async () => {
  const transport = createScriptedTransport(({ query }) => ({
    kind: "DeploymentList",
    apiVersion: "apps/v1",
    metadata: query?.["continue"] === undefined ? { resourceVersion: "9", continue: "more" } : { resourceVersion: "9" },
    items: [{ metadata: { name: query?.["continue"] ?? "first" } }],
  }));
  const where = { resource: deployments, namespace: "shop", labelSelector: "a=b" };
  expect(await listObjects(transport, where, never)).toEqual({
    version: "9",
    objects: ["first", "more"].map((name) => ({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name } })),
  });
  expect(transport.requests.map(({ path, query }) => [path, query])).toEqual([
    ["/apis/apps/v1/namespaces/shop/deployments", { limit: "500", labelSelector: "a=b" }],
    ["/apis/apps/v1/namespaces/shop/deployments", { limit: "500", labelSelector: "a=b", continue: "more" }],
  ]);
});

it("listObjects() takes items: null for none", async () => {
  const transport = createScriptedTransport(() => ({ kind: "XList", metadata: { resourceVersion: "1" }, items: null }));
  expect((await listObjects(transport, { resource: deployments, namespace: undefined }, never)).objects).toEqual([]);
});
