import { expect, test } from "vitest";
import { kind } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import { manifest, rollout as rolloutObject, service } from "../lab/app.ts";
import type { Stored, StoredRollout } from "../lab/shop.ts";
import { brisk, openCase, type Bench, type Case } from "./bench.ts";
import { expectLetGo, rollsByItself, untilGone } from "./left-behind.ts";

const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");
const namespaces = kind<Stored>("v1", "Namespace");
const replicaSets = kind<Stored>("apps/v1", "ReplicaSet");
const steps = [{ weight: 10 }, { pause: {} }, { weight: 100 }];

/** A release of v2 that stays at 10 %. */
async function openAtTen(bench: Bench, namespace: string, options: Parameters<typeof openCase>[2] = {}): Promise<Case> {
  const shop = await openCase(bench, namespace, { ...options, spec: { steps, ...options.spec } });
  await shop.release("product:v2");
  await shop.untilRollout("the pause at 10", ({ status }) => status.phase === "Paused" && status.weight === 10);
  return shop;
}

function remove({ lab }: Bench, { namespace }: Case): Promise<unknown> {
  return lab.kubectl(["delete", "rollout/product", "-n", namespace, "--wait=false"]);
}

/** Letting go where not everything is as a release left it. */
export function leavingObstacleCases(bench: () => Bench): void {
  test("a Rollout is deleted whose routes are the user's: they are as in git again", () => asInGit(bench()));
  test("a Rollout is deleted whose VirtualService is gone", () => withoutVirtualService(bench()));
  test("a Rollout is deleted whose Service is gone", () => withoutService(bench()));
  test("a Rollout is deleted whose Deployment is gone", () => withoutDeployment(bench()));
  test("a Rollout is deleted whose Deployment somebody has paused", () => pausedByUser(bench()));
  test("a Rollout is deleted while a policy refuses the writes; it goes when the policy does", () => refused(bench()));
  test("a Rollout is deleted while its Deployment changes; the Deployment is not left paused", () => changed(bench()));
  test("a Rollout is created again after it was let go, and releases", () => createdAgain(bench()));
  test("a namespace is deleted in mid-release: everything in it ends", () => namespaceDeleted(bench()));
}

async function asInGit(bench: Bench): Promise<void> {
  const beside = referenced("leave-referenced");
  const traffic = {
    istio: { virtualService: { name: "shop", routes: ["primary"] }, destinationRule: { name: "shop" } },
  };
  const shop = await openAtTen(bench, "leave-referenced", { beside, spec: { traffic } });
  const [rule, route] = beside as readonly { spec: unknown }[];
  expect((await shop.route("shop"))?.spec).not.toEqual(route?.spec);
  await remove(bench, shop);
  await expectLetGo(bench.lab, shop, ["product:v1"]);
  expect((await shop.route("shop"))?.spec).toEqual(route?.spec);
  expect((await shop.subsets("shop"))?.spec).toEqual(rule?.spec);
  await rollsByItself(bench.lab, shop, "product:v3");
  await shop.end();
}

async function withoutVirtualService(bench: Bench): Promise<void> {
  const beside = referenced("leave-no-route");
  const traffic = {
    istio: { virtualService: { name: "shop", routes: ["primary"] }, destinationRule: { name: "shop" } },
  };
  const shop = await openAtTen(bench, "leave-no-route", { beside, spec: { traffic } });
  await bench.lab.kubectl(["delete", "virtualservice/shop", "-n", shop.namespace]);
  await remove(bench, shop);
  await expectLetGo(bench.lab, shop, ["product:v1"]);
  expect((await shop.subsets("shop"))?.spec).toEqual((beside[0] as { spec: unknown }).spec);
  await rollsByItself(bench.lab, shop, "product:v3");
  await shop.end();
}

/** Nobody can call an app without a Service: what counts is that the Rollout goes and leaves a Deployment that works. */
async function withoutService(bench: Bench): Promise<void> {
  const shop = await openAtTen(bench, "leave-no-service");
  await shop.load.stop();
  await bench.lab.kubectl(["delete", "service/product", "-n", shop.namespace]);
  await remove(bench, shop);
  await untilGone(bench.lab, shop);
  await bench.lab.apply(manifest(service({ namespace: shop.namespace })));
  await expectLetGo(bench.lab, shop, ["product:v1"]);
  await shop.end();
}

async function withoutDeployment(bench: Bench): Promise<void> {
  const shop = await openAtTen(bench, "leave-no-workload");
  await shop.load.stop();
  await bench.lab.kubectl(["delete", "deployment/product", "-n", shop.namespace]);
  await remove(bench, shop);
  await untilGone(bench.lab, shop);
  expect(await shop.route()).toBeUndefined();
  expect(await shop.subsets()).toBeUndefined();
  const { client } = bench.lab.cluster;
  await until(async () => (await client.list(replicaSets, { namespace: shop.namespace })).items.length === 0, {
    timeout: 60_000,
    what: "the end of all ReplicaSets",
  });
  // Without pods there is no capacity to speak of.
  await shop.end({ capacity: 0 });
}

