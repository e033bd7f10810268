import { describe, expect, test } from "vitest";
import {
  cancelledPolicy,
  foreignHost,
  hostClaimed,
  serviceClaimed,
  shadowed,
} from "../../../../src/adapters/istio/claims.ts";
import { aRelease, aRollout } from "../../../support/observation.ts";
import { destinationRuleOf, product, virtualServiceOf } from "./samples.ts";

describe("a host that is claimed", () => {
  const wanted = (spec: object = {}): ReturnType<typeof virtualServiceOf> =>
    virtualServiceOf("product", { hosts: ["product"], ...spec });
  const fqdn = "product.shop.svc.cluster.local";

  test.each<readonly [string, ReturnType<typeof virtualServiceOf>, object, boolean]>([
    ["by the same host", virtualServiceOf("web", { hosts: ["product"] }), {}, true],
    ["in full from another namespace", virtualServiceOf("web", { hosts: [fqdn] }, "other"), {}, true],
    ["by a wildcard", virtualServiceOf("web", { hosts: ["*.shop.svc.cluster.local"] }), {}, true],
    ["by its short name in another namespace", virtualServiceOf("web", { hosts: ["product"] }, "other"), {}, false],
    ["by a name that Istio takes in full", virtualServiceOf("web", { hosts: ["product.shop"] }), {}, false],
    [
      "for callers of another namespace only",
      virtualServiceOf("web", { hosts: [fqdn], exportTo: ["."] }, "other"),
      {},
      false,
    ],
    ["at another gateway", virtualServiceOf("web", { hosts: ["product"], gateways: ["edge/web"] }), {}, false],
    [
      "at a gateway of its namespace",
      virtualServiceOf("web", { hosts: ["a.example.com"], gateways: ["gw"] }, "edge"),
      { hosts: ["a.example.com"], gateways: ["edge/gw"] },
      true,
    ],
    ["by a delegate", virtualServiceOf("leaf", { http: [] }), {}, false],
  ])("%s", (_, other, spec, isClaimed) => {
    expect(hostClaimed(wanted(spec), [other], product) !== undefined).toBe(isClaimed);
  });

  test("is told with what to do", () => {
    expect(hostClaimed(wanted(), [virtualServiceOf("web", { hosts: ["product"] })], product)).toEqual({
      problem: "HostClaimed",
      message:
        "VirtualService shop/web, spec.hosts: already routes product for the gateway mesh, so a second VirtualService would not do what it says. Write web in spec.traffic.istio.virtualService.name to split its routes, or take the host out of it.",
    });
  });
});

describe("a VirtualService of the user's beside another one for its host", () => {
  const fqdn = "product.shop.svc.cluster.local";
  const at = (second: number, object: ReturnType<typeof virtualServiceOf>): ReturnType<typeof virtualServiceOf> => ({
    ...object,
    metadata: { ...object.metadata, creationTimestamp: `2026-01-01T00:00:0${second}Z` },
  });
  const own = at(5, virtualServiceOf("product", { hosts: ["product"] }));

  test.each([
    ["older", at(4, virtualServiceOf("web", { hosts: [fqdn] }, "other")), true],
    ["younger", at(6, virtualServiceOf("web", { hosts: ["product"] })), false],
    ["of the same second, earlier by name", at(5, virtualServiceOf("a", { hosts: ["product"] })), true],
    ["of the same second, later by name", at(5, virtualServiceOf("web", { hosts: ["product"] })), false],
    ["at a gateway only", at(4, virtualServiceOf("web", { hosts: ["product"], gateways: ["edge/web"] })), false],
    ["not seen here", at(4, virtualServiceOf("web", { hosts: [fqdn], exportTo: ["."] }, "other")), false],
    ["a wildcard, which gives way", at(4, virtualServiceOf("web", { hosts: ["*.cluster.local"] })), false],
  ])("%s", (_, other, isShadowed) => {
    expect(shadowed(own, [other], product) !== undefined).toBe(isShadowed);
  });

  test("does no harm where only a gateway is asked", () => {
    const edge = at(5, virtualServiceOf("product", { hosts: ["product"], gateways: ["edge/web"] }));
    expect(shadowed(edge, [at(4, virtualServiceOf("web", { hosts: ["product"] }))], product)).toBeUndefined();
  });
});

