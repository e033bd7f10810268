import { describe, expect, test } from "vitest";
import { rolloutsConcernedBy, rolloutsFreedBy, type TriggerKind } from "../../../src/controller/triggers.ts";
import type { KubernetesObject } from "../../../src/ports/kubernetes-objects.ts";

type Metadata = Partial<KubernetesObject["metadata"]>;

function object(name: string, metadata: Metadata = {}, spec: Record<string, unknown> = {}): KubernetesObject {
  return { metadata: { name, namespace: "shop", ...metadata }, spec };
}

function rollout(name: string, spec: Record<string, unknown>, metadata: Metadata = {}): KubernetesObject {
  return object(name, { uid: `uid-${name}`, ...metadata }, spec);
}

const product = rollout("product", { targetRef: { name: "product" } });
const cart = rollout("cart", { targetRef: { name: "cart-api" }, service: { name: "cart" } });
const elsewhere = rollout("product", { targetRef: { name: "product" } }, { namespace: "staging" });
const all = [product, cart, elsewhere];

function concerned(kind: TriggerKind, changed: KubernetesObject, rollouts = all): string[] {
  return rolloutsConcernedBy(kind, changed, rollouts).map(({ namespace, name }) => `${namespace}/${name}`);
}

const ownedBy = (kind: string, name: string, uid: string): Metadata => ({
  ownerReferences: [{ apiVersion: "v1", kind, name, uid }],
});

describe("rolloutsFreedBy()", () => {
  const freed = (name: string, namespace = "shop") => rolloutsFreedBy({ namespace, name }, all).map((key) => key.name);

  test("a Rollout that is gone: those of its namespace, which it may have kept from a Deployment", () => {
    expect(freed("gone")).toEqual(["product", "cart"]);
    expect(freed("gone", "staging")).toEqual(["product"]);
    expect(freed("gone", "elsewhere")).toEqual([]);
  });

  test("a Rollout that is there: those that say that one keeps them from what they want", () => {
    expect(freed("product")).toEqual([]);
    const says = (name: string, reason: string) => ({ ...rollout(name, {}), status: { conditions: [{ reason }] } });
    const kept = [
      says("one", "HostClaimed"),
      says("two", "WorkloadClaimed"),
      says("three", "Held"),
      rollout("four", {}),
    ];
    expect(rolloutsFreedBy({ namespace: "shop", name: "one" }, kept).map(({ name }) => name)).toEqual(["two"]);
    expect(rolloutsFreedBy({ namespace: "shop", name: "four" }, kept).map(({ name }) => name)).toEqual(["one", "two"]);
  });
});

describe("rolloutsConcernedBy()", () => {
  test("a Deployment: those that target it, and the one that its label names", () => {
    expect(concerned("Deployment", object("product"))).toEqual(["shop/product"]);
    expect(concerned("Deployment", object("other", { labels: { "serin.dev/rollout": "cart" } }))).toEqual([
      "shop/cart",
    ]);
    expect(concerned("Deployment", object("stranger"))).toEqual([]);
  });

  test("a ReplicaSet: those that own it, and those whose Deployment does", () => {
    expect(concerned("ReplicaSet", object("rs", ownedBy("Rollout", "product", "uid-product")))).toEqual([
      "shop/product",
    ]);
    expect(concerned("ReplicaSet", object("rs", ownedBy("Deployment", "cart-api", "uid-d")))).toEqual(["shop/cart"]);
    expect(concerned("ReplicaSet", object("rs", ownedBy("StatefulSet", "cart-api", "uid-s")))).toEqual([]);
    expect(concerned("ReplicaSet", object("rs"))).toEqual([]);
  });

  test("a Deployment or a ReplicaSet: those that release subsets in its namespace, whose versions it may run", () => {
    const versions = [rollout("versions", { subset: "v1", service: { name: "product" } })];
    expect(concerned("Deployment", object("product-v2"), versions)).toEqual(["shop/versions"]);
    expect(concerned("ReplicaSet", object("rs", ownedBy("Deployment", "product-v2", "uid")), versions)).toEqual([
      "shop/versions",
    ]);
    expect(concerned("Deployment", object("product-v2", { namespace: "staging" }), versions)).toEqual([]);
    expect(concerned("Service", object("other"), versions)).toEqual([]);
  });

  test("a Service: those whose callers use it, named or by the Deployment's name", () => {
    expect(concerned("Service", object("cart"))).toEqual(["shop/cart"]);
    expect(concerned("Service", object("product"))).toEqual(["shop/product"]);
    expect(concerned("Service", object("cart-api"))).toEqual([]);
  });

  describe("a route", () => {
    const beyond = { namespace: "gateways" };
    const to = (host: string) => ({ http: [{ route: [{ destination: { host } }] }] });
    const both = ["shop/product", "shop/cart", "staging/product"];

    test.each<[string, Record<string, unknown>, string[]]>([
      ["to a host by its full name", to("Product.shop.svc.cluster.local"), ["shop/product"]],
      ["to a host by name and namespace", to("cart.shop"), ["shop/cart"]],
      ["for a wildcard", { hosts: ["*.svc.cluster.local"] }, both],
      ["that leads on to a delegate", { http: [{ delegate: { name: "any", namespace: "routes" } }] }, both],
      [
        "that names a namespace",
        { rules: [{ backendRefs: [{ name: "product", namespace: "staging" }] }] },
        ["staging/product"],
      ],
      ["to somebody else", to("other.elsewhere.svc.cluster.local"), []],
      ["to a Service of its own namespace", to("product"), []],
    ])("of another namespace %s", (_what, spec, expected) => {
      expect(concerned("Route", object("any", beyond, spec))).toEqual(expected);
    });

    test("of the same namespace concerns all in it", () => {
      expect(concerned("Route", object("any", {}, to("other")))).toEqual(["shop/product", "shop/cart"]);
    });

    test("that a Rollout names concerns it, wherever it is", () => {
      const naming = rollout("product", { ...product.spec, traffic: { istio: { virtualService: { name: "edge" } } } });
      expect(concerned("Route", object("edge", beyond, to("other")), [naming, cart])).toEqual(["shop/product"]);
    });

    test("concerns whom it does not name any more, too", () => {
      const before = object("any", beyond, to("product.staging"));
      const now = object("any", beyond, to("cart.shop"));
      expect(rolloutsConcernedBy("Route", now, all, before).map(({ namespace }) => namespace)).toEqual([
        "shop",
        "staging",
      ]);
    });
  });

  test("a spec that cannot be understood concerns nothing and harms nobody", () => {
    const broken = rollout("broken", { targetRef: "product", service: 7 });
    const empty: KubernetesObject = { metadata: { name: "empty", namespace: "shop" } };
    for (const kind of ["Deployment", "ReplicaSet", "Service"] as const) {
      expect(concerned(kind, object("product"), [broken, empty])).toEqual([]);
    }
  });
});
