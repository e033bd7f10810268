import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { createIstioRouter } from "../../../src/adapters/istio/istio-router.ts";
import { destinationRules, virtualServices } from "../../../src/adapters/istio/mesh-resources.ts";
import { rollouts } from "../../../src/adapters/kubernetes/workload-resources.ts";
import { parseSpec, type Rollout } from "../../../src/api/rollout.ts";
import type { KubernetesObject, KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import type { TrafficAction, TrafficRouter } from "../../../src/ports/traffic-router.ts";
import { isProblem } from "../../../src/domain/observation.ts";
import { ConflictError } from "../../../src/runtime/errors.ts";
import { until } from "../../cluster/processes/until.ts";
import { describeTrafficRouter, duringRelease } from "../../contract/traffic-router.contract.ts";
import { meshObjects, startRealRouter, type RealRouter } from "./real-router.ts";
import { kubectl, kubectlOutput } from "../kubectl.ts";
import type {} from "../provided.ts";

let real: RealRouter;
let signal: AbortSignal;
let objects: KubernetesObjects;
let router: TrafficRouter;
let namespaces = 0;

beforeAll(async () => {
  real = await startRealRouter();
  ({ signal, objects, router } = real);
});

afterAll(() => real.stop());

/** A namespace with the Service `product`, removed at the end. */
async function openNamespace(): Promise<{
  namespace: string;
  apply: (...manifests: readonly object[]) => Promise<void>;
  close: () => Promise<void>;
}> {
  namespaces += 1;
  const namespace = `istio-router-${namespaces}`;
  await kubectlOutput(["create", "namespace", namespace]);
  const apply = async (...manifests: readonly object[]): Promise<void> => {
    for (const manifest of manifests) await kubectlOutput(["-n", namespace, "apply", "-f", "-"], manifest);
    await real.caughtUp(namespace);
  };
  const close = async (): Promise<void> => {
    await kubectlOutput(["delete", "namespace", namespace, "--wait=false"]);
  };
  return { namespace, apply, close };
}

/** A Rollout that is there, so that the garbage collector finds the owner of generated objects. */
async function rolloutIn(namespace: string, traffic: object, service = "product"): Promise<Rollout> {
  const parsed = parseSpec({ targetRef: { name: "product" }, service: { name: service }, traffic: { istio: traffic } });
  if (!("spec" in parsed)) throw new Error(parsed.problems.join(" "));
  const manifest = {
    apiVersion: "serin.dev/v1alpha1",
    kind: "Rollout",
    metadata: { name: "product" },
    spec: parsed.spec,
  };
  const created = await kubectlOutput(["-n", namespace, "create", "-o", "json", "-f", "-"], manifest);
  const { metadata } = JSON.parse(created) as { metadata: { uid: string } };
  return {
    key: { namespace, name: "product" },
    uid: metadata.uid,
    generation: 1,
    resourceVersion: "1",
    deleting: false,
    claimed: true,
    spec: parsed.spec,
    problems: [],
    status: { observedGeneration: 1 },
    requests: {},
  };
}

const productService = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "product" },
  spec: { selector: { app: "product" }, ports: [{ name: "http", port: 8080 }] },
};

const istio = (kind: string, spec: object): object => ({
  apiVersion: "networking.istio.io/v1",
  kind,
  metadata: { name: "product" },
  spec,
});

/**
 * Resolves when the garbage collector knows all kinds of a release. It looks for new ones every 30 s, and in a young cluster
 * can come to know an owner's kind before those of its dependents: then it would orphan what it has not seen.
 */
async function garbageIsCollected(namespace: string): Promise<void> {
  const { uid } = await rolloutIn(namespace, {});
  const owner = { apiVersion: "serin.dev/v1alpha1", kind: "Rollout", name: "product", uid };
  const dependents = [
    istio("VirtualService", { hosts: ["garbage"], http: [] }),
    istio("DestinationRule", { host: "garbage" }),
  ].map((object) => ({ ...object, metadata: { name: "garbage", ownerReferences: [owner] } }));
  for (const object of dependents) await kubectlOutput(["-n", namespace, "create", "-f", "-"], object);
  await kubectlOutput(["-n", namespace, "delete", "rollouts.serin.dev/product", "--cascade=background"]);
  const isGone = async (): Promise<boolean> => {
    const kinds = [virtualServices, destinationRules];
    const left = await Promise.all(kinds.map((resource) => objects.read(resource, namespace, "garbage", signal)));
    return left.every((object) => object === undefined);
  };
  await until(isGone, { timeout: 120_000, what: "the end of garbage" });
}

