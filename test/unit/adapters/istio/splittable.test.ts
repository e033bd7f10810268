import { describe, expect, test } from "vitest";
import { deadPort, destinationRuleProblem, routesProblem } from "../../../../src/adapters/istio/splittable.ts";
import { httpRoutes } from "../../../../src/adapters/istio/virtual-service.ts";
import { destinationRuleOf, product, to, virtualServiceOf } from "./samples.ts";

function problemOf(spec: object, names?: readonly string[]): object | undefined {
  const object = virtualServiceOf("web", spec);
  return routesProblem(object, httpRoutes(object, product), names, product);
}

const headers = { "x-test": { exact: "1" } };

describe("routes that can be split", () => {
  type Case = readonly [string, readonly object[]] | readonly [string, readonly object[], readonly string[]];
  test.each<Case>([
    ["one destination", [{ route: [to()] }]],
    ["stable and canary", [{ route: [to("stable", 100), to("canary", 0)] }]],
    ["no subset and canary", [{ route: [to(undefined, 100), to("canary", 0)] }]],
    ["others beside ours", [{ route: [to(undefined, 50), to("v1", 30), to(undefined, 20, "other")] }]],
    ["a pinned one by name", [{ name: "a", match: [{ headers }], route: [to()] }], ["a"]],
    [
      "routes that answer by themselves beside",
      [{ redirect: { uri: "/" } }, { delegate: { name: "x" } }, { route: [to()] }],
    ],
    ["one pinned match of two", [{ match: [{ headers }, { uri: { prefix: "/" } }], route: [to()] }]],
  ])("%s", (...[, http, names]) => {
    expect(problemOf({ hosts: ["product"], http }, names)).toBeUndefined();
  });
});

test("a destination at a port that the Service does not have is refused, with the ports that it has", () => {
  const at = (number?: number) => {
    const entry = { destination: { host: "product", ...(number !== undefined && { port: { number } }) } };
    const object = virtualServiceOf("web", { http: [{ route: [entry] }] });
    return (ports: readonly number[]) => deadPort(object, httpRoutes(object, product), ports, product)?.message;
  };
  expect(at(7777)([8080, 9090])).toContain(
    "spec.http[0]: goes to port 7777 of product.shop.svc.cluster.local, which has 8080, 9090",
  );
  expect(at(9090)([8080, 9090])).toBeUndefined();
  expect(at()([8080])).toBeUndefined();
  expect(at(7777)([])).toBeUndefined();
});