describe("the policy that a DestinationRule for the host cancels", () => {
  const policy = (n: number): object => ({ trafficPolicy: { outlierDetection: { consecutive5xxErrors: n } } });
  const mesh = destinationRuleOf("mesh", { host: "*.local", ...policy(1) }, "istio-system");
  const narrower = destinationRuleOf("narrower", { host: "*.shop.svc.cluster.local", ...policy(2) }, "istio-system");
  const own = destinationRuleOf("own", { host: "*.svc.cluster.local", ...policy(3) });
  const bare = destinationRuleOf("bare", { host: "*.shop.svc.cluster.local" });
  const elsewhere = destinationRuleOf("elsewhere", { host: "*.local", ...policy(4) }, "other");
  const selective = destinationRuleOf("selective", { host: "*.local", workloadSelector: {}, ...policy(5) });
  const hidden = destinationRuleOf("hidden", { host: "*.local", exportTo: ["."], ...policy(6) }, "istio-system");

  test.each([
    ["none", [], undefined],
    ["of the mesh", [mesh], 1],
    ["of the most specific rule", [mesh, narrower], 2],
    ["of the own namespace before the mesh", [mesh, narrower, own], 3],
    ["none where the rule in force has none", [mesh, bare, own], undefined],
    ["not of a third namespace", [elsewhere], undefined],
    ["not of a rule for some callers", [selective], undefined],
    ["not of a rule that is not seen here", [hidden], undefined],
  ])("%s", (_, rules, n) => {
    const expected = n === undefined ? undefined : { outlierDetection: { consecutive5xxErrors: n } };
    expect(cancelledPolicy(rules, product, "istio-system")).toEqual(expected);
  });
});

describe("a Service that two Rollouts name", () => {
  const own = aRollout({ key: { namespace: "shop", name: "own" } });
  const stored = (name: string, second: number, spec: object, status?: object) => ({
    metadata: { name, namespace: "shop", creationTimestamp: `2026-01-01T00:00:0${second}Z` },
    spec: { targetRef: { name }, ...spec },
    ...(status !== undefined && { status: { ...status } }),
  });
  const named = { service: { name: "product" } };
  const itself = stored("own", 5, named);
  const dividing = { release: { traffic: {} } };

  test.each([
    ["an older one has it", stored("a", 1, named), true],
    ["an older one has it by its Deployment's name", stored("product", 1, {}), true],
    ["a younger one", stored("a", 9, named), false],
    ["a younger one in mid-release", stored("a", 9, named, dividing), true],
    ["a younger one whose release has touched nothing yet", stored("a", 9, named, { release: {} }), false],
    ["of two of one second the first by name", stored("a", 5, named), true],
    ["another Service", stored("a", 1, {}), false],
  ])("%s", (_, other, isClaimed) => {
    expect(serviceClaimed(own, [other, itself], product) !== undefined).toBe(isClaimed);
  });

  test("in another namespace is another Service", () => {
    const far = { ...stored("a", 1, named), metadata: { name: "a", namespace: "other" } };
    expect(serviceClaimed(own, [far, itself], product)).toBeUndefined();
  });

  test("goes on with the release that is under way", () => {
    const inRelease = aRollout({ key: own.key, status: { release: aRelease() } });
    expect(serviceClaimed(inRelease, [stored("a", 1, named), itself], product)).toBeUndefined();
  });

  test("is told with what to do", () => {
    expect(serviceClaimed(own, [stored("a", 1, named), itself], product)).toEqual({
      problem: "HostClaimed",
      message:
        "Service shop/product: Rollout a already divides its requests, and two releases would each take the other's pods out of them. Delete one of the two Rollouts, or write a Service of its own in spec.service.name.",
    });
  });
});

describe("hosts of a generated VirtualService", () => {
  const isService = (namespace: string, name: string) =>
    namespace === "unseen" ? undefined : namespace === "pay" && name === "payments";
  const refusal = (host: string, isForMesh: boolean) => foreignHost([host], product, { isForMesh, isService });

  describe.each([
    ["for sidecars", true],
    ["at a gateway", false],
  ])("%s", (_, isForMesh) => {
    test.each([
      "product",
      "product.shop",
      "product.shop.svc",
      "product.shop.svc.cluster.local",
      "other.shop.svc.cluster.local",
      "shop.example.com",
      "pay.com",
    ])("%s may be written", (host) => expect(refusal(host, isForMesh)).toBeUndefined());

    test.each([
      "payments.pay",
      "payments.pay.svc",
      "Payments.pay.svc.cluster.local.",
      "pod.sub.pay.svc.cluster.local",
      "*.pay.svc.cluster.local",
      "*.svc.cluster.local",
      "*.local",
      "*",
    ])("%s would take the callers of others", (host) => expect(refusal(host, isForMesh)).toBeDefined());
  });

  test.each(["*.example.com", "*.com", "payments.unseen"])(
    "%s is for gateways alone: sidecars would send to this Service whatever it is",
    (host) => {
      expect(refusal(host, true)).toBeDefined();
      expect(refusal(host, false)).toBeUndefined();
    },
  );

  test("are told with what to write", () => {
    expect(foreignHost(["shop.example.com", "payments.pay"], product, { isForMesh: true, isService })).toEqual({
      problem: "HostClaimed",
      message:
        "spec.traffic.istio.hosts: payments.pay names Services of other namespaces, whose callers would be sent to Service shop/product. Write a name of this Service, or a host that a gateway serves, with spec.traffic.istio.gateways naming that gateway and not mesh.",
    });
    expect(refusal("*.example.com", true)?.message).toContain("*.example.com covers hosts of others, whose callers");
  });
});