describeTrafficRouter("the Istio router on an API server", async (form) => {
  const { namespace, apply, close } = await openNamespace();
  await apply(productService);
  if (form === "referenced") {
    await apply(
      istio("VirtualService", { hosts: ["product"], http: [{ route: [{ destination: { host: "product" } }] }] }),
      istio("DestinationRule", { host: "product" }),
    );
  }
  const names = { virtualService: { name: "product" }, destinationRule: { name: "product" } };
  return {
    router,
    rollout: await rolloutIn(namespace, form === "referenced" ? names : {}),
    snapshot: async () => {
      const all = await Promise.all(meshObjects.map((resource) => objects.list(resource, namespace, "", signal)));
      return all.flat().map(({ metadata, spec }) => {
        const { name, labels, annotations, ownerReferences } = metadata;
        return { name, labels, annotations, ownerReferences, spec };
      });
    },
    caughtUp: () => real.caughtUp(namespace),
    close,
  };
});

describe("the example with referenced objects", () => {
  const documents = (file: string): KubernetesObject[] =>
    parseAllDocuments(readFileSync(new URL(`../../../examples/referenced/${file}`, import.meta.url), "utf8")).map(
      (document) => document.toJS() as KubernetesObject,
    );

  test("is released under its own namespace and ends as kubectl diff likes it", async () => {
    const { namespace, apply, close } = await openNamespace();
    const manifests = [...documents("service.yaml"), ...documents("mesh.yaml")].map(({ metadata, ...rest }) => ({
      ...rest,
      metadata: { name: metadata.name },
    }));
    await apply(...manifests);
    const { traffic } = documents("rollout.yaml")[0]!.spec as { traffic: { istio: object } };
    const rollout = await rolloutIn(namespace, traffic.istio, "product-service");
    const before = await Promise.all(
      [virtualServices, destinationRules].map((resource) =>
        objects.read(resource, namespace, "product-service", signal),
      ),
    );
    const original = router.describeOriginal(rollout);
    const released = duringRelease(rollout, original, "Split", 10);
    expect(await router.rehearse(rollout, signal)).toBeUndefined();
    await router.perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" }, released, signal);
    await router.perform({ kind: "routeTraffic", weight: 10, original }, released, signal);
    await real.caughtUp(namespace);
    expect(router.readTraffic(released)).toMatchObject({
      route: { kind: "Split", weight: 10 },
      subsets: { kind: "Present", stable: "aaa", canary: "bbb" },
      unsplit: [],
    });
    const split = await objects.read(virtualServices, namespace, "product-service", signal);
    expect((split?.spec?.["http"] as unknown[])[0]).toEqual((before[0]?.spec?.["http"] as unknown[])[0]);
    await router.perform({ kind: "restoreRoute", original }, released, signal);
    await router.perform({ kind: "restoreSubsets", original }, released, signal);
    const after = await Promise.all(
      [virtualServices, destinationRules].map((resource) =>
        objects.read(resource, namespace, "product-service", signal),
      ),
    );
    expect(after.map((object) => object?.spec)).toEqual(before.map((object) => object?.spec));
    for (const manifest of manifests) {
      expect(await kubectl(["-n", namespace, "diff", "-f", "-"], manifest)).toMatchObject({ code: 0 });
    }
    await close();
  });
});

