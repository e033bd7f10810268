import { describe, expect, test } from "vitest";
import { createIstioRouter } from "../../../../src/adapters/istio/istio-router.ts";
import type { Rollout } from "../../../../src/api/rollout.ts";
import type { Problem, TrafficState } from "../../../../src/domain/observation.ts";
import type { KubernetesObject } from "../../../../src/ports/kubernetes-objects.ts";
import { duringRelease } from "../../../contract/traffic-router.contract.ts";
import { createObjectStore } from "./object-store.ts";
import { destinationRuleOf, objectOf, rolloutOf, serviceOf, to, virtualServiceOf } from "./samples.ts";

const referenced = { virtualService: { name: "product" }, destinationRule: { name: "product" } };
const plurals: Readonly<Record<string, string>> = {
  VirtualService: "virtualservices",
  DestinationRule: "destinationrules",
  HTTPRoute: "httproutes",
  GRPCRoute: "grpcroutes",
};

function read(
  rollout: Rollout,
  objects: readonly KubernetesObject[],
  {
    unserved = [],
    namespaces = [],
  }: { readonly unserved?: readonly string[]; readonly namespaces?: readonly string[] } = {},
): TrafficState | Problem {
  const store = createObjectStore(unserved);
  for (const object of objects) store.put(plurals[object.kind ?? ""] ?? "services", object);
  return createIstioRouter({
    objects: store,
    rootNamespace: "istio-system",
    clusterDomain: "cluster.local",
    namespaces,
  }).readTraffic(rollout);
}

const route = (...http: readonly object[]): KubernetesObject =>
  virtualServiceOf("product", { hosts: ["product"], http });
const plain = route({ route: [to()] });
const rule = destinationRuleOf("product", { host: "product" });

describe("what a user has to mend", () => {
  const rollout = rolloutOf(referenced);

  test.each<readonly [string, Rollout, readonly KubernetesObject[], Problem["problem"], string]>([
    [
      "a spec that cannot be read",
      { ...rollout, spec: undefined, problems: ["spec.steps: no"] },
      [],
      "InvalidSpec",
      "spec.steps: no",
    ],
    [
      "no VirtualService",
      rollout,
      [serviceOf(), rule],
      "RouteNotFound",
      "spec.traffic.istio.virtualService.name: there is no VirtualService shop/product.",
    ],
    [
      "no DestinationRule",
      rollout,
      [serviceOf(), plain],
      "RouteNotFound",
      "spec.traffic.istio.destinationRule.name: there is no DestinationRule shop/product.",
    ],
    ["no Service", rollout, [plain, rule], "ServiceNotFound", "Service shop/product: is not there."],
    [
      "a headless Service",
      rollout,
      [serviceOf(undefined, { clusterIP: "None" }), plain, rule],
      "RouteNotSplittable",
      "Service shop/product, spec.clusterIP: is None",
    ],
    [
      "a subset at rest that nobody has",
      rollout,
      [serviceOf(), route({ route: [to("stable")] }), rule],
      "RouteNotSplittable",
      "VirtualService shop/product, spec.http[0]: names the subset stable, which does not exist without a release",
    ],
    [
      "a second DestinationRule in the namespace",
      rollout,
      [serviceOf(), plain, rule, destinationRuleOf("old", { host: "product.shop.svc.cluster.local" })],
      "HostClaimed",
      "DestinationRule shop/old, spec.host: is product.shop.svc.cluster.local too, and two for one host are merged",
    ],
    [
      "a second DestinationRule among the callers",
      rollout,
      [serviceOf(), plain, rule, destinationRuleOf("mine", { host: "product.shop.svc.cluster.local" }, "other")],
      "HostClaimed",
      "callers in other would know no subset",
    ],
    [
      "an older VirtualService for the host of the user's own",
      rollout,
      [serviceOf(), plain, rule, virtualServiceOf("old", { hosts: ["product"], http: [{ route: [to("v1")] }] })],
      "HostClaimed",
      "VirtualService shop/old, spec.hosts: routes product.shop.svc.cluster.local too and is older",
    ],
    [
      "another VirtualService for the host of a generated one",
      rolloutOf(),
      [serviceOf(), virtualServiceOf("web", { hosts: ["product"], http: [{ route: [to("v1")] }] })],
      "HostClaimed",
      "VirtualService shop/web, spec.hosts: already routes product for the gateway mesh",
    ],
  ])("%s", (_, asked, objects, problem, message) => {
    const answer = read(asked, objects);
    expect(answer).toMatchObject({ problem });
    expect((answer as Problem).message).toContain(message);
  });

  test("a cluster without Istio", () => {
    expect(read(rollout, [], { unserved: ["virtualservices"] })).toMatchObject({ problem: "TrafficConfigRejected" });
  });
});

