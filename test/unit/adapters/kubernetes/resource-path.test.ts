import { expect, it } from "vitest";
import { collectionPath, objectPath, renderResource } from "../../../../src/adapters/kubernetes/resource-path.ts";

const pods = { group: "", version: "v1", plural: "pods" };
const deployments = { group: "apps", version: "v1", plural: "deployments" };

it("collectionPath() and objectPath() follow the API's rules", () => {
  expect(collectionPath(pods, undefined)).toBe("/api/v1/pods");
  expect(collectionPath(deployments, "shop")).toBe("/apis/apps/v1/namespaces/shop/deployments");
  expect(objectPath(deployments, "shop", "a/b", "scale")).toBe("/apis/apps/v1/namespaces/shop/deployments/a%2Fb/scale");
});

it("renderResource() names resources as kubectl does", () => {
  expect([pods, deployments].map(renderResource)).toEqual(["pods", "deployments.apps"]);
});