describe("with a real API server", () => {
  test("of two writes on one version the second is a conflict, and so is a write on a changed route", async () => {
    const { namespace, apply, close } = await openNamespace();
    const http = [{ route: [{ destination: { host: "product" } }] }];
    await apply(
      productService,
      istio("VirtualService", { hosts: ["product"], http }),
      istio("DestinationRule", { host: "product" }),
    );
    const rollout = await rolloutIn(namespace, {
      virtualService: { name: "product" },
      destinationRule: { name: "product" },
    });
    const original = router.describeOriginal(rollout);
    const seen = await objects.read(virtualServices, namespace, "product", signal);
    const late = createIstioRouter({
      objects: { ...objects, read: () => Promise.resolve(seen) },
      rootNamespace: "istio-system",
      clusterDomain: "cluster.local",
    });
    const action: TrafficAction = { kind: "routeTraffic", weight: 10, original };
    await router.perform(action, rollout, signal);
    await expect(late.perform({ ...action, weight: 50 }, rollout, signal)).rejects.toThrow(ConflictError);
    await close();
  });

  test("a policy that refuses one weight is met in the rehearsal, before anything is written", async () => {
    const { namespace, apply, close } = await openNamespace();
    const http = [{ route: [{ destination: { host: "product" } }] }];
    await apply(
      productService,
      istio("VirtualService", { hosts: ["product"], http }),
      istio("DestinationRule", { host: "product" }),
    );
    const policy = `no-halves-${namespace}`;
    const refusal = "half of the traffic is too much";
    await kubectlOutput(["apply", "-f", "-"], {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: policy },
      spec: {
        matchConstraints: {
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
          resourceRules: [
            {
              apiGroups: ["networking.istio.io"],
              apiVersions: ["*"],
              operations: ["CREATE", "UPDATE"],
              resources: ["virtualservices"],
            },
          ],
        },
        validations: [
          { expression: "object.spec.http.all(h, h.route.all(r, !has(r.weight) || r.weight != 50))", message: refusal },
        ],
      },
    });
    await kubectlOutput(["apply", "-f", "-"], {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "ValidatingAdmissionPolicyBinding",
      metadata: { name: policy },
      spec: { policyName: policy, validationActions: ["Deny"] },
    });
    const rollout = await rolloutIn(namespace, {
      virtualService: { name: "product" },
      destinationRule: { name: "product" },
    });
    const before = await objects.read(virtualServices, namespace, "product", signal);
    const refused = async (): Promise<boolean> => (await router.rehearse(rollout, signal)) !== undefined;
    await until(refused, { timeout: 20_000, what: "the policy to be in force" });
    const problem = await router.rehearse(rollout, signal);
    expect(problem).toMatchObject({ problem: "TrafficConfigRejected" });
    expect(problem?.message).toContain(`VirtualService ${namespace}/product with 50 % for the canary was refused`);
    expect(problem?.message).toContain(refusal);
    expect(await objects.read(virtualServices, namespace, "product", signal)).toEqual(before);
    await kubectlOutput(["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", policy]);
    await close();
  });

  test("generated objects that the garbage collector took from a deleted Rollout are given back", async () => {
    const { namespace, apply, close } = await openNamespace();
    await garbageIsCollected(namespace);
    await apply(productService);
    const rollout = await rolloutIn(namespace, {});
    const finalizers = (list: readonly string[] | null) =>
      objects.mergePatch(rollouts, namespace, "product", { metadata: { finalizers: list } }, { signal });
    await finalizers(["example.org/hold"]);
    await router.perform({ kind: "createRoute" }, rollout, signal);
    await real.caughtUp(namespace);
    const original = router.describeOriginal(rollout);
    const released = { ...duringRelease(rollout, original, "Split", 10), deleting: true };
    await router.perform({ kind: "narrowSubsets", stable: "aaa", canary: "bbb" }, released, signal);
    await router.perform({ kind: "routeTraffic", weight: 10, original }, released, signal);
    await kubectlOutput(["-n", namespace, "delete", "rollouts.serin.dev/product", "--cascade=orphan", "--wait=false"]);
    const isOrphaned = async (): Promise<boolean> => {
      const both = [virtualServices, destinationRules].map((resource) =>
        objects.read(resource, namespace, "product", signal),
      );
      return (await Promise.all(both)).every((object) => (object?.metadata.ownerReferences ?? []).length === 0);
    };
    await until(isOrphaned, { timeout: 60_000, what: "the garbage collector" });
    await router.perform({ kind: "routeTraffic", weight: 0, original }, released, signal);
    await router.perform({ kind: "restoreRoute", original }, released, signal);
    await router.perform({ kind: "restoreSubsets", original }, released, signal);
    const route = await objects.read(virtualServices, namespace, "product", signal);
    expect(route?.spec?.["http"]).toMatchObject([{ route: [{ destination: { host: "product" } }] }]);
    await router.perform({ kind: "removeRoute" }, released, signal);
    await router.perform({ kind: "removeSubsets" }, released, signal);
    await real.caughtUp(namespace);
    expect(objects.cachedAll(virtualServices, namespace)).toEqual([]);
    expect(objects.cachedAll(destinationRules, namespace)).toEqual([]);
    await finalizers(null);
    await close();
  });

  test("a caller through the Gateway API is found, and its route is told", async () => {
    const { namespace, apply, close } = await openNamespace();
    await apply(productService);
    const rollout = await rolloutIn(namespace, {});
    expect(router.readTraffic(rollout)).toMatchObject({ unsplit: [] });
    await apply({
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "HTTPRoute",
      metadata: { name: "edge" },
      spec: { rules: [{ backendRefs: [{ name: "product", port: 8080 }] }] },
    });
    const expected = `HTTPRoute ${namespace}/edge, spec.rules[0]: goes to product.${namespace}.svc.cluster.local as a whole`;
    const unsplit = (): readonly string[] => (router.readTraffic(rollout) as { unsplit: readonly string[] }).unsplit;
    await until(() => unsplit().length > 0, { timeout: 10_000, what: "the HTTPRoute in the cache" });
    expect(unsplit()).toEqual([expected]);
    await close();
  });

  test("who wrote the weights last is told", async () => {
    const { namespace, apply, close } = await openNamespace();
    const http = [{ route: [{ destination: { host: "product" } }] }];
    const manifest = istio("VirtualService", { hosts: ["product"], http });
    await apply(productService, istio("DestinationRule", { host: "product" }), manifest);
    const rollout = await rolloutIn(namespace, {
      virtualService: { name: "product" },
      destinationRule: { name: "product" },
    });
    const original = router.describeOriginal(rollout);
    const released = duringRelease(rollout, original, "Split", 10);
    await router.perform({ kind: "routeTraffic", weight: 10, original }, released, signal);
    await kubectlOutput(
      ["-n", namespace, "apply", "--server-side", "--force-conflicts", "--field-manager=argocd-controller", "-f", "-"],
      manifest,
    );
    await real.caughtUp(namespace);
    expect(router.readTraffic(released)).toMatchObject({
      route: { kind: "Rest" },
      foreignManager: "argocd-controller",
    });
    await router.perform({ kind: "routeTraffic", weight: 10, original }, released, signal);
    await real.caughtUp(namespace);
    expect(router.readTraffic(released)).toMatchObject({ route: { kind: "Split", weight: 10 } });
    await close();
  });
});

