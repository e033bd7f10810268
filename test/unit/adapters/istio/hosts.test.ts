import { describe, expect, test } from "vitest";
import { covers, gatewayNames, isVisibleIn, meansService, resolveHost } from "../../../../src/adapters/istio/hosts.ts";
import { product } from "./samples.ts";

describe("a destination's host means the Service", () => {
  test.each([
    ["product", "shop", true],
    ["product", "other", false],
    ["product.shop", "other", true],
    ["product.shop.svc", "other", true],
    ["product.shop.svc.cluster.local", "other", true],
    ["product.shop.svc.cluster.local.", "other", true],
    ["Product.Shop.svc.cluster.local", "other", true],
    ["product.other", "shop", false],
    ["product.shop.svc.example.org", "shop", false],
    ["*.shop.svc.cluster.local", "shop", false],
    [undefined, "shop", false],
  ])("%s in %s: %s", (host, from, expected) => {
    expect(meansService(host, from, product)).toBe(expected);
  });
});

test.each([
  ["web", "web.shop.svc.cluster.local"],
  ["web.shop", "web.shop"],
  ["*", "*"],
  ["Shop.example.com", "shop.example.com"],
])("the host %s is resolved to %s", (host, expected) => {
  expect(resolveHost(host, "shop", "cluster.local")).toBe(expected);
});

test.each([
  ["a.b", "a.b", true],
  ["a.b", "a.c", false],
  ["*.b", "a.b", true],
  ["*.b", "b", false],
  ["*", "a.b", true],
  ["a.b", "*.b", false],
])("%s covers %s: %s", (pattern, host, expected) => {
  expect(covers(pattern, host)).toBe(expected);
});

test.each([
  [[], "other", true],
  [["*"], "other", true],
  [["."], "shop", true],
  [["."], "other", false],
  [["other"], "other", true],
])("exported to %j it is seen in %s: %s", (exportTo, namespace, expected) => {
  expect(isVisibleIn(exportTo, "shop", namespace)).toBe(expected);
});

test("gateways without a namespace are in that of their VirtualService", () => {
  expect(gatewayNames(["mesh", "web", "edge/web"], "shop")).toEqual(["mesh", "shop/web", "edge/web"]);
  expect(gatewayNames([], "shop")).toEqual(["mesh"]);
});