describe("routes that cannot be split", () => {
  const field = "VirtualService shop/web, spec.http[0]";

  test.each<readonly [string, object, readonly string[] | undefined, string, string]>([
    [
      "no route of the name",
      {
        http: [
          { name: "a", route: [to()] },
          { name: "b", route: [to()] },
        ],
      },
      ["c", "a"],
      "RouteNotFound",
      "VirtualService shop/web, spec.http: no route is named c; it has a, b. Write a name that is there in spec.traffic.istio.virtualService.routes.",
    ],
    ["no names at all", { http: [{ route: [to()] }] }, ["c"], "RouteNotFound", "its http routes have no names"],
    [
      "tcp only",
      { tcp: [{ route: [to()] }] },
      undefined,
      "RouteNotSplittable",
      "VirtualService shop/web, spec.tcp: has tcp routes only",
    ],
    ["tls only", { tls: [{ route: [to()] }] }, undefined, "RouteNotSplittable", "spec.tls: has tls routes only"],
    [
      "a delegate",
      { http: [{ delegate: { name: "leaf" } }] },
      undefined,
      "RouteNotSplittable",
      `${field}: has a delegate, leaf, and no destinations. Name that VirtualService`,
    ],
    [
      "a named delegate",
      { http: [{ name: "a", delegate: { name: "leaf" } }] },
      ["a"],
      "RouteNotSplittable",
      `${field} (a): is a delegate and has no destinations`,
    ],
    ["a named redirect", { http: [{ name: "a", redirect: {} }] }, ["a"], "RouteNotSplittable", "is a redirect"],
    [
      "a named answer",
      { http: [{ name: "a", directResponse: { status: 200 } }] },
      ["a"],
      "RouteNotSplittable",
      "is a directResponse",
    ],
    [
      "another host by name",
      { http: [{ name: "a", route: [to(undefined, 1, "x")] }] },
      ["a"],
      "RouteNotSplittable",
      "goes to x, not to product.shop.svc.cluster.local",
    ],
    [
      "other hosts only",
      { http: [{ route: [to(undefined, 1, "x")] }] },
      undefined,
      "RouteNotSplittable",
      "no route goes to product.shop.svc.cluster.local, they go to x",
    ],
    ["nothing", {}, undefined, "RouteNotSplittable", "no route goes to product.shop.svc.cluster.local."],
    [
      "subsets of the user's own",
      { http: [{ route: [to("v1", 50), to("v2", 50)] }] },
      undefined,
      "RouteNotSplittable",
      "name only the subsets v1, v2. Write a destination",
    ],
    [
      "pinned only",
      { http: [{ match: [{ headers }], route: [to()] }] },
      undefined,
      "RouteNotSplittable",
      `${field}: goes to product.shop.svc.cluster.local for marked callers only`,
    ],
    [
      "the same twice",
      { http: [{ route: [to(undefined, 50), to("stable", 50)] }] },
      undefined,
      "RouteNotSplittable",
      `${field}: has 2 destinations of product.shop.svc.cluster.local that name no subset or the subset stable. Leave one of them.`,
    ],
    [
      "canary twice",
      { http: [{ route: [to("stable", 50), to("canary", 0), to("canary", 50)] }] },
      undefined,
      "RouteNotSplittable",
      "names the subset canary 2 times",
    ],
    [
      "canary alone",
      { http: [{ route: [to("canary")] }] },
      undefined,
      "RouteNotSplittable",
      "names the subset canary and not stable",
    ],
    [
      "weight 0",
      { http: [{ route: [to(undefined, 0), to(undefined, 100, "x")] }] },
      undefined,
      "RouteNotSplittable",
      "add up to 0, which cannot be divided. Write weights that add up to 100.",
    ],
    [
      "weight 1",
      { http: [{ route: [to(undefined, 1), to(undefined, 99, "x")] }] },
      undefined,
      "RouteNotSplittable",
      "add up to 1, which cannot be divided",
    ],
  ])("%s", (_, spec, names, problem, message) => {
    expect(problemOf({ hosts: ["product"], ...spec }, names)).toEqual({
      problem,
      message: expect.stringContaining(message) as unknown,
    });
  });
});

describe("a DestinationRule", () => {
  const virtualService = virtualServiceOf("web", { hosts: ["product"] });
  const narrow = virtualServiceOf("web", { hosts: ["product"], exportTo: ["."] });

  test.each([
    ["of the host", { host: "product" }, virtualService],
    ["of the host in full", { host: "product.shop.svc.cluster.local", exportTo: ["*"] }, virtualService],
    ["seen where its VirtualService is", { host: "product", exportTo: ["."] }, narrow],
  ])("%s will do", (_, spec, route) => {
    expect(destinationRuleProblem(destinationRuleOf("web", spec), route, product)).toBeUndefined();
  });

  test.each([
    [
      "of another host",
      { host: "x" },
      "DestinationRule shop/web, spec.host: is x. Write product.shop.svc.cluster.local.",
    ],
    [
      "for some callers",
      { host: "product", workloadSelector: { matchLabels: { app: "a" } } },
      "spec.workloadSelector: only some callers",
    ],
    [
      "seen by fewer",
      { host: "product", exportTo: ["."] },
      "spec.exportTo: is ., but the VirtualService is seen in * too",
    ],
    [
      "with two subsets of one name",
      { host: "product", subsets: [{ name: "stable" }, { name: "v1" }, { name: "stable", labels: {} }] },
      "spec.subsets: has two subsets named stable. Leave one of them.",
    ],
  ])("%s will not", (_, spec, message) => {
    expect(destinationRuleProblem(destinationRuleOf("web", spec), virtualService, product)).toEqual({
      problem: "RouteNotSplittable",
      message: expect.stringContaining(message) as unknown,
    });
  });
});
