import { describe, expect, test } from "vitest";
import { rolloutsConcernedBy, type TriggerKind } from "../../../src/controller/triggers.ts";
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

  test("a route: all of them, as it may go to a host of any namespace", () => {
    expect(concerned("Route", object("any", { namespace: "gateways" }))).toEqual([
      "shop/product",
      "shop/cart",
      "staging/product",
    ]);
  });

  test("a spec that cannot be understood concerns nothing and harms nobody", () => {
    const broken = rollout("broken", { targetRef: "product", service: 7 });
    const empty: KubernetesObject = { metadata: { name: "empty", namespace: "shop" } };
    for (const kind of ["Deployment", "ReplicaSet", "Service"] as const) {
      expect(concerned(kind, object("product"), [broken, empty])).toEqual([]);
    }
  });
});