describe("outlier detection that git has", () => {
  const settings = { consecutive5xxErrors: 4, baseEjectionTime: "1h", maxEjectionPercent: 25 };
  const inGit = (trafficPolicy?: object) =>
    istio("DestinationRule", { host: "product", ...(trafficPolicy && { trafficPolicy }) });

  test("is git's again after it was tuned: git changes and removes it without a word", async () => {
    const { namespace, apply, close } = await openNamespace();
    await apply(productService);
    const git = (trafficPolicy?: object) =>
      kubectlOutput(
        ["-n", namespace, "apply", "--server-side", "--field-manager=git", "-f", "-"],
        inGit(trafficPolicy),
      );
    const before = { outlierDetection: { consecutive5xxErrors: 7, interval: "5s" } };
    await git(before);
    const rollout = await rolloutIn(namespace, {
      virtualService: { name: "product" },
      destinationRule: { name: "product" },
    });
    await apply(
      istio("VirtualService", { hosts: ["product"], http: [{ route: [{ destination: { host: "product" } }] }] }),
    );
    const read = async () => (await objects.read(destinationRules, namespace, "product", signal))!;
    const outliersOf = () => {
      const state = router.readTraffic(rollout);
      if (isProblem(state) || state.outliers === undefined) throw new Error("the DestinationRule cannot be read");
      return state.outliers;
    };
    const { before: untuned } = outliersOf();
    await router.perform({ kind: "tuneOutliers", settings, before: untuned }, rollout, signal);
    await real.caughtUp(namespace);
    expect((await read()).spec?.["trafficPolicy"]).toEqual({ outlierDetection: { ...settings, interval: "5s" } });
    expect(outliersOf()).toMatchObject({ isTuned: true, written: settings });

    await router.perform({ kind: "restoreOutliers", before: untuned }, rollout, signal);
    await real.caughtUp(namespace);
    expect((await read()).spec?.["trafficPolicy"]).toEqual(before);
    expect(
      JSON.stringify((await read()).metadata.managedFields?.filter(({ manager }) => manager === "serin")),
    ).not.toContain("f:trafficPolicy");
    await git({ outlierDetection: { consecutive5xxErrors: 9, interval: "5s" } });
    expect((await read()).spec?.["trafficPolicy"]).toEqual({
      outlierDetection: { consecutive5xxErrors: 9, interval: "5s" },
    });
    await git();
    expect((await read()).spec).toEqual({ host: "product" });
    await close();
  });

  test("is not tuned over an object that was read before somebody changed it", async () => {
    const { namespace, apply, close } = await openNamespace();
    await apply(productService, inGit());
    const stale = (await objects.read(destinationRules, namespace, "product", signal))!;
    await apply(inGit({ connectionPool: {} }));
    const late = { ...stale, spec: { trafficPolicy: { outlierDetection: settings } } };
    const { apiVersion, kind, metadata, spec } = late;
    const { name, resourceVersion } = metadata;
    const applied = { apiVersion, kind, metadata: { name, namespace, resourceVersion }, spec };
    await expect(objects.apply(destinationRules, applied, { signal })).rejects.toThrow(ConflictError);
    await close();
  });
});