describe("what hides nothing in mid-release", () => {
  test("a Service that has become ambiguous is told beside the split", () => {
    const rollout = rolloutOf(referenced);
    const original = JSON.stringify({
      target: {
        namespace: "shop",
        service: "product",
        virtualService: { name: "product", generated: false },
        destinationRule: { name: "product", generated: false },
      },
      routes: [{ entries: [to()], sum: 100 }],
      subsets: { listed: false },
    });
    const ports = [
      { name: "http", port: 8080 },
      { name: "admin", port: 9090 },
    ];
    const split = route({ route: [to("stable", 90), to("canary", 10)] });
    const subsets = [
      { name: "stable", labels: { "pod-template-hash": "a" } },
      { name: "canary", labels: { "pod-template-hash": "b" } },
    ];
    const objects = [serviceOf(ports), split, destinationRuleOf("product", { host: "product", subsets })];
    expect(read(duringRelease(rollout, original, "Split", 10), objects)).toEqual({
      route: { kind: "Split", weight: 10 },
      subsets: { kind: "Present", stable: "a", canary: "b" },
      unsplit: [
        "Service shop/product, spec.ports: has 2 ports: 8080 (http), 9090 (admin). Write the one that callers use in spec.service.port",
      ],
      isPinned: false,
      foreignManager: undefined,
      subsetsManager: undefined,
      outliers: {
        isTuned: false,
        written: {},
        obstacles: [],
        policies: { stable: undefined, canary: undefined },
        before: '{"localityOff":true}',
      },
    });
  });
});

test.each([
  ["for sidecars, of a namespace that the operator does not see", {}, ["shop"], true],
  ["for a gateway alone", { gateways: ["edge/web"] }, ["shop"], false],
  ["of a namespace that it sees, where no Service has it", {}, [], false],
  ["the same, seen by name", {}, ["shop", "pay"], false],
])("a host of two labels %s", (_what, more, namespaces, isRefused) => {
  const seen = read(rolloutOf({ hosts: ["payments.pay"], ...more }), [serviceOf()], { namespaces });
  expect("problem" in seen && seen.problem === "HostClaimed").toBe(isRefused);
});

describe("unsplit routes", () => {
  const rollout = rolloutOf(referenced);
  const base = [serviceOf(), plain, rule];

  test.each<readonly [string, KubernetesObject, readonly string[]]>([
    [
      "another VirtualService",
      virtualServiceOf(
        "web",
        {
          hosts: ["web"],
          http: [{ name: "all", route: [to(undefined, undefined, "product.shop.svc.cluster.local")] }],
        },
        "edge",
      ),
      ["VirtualService edge/web, spec.http[0] (all): goes to product.shop.svc.cluster.local without a subset"],
    ],
    [
      "its short host in another namespace",
      virtualServiceOf("web", { hosts: ["web"], http: [{ route: [to()] }] }, "edge"),
      [],
    ],
    ["a named subset", virtualServiceOf("web", { hosts: ["web"], http: [{ route: [to("v1")] }] }), []],
    [
      "a destination that gets nothing",
      virtualServiceOf("web", { hosts: ["web"], http: [{ route: [to(undefined, 0), to("v1", 100)] }] }),
      [],
    ],
    [
      "a tcp route",
      virtualServiceOf("web", { hosts: ["web"], tcp: [{ route: [to()] }] }),
      ["VirtualService shop/web, spec.tcp[0]: goes to product.shop.svc.cluster.local without a subset"],
    ],
    [
      "an HTTPRoute",
      objectOf("HTTPRoute", "web", {
        rules: [{ backendRefs: [{ name: "other" }] }, { backendRefs: [{ name: "product", port: 80 }] }],
      }),
      ["HTTPRoute shop/web, spec.rules[1]: goes to product.shop.svc.cluster.local as a whole"],
    ],
    [
      "a GRPCRoute of another namespace",
      objectOf("GRPCRoute", "web", { rules: [{ backendRefs: [{ name: "product", namespace: "shop" }] }] }, "edge"),
      ["GRPCRoute edge/web, spec.rules[0]: goes to product.shop.svc.cluster.local as a whole"],
    ],
    [
      "a backend without weight",
      objectOf("HTTPRoute", "web", { rules: [{ backendRefs: [{ name: "product", weight: 0 }] }] }),
      [],
    ],
    [
      "a wildcard DestinationRule among callers",
      destinationRuleOf("all", { host: "*.local" }, "edge"),
      ["DestinationRule edge/all, spec.host: *.local hides the subsets from callers in edge, who would get 503"],
    ],
    ["one of the whole mesh", destinationRuleOf("all", { host: "*.local" }, "istio-system"), []],
  ])("%s", (_, object, unsplit) => {
    expect(read(rollout, [...base, object])).toMatchObject({ unsplit });
  });

  test("a pinned route of the referenced VirtualService that names no subset", () => {
    const pinned = { name: "testers", match: [{ headers: { "x-test": { exact: "1" } } }], route: [to()] };
    expect(read(rollout, [serviceOf(), route(pinned, { route: [to()] }), rule])).toMatchObject({
      unsplit: [
        "VirtualService shop/product, spec.http[0] (testers): goes to product.shop.svc.cluster.local without a subset",
      ],
    });
  });

  test("what the API server does not serve is not looked for", () => {
    expect(read(rollout, base, { unserved: ["httproutes", "grpcroutes"] })).toMatchObject({ unsplit: [] });
  });

  test("callers that are pinned to a subset are known, wherever their route is", () => {
    const pinned = (object: KubernetesObject) => read(rollout, [...base, object]);
    const other = (subset?: string) => virtualServiceOf("front", { hosts: ["front"], http: [{ route: [to(subset)] }] });
    expect(pinned(other("stable"))).toMatchObject({ isPinned: true });
    expect(pinned(other())).toMatchObject({ isPinned: false });
    const tcp = virtualServiceOf("front", { hosts: ["front"], tcp: [{ route: [to("v1")] }] });
    expect(pinned(tcp)).toMatchObject({ isPinned: true });
    expect(read(rollout, base)).toMatchObject({ isPinned: false });
  });
});