async function pausedByUser(bench: Bench): Promise<void> {
  const shop = await openCase(bench, "leave-paused-by-user");
  await bench.lab.kubectl(["rollout", "pause", "deployment/product", "-n", shop.namespace]);
  await remove(bench, shop);
  await expectLetGo(bench.lab, shop, ["product:v1"]);
  await rollsByItself(bench.lab, shop, "product:v3");
  await shop.end();
}

async function refused(bench: Bench): Promise<void> {
  const shop = await openAtTen(bench, "leave-refused");
  const policy = denyRouteChanges(shop.namespace);
  await bench.lab.apply(policy);
  const probe = () =>
    bench.lab.kubectl(["annotate", "virtualservice/product", "-n", shop.namespace, "x=y", "--dry-run=server"]);
  await until(
    () =>
      probe().then(
        () => false,
        (error: unknown) => String(error).includes("frozen"),
      ),
    {
      timeout: 30_000,
      what: "the policy",
    },
  );
  await remove(bench, shop);
  const told = await shop.untilRollout("the refusal", ({ status }) => status.message?.includes("frozen") === true);
  expect(told.status.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
    status: "False",
    reason: "TrafficConfigRejected",
  });
  await bench.lab.kubectl(["delete", "--ignore-not-found", "-f", "-"], policy);
  await expectLetGo(bench.lab, shop, ["product:v1"]);
  await rollsByItself(bench.lab, shop, "product:v3");
  await shop.end();
}

/** The change may come before, between and after the writes of letting go: wherever, it rolls out in the end. */
async function changed(bench: Bench): Promise<void> {
  const shop = await openCase(bench, "leave-changed");
  await Promise.all([remove(bench, shop), shop.release("product:v2")]);
  await untilGone(bench.lab, shop);
  expect((await shop.deployment()).spec["paused"] ?? false).toBe(false);
  await rollsByItself(bench.lab, shop, "product:v3");
  await shop.end();
}

async function createdAgain(bench: Bench): Promise<void> {
  const shop = await openAtTen(bench, "leave-and-return");
  const before = await shop.rollout();
  await remove(bench, shop);
  await expectLetGo(bench.lab, shop, ["product:v1"]);
  await bench.lab.apply(manifest(rolloutObject({ namespace: shop.namespace }, brisk)));
  const again = await shop.untilRollout("Ready", ({ status }) => status.phase === "Ready");
  expect(again.metadata.uid).not.toBe(before.metadata.uid);
  await shop.release("product:v3");
  await shop.endsAs("product:v3", { outcome: "Promoted", number: 1 });
  await shop.end();
}

async function namespaceDeleted(bench: Bench): Promise<void> {
  const shop = await openAtTen(bench, "leave-namespace");
  await shop.load.stop();
  const { namespace } = shop;
  await bench.lab.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  const { client } = bench.lab.cluster;
  // Sooner than what could not be told would be given up: nobody can be told anything here.
  await until(async () => (await client.get(rollouts, { namespace, name: "product" })) === undefined, {
    timeout: 45_000,
    what: "the end of the Rollout",
  });
  await until(async () => (await client.get(namespaces, { name: namespace })) === undefined, {
    timeout: 120_000,
    what: "the end of the namespace",
  });
  await shop.capacity.stop();
}

/** A policy of somebody's, for one namespace, that lets nobody change a VirtualService. */
function denyRouteChanges(namespace: string): string {
  const name = `freeze-${namespace}`;
  const apiVersion = "admissionregistration.k8s.io/v1";
  const policy = {
    apiVersion,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      matchConstraints: {
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        resourceRules: [
          {
            apiGroups: ["networking.istio.io"],
            apiVersions: ["*"],
            operations: ["UPDATE"],
            resources: ["virtualservices"],
          },
        ],
      },
      validations: [{ expression: "false", message: "routes are frozen" }],
    },
  };
  const binding = {
    apiVersion,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: { policyName: name, validationActions: ["Deny"] },
  };
  return manifest(policy, binding);
}

/** Routes of a team's own: a pinned one, which is none of ours, and the one that is split. */
function referenced(namespace: string): readonly object[] {
  const metadata = { name: "shop", namespace };
  const http = [
    {
      name: "pinned",
      match: [{ headers: { "x-pinned": { exact: "true" } } }],
      route: [{ destination: { host: "product", subset: "all" } }],
    },
    { name: "primary", timeout: "10s", route: [{ destination: { host: "product", port: { number: 8080 } } }] },
  ];
  return [
    {
      apiVersion: "networking.istio.io/v1",
      kind: "DestinationRule",
      metadata,
      spec: { host: "product", subsets: [{ name: "all", labels: { app: "product" } }] },
    },
    { apiVersion: "networking.istio.io/v1", kind: "VirtualService", metadata, spec: { hosts: ["product"], http } },
  ];
}
