import { expect, test } from "vitest";
import { kind, type KubernetesObject } from "../cluster/kubernetes.ts";
import { until } from "../cluster/processes/until.ts";
import { manifest } from "../lab/app.ts";
import type { Stored, StoredRollout } from "../lab/shop.ts";
import { openCase, brisk, type Bench, type Case } from "./bench.ts";
import {
  canaryPods,
  endAfterLoss,
  expectAsBefore,
  oneStep,
  size,
  standAt,
  untilPods,
  untilServedBy,
  type Stand,
} from "./stand.ts";
import { pointNamed, refuse, type Point } from "./hand-over.ts";

const replicaSets = kind<Stored>("apps/v1", "ReplicaSet");
const rollouts = kind<StoredRollout>("serin.dev/v1alpha1", "Rollout");

const rolling = (rollingUpdate: object) => ({ type: "RollingUpdate", rollingUpdate });

/** Every kind of Deployment that is adopted, and some that are refused. */
export function deploymentKindCases(bench: () => Bench): void {
  test.each([
    { what: "maxSurge 0 and maxUnavailable 1", name: "no-surge", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
    { what: "percentages", name: "percentages", rollingUpdate: { maxSurge: "34%", maxUnavailable: "50%" } },
    { what: "maxSurge 100% already", name: "open-surge", rollingUpdate: { maxSurge: "100%", maxUnavailable: 0 } },
    { what: "more surge than pods", name: "large-surge", rollingUpdate: { maxSurge: 10, maxUnavailable: 0 } },
  ])("a Deployment with $what is promoted and has it again, no pod restarted", async ({ name, rollingUpdate }) => {
    const shop = await openCase(bench(), name, {
      app: { replicas: size, strategy: rolling(rollingUpdate) },
      spec: oneStep,
    });
    await promote(shop, "product:v2");
    await expectAsBefore(shop, rollingUpdate.maxSurge);
    await shop.end();
  });

  test.each([0, 1])("revisionHistoryLimit %d: promoted twice, no pod restarted", async (revisionHistoryLimit) => {
    const shop = await openCase(bench(), `history-${revisionHistoryLimit}`, {
      app: { replicas: size, fields: { deployment: { revisionHistoryLimit } } },
      spec: oneStep,
    });
    await promote(shop, "product:v2");
    await promote(shop, "product:v3");
    await untilReplicaSets(bench(), shop, 1 + revisionHistoryLimit);
    await shop.end();
  });

  test("minReadySeconds: the canary is handed over when its pods have been ready for so long", async () => {
    const shop = await openCase(bench(), "min-ready", { app: { replicas: size, minReadySeconds: 3 }, spec: oneStep });
    await promote(shop, "product:v2");
    const { items } = await bench().lab.cluster.client.list(replicaSets, { namespace: "min-ready" });
    const canary = items.find(({ metadata }) => metadata.name.startsWith("product-a-"));
    expect(canary?.spec).toMatchObject({ minReadySeconds: 3 });
    await shop.end();
  });

  test("strategy Recreate is refused before anything is touched", async () => {
    const shop = await openCase(bench(), "recreate", { app: { strategy: { type: "Recreate" } }, unready: true });
    const { status } = await shop.untilRollout("Stalled", ({ status: { phase } }) => phase === "Stalled");
    const stalled = status.conditions?.find(({ type }) => type === "Stalled");
    expect(stalled).toMatchObject({ status: "True", reason: "WorkloadNotSupported" });
    expect(stalled?.message).toContain("spec.strategy.type is Recreate");
    expect((await shop.deployment()).metadata.labels).toEqual({ app: "product" });
    expect([await shop.route(), await shop.subsets()]).toEqual([undefined, undefined]);
    await shop.end();
  });

  test.each(["by git", "by kubectl rollout undo"])("back to the first revision %s: no pod restarted", async (how) => {
    const namespace = how === "by git" ? "again" : "undo";
    const shop = await openCase(bench(), namespace, { app: { replicas: size }, spec: oneStep });
    await promote(shop, "product:v2");
    await promote(shop, "product:v1", async () => {
      if (how === "by git") await shop.release("product:v1");
      else await bench().lab.kubectl(["rollout", "undo", "deployment/product", "-n", namespace]);
    });
    // The empty ReplicaSet of the first time has gone: the Deployment would take it for the one to scale up.
    await untilReplicaSets(bench(), shop, 2);
    await shop.end();
  });

  test("a policy that changes ReplicaSets: TemplateMutated with the path, before any traffic, nothing left", async () => {
    const { client } = bench().lab.cluster;
    const shop = await openCase(bench(), "mutated", { app: { replicas: size }, spec: oneStep });
    await mirrorImages(client, "mutated");
    await shop.release("product:v2");
    const ended = await shop.outcome("product:v2");
    expect(ended).toMatchObject({ outcome: "RolledBack", reason: "TemplateMutated", highestWeight: 0 });
    const stalledIn = ({ conditions }: StoredRollout["status"]) =>
      conditions?.find(({ type, reason }) => type === "Stalled" && reason === "TemplateMutated");
    const { status } = await shop.untilRollout("TemplateMutated", ({ status: now }) => stalledIn(now) !== undefined);
    const stalled = stalledIn(status);
    expect(stalled).toMatchObject({ status: "True" });
    expect(stalled?.message).toContain("spec.template.spec.containers[0].image");
    expect(await canaryPods(shop)).toEqual([]);
    await untilReplicaSets(bench(), shop, 1);
    expect((await shop.subsets())?.spec).not.toHaveProperty("subsets");
    await shop.end();
  });

  test.each([240, 242])("a Deployment whose name has %d characters is released like any other", async (length) => {
    const namespace = `long-${length}`;
    const { lab } = bench();
    const { client } = lab.cluster;
    const name = "p".repeat(length);
    const shop = await openCase(bench(), namespace, { app: { replicas: size }, spec: oneStep });
    const like = await shop.deployment();
    const run = (image: string) => lab.apply(manifest(longNamed(like, { name, namespace, image })));
    await run("product:v1");
    await lab.kubectl(["rollout", "status", `deployment/${name}`, "-n", namespace, "--timeout=60s"]);
    await lab.kubectl(["delete", "srn", "product", "-n", namespace]);
    await lab.kubectl(["delete", "deployment", "product", "-n", namespace]);
    await lab.apply(
      manifest({
        apiVersion: "serin.dev/v1alpha1",
        kind: "Rollout",
        metadata: { name: "product", namespace },
        spec: { ...brisk, ...oneStep, targetRef: { name }, service: { name: "product" } },
      }),
    );
    const ended = async () => (await client.get(rollouts, { namespace, name: "product" }))?.status;
    await until(async () => (await ended())?.phase === "Ready", { timeout: 60_000, what: "Ready" });
    for (const image of ["product:v2", "product:v3"]) {
      await run(image);
      await until(
        async () => {
          const [last] = (await ended())?.history ?? [];
          return last?.image === image && last.outcome === "Promoted";
        },
        { timeout: 120_000, what: `the promotion of ${image}` },
      );
    }
    const names = (await client.list(replicaSets, { namespace })).items.map(({ metadata }) => metadata.name.length);
    expect(Math.max(...names)).toBeLessThanOrEqual(253);
    await shop.end({ capacity: 0 });
  });
}

/** What somebody does to the objects of the hand-over itself. */
export function handOverCases(bench: () => Bench): void {
  test("git changes maxSurge before the hand-over: it stays as git says now", async () => {
    const stand = await standAt(bench(), pointNamed("hand-over"), "other-surge");
    const { shop } = stand;
    const change = JSON.stringify({ spec: { strategy: { rollingUpdate: { maxSurge: "60%" } } } });
    await bench().lab.kubectl(["patch", "deployment", "product", "-n", shop.namespace, "--type=merge", "-p", change]);
    await stand.lift();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    await expectAsBefore(shop, "60%");
    await shop.end();
  });

  test.each(["unpause", "widen"])(
    "labels taken off the adopted ReplicaSet before %s: it gets them back",
    async (at) => {
      const stand = await standAt(bench(), pointNamed(at), `unlabelled-${at}`);
      await afterLosing(stand, { labels: { app: null } });
    },
  );

  test("the ownerReference put back before the Deployment is unpaused: handed over again", async () => {
    const stand = await standAt(bench(), pointNamed("unpause"), "owned-again");
    await afterLosing(stand, { ownerReferences: [await ownerOf(stand)], labels: { app: null } });
  });

  test("the ownerReference put back later: the Deployment runs the revision with pods of its own", async () => {
    const stand = await standAt(bench(), pointNamed("widen"), "owned-late");
    const { shop } = stand;
    await changeCanary(stand, { ownerReferences: [await ownerOf(stand)], labels: { app: null } });
    await stand.lift();
    await shop.untilRollout("the new stable", ({ status }) => isAtRest(status, "product:v2"));
    await untilPods(shop, size);
    await expectAsBefore(shop);
    await shop.end();
  });

  test("the canary's ReplicaSet deleted before the hand-over: traffic goes back to the old pods", async () => {
    const stand = await standAt(bench(), pointNamed("hand-over"), "canary-deleted");
    const { shop } = stand;
    await deleteCanary(stand);
    await shop.endsAs("product:v2", { outcome: "RolledBack", reason: "CanaryUnavailable" });
    await stand.lift();
    await endAfterLoss(shop, "v1");
  });

  test.each([
    { before: "the Deployment is unpaused", at: "unpause", outcome: "RolledBack", version: "v1" },
    { before: "subset stable is widened", at: "widen", outcome: "Promoted", version: "v2" },
  ] as const)(
    "the adopted ReplicaSet deleted before $before: $outcome, $version serves",
    async ({ at, outcome, version }) => {
      const stand = await standAt(bench(), pointNamed(at), `adopted-deleted-${at}`);
      const { shop } = stand;
      await deleteCanary(stand);
      await stand.lift();
      await shop.endsAs("product:v2", { outcome });
      await endAfterLoss(shop, version);
      if (version === "v2") {
        // The next release begins with the ReplicaSet that the Deployment made instead.
        expect((await shop.rollout()).status.stable?.replicaSet).not.toContain("product-a-");
      }
    },
  );

  test("the Deployment deleted and created again before the hand-over: the canary pods serve until it runs", async () => {
    const stand = await standAt(bench(), pointNamed("hand-over"), "recreated");
    const { shop } = stand;
    await recreate(stand);
    await stand.lift();
    await shop.untilRollout("the new stable", ({ status }) => isAtRest(status, "product:v2"));
    await untilPods(shop, size);
    await shop.end();
  });

  test("the Deployment deleted and created again after the adoption: its pods serve when they are ready", async () => {
    const stand = await standAt(bench(), pointNamed("unpause"), "recreated-late");
    const { shop } = stand;
    await recreate(stand);
    await stand.lift();
    await shop.untilRollout("the new stable", ({ status }) => isAtRest(status, "product:v2"));
    await untilPods(shop, size);
    await endAfterLoss(shop, "v2");
  });

  test("git goes back to stable's template after the adoption: the old pods stay and serve", async () => {
    const stand = await standAt(bench(), pointNamed("old-at-zero"), "reverted-late");
    const { shop } = stand;
    const ofStable = async () => (await shop.pods()).filter((pod) => !pod.startsWith("product-a-"));
    const before = await ofStable();
    expect(before).toHaveLength(size);
    const mark = shop.load.snapshot();
    await shop.release("product:v1");
    // The status says what is asked for next, and the canary's pods go the moment they may: proxies have the routes as soon
    // as the old pods, which no subset of the release lets them find, answer.
    const isGivenBack = () => (shop.load.since(mark).byVersion["v1"]?.total ?? 0) > 0;
    await until(isGivenBack, { timeout: 60_000, what: "an answer of v1" });
    await stand.lift();
    await shop.untilRollout("stable again", ({ status }) => isAtRest(status, "product:v1"));
    expect(await untilPods(shop, size)).toEqual(before);
    await expectAsBefore(shop);
    await shop.end();
  });

  test("all canary pods get unready after the adoption: the old pods serve until they are ready again", async () => {
    const stand = await standAt(bench(), pointNamed("old-at-zero"), "unready-late");
    const { shop } = stand;
    const { pods } = bench().lab.world;
    const canary = { namespace: shop.namespace, workload: "product-a" };
    await pods.set(canary, { NEVER_READY: "true" });
    await shop.untilRollout("the routes as before", ({ status }) => status.release?.traffic?.route === "Rest");
    await untilServedBy(shop, "v1");
    const before = shop.load.snapshot();
    await pods.set(canary, { NEVER_READY: "" });
    await stand.lift();
    await shop.endsAs("product:v2", { outcome: "Promoted" });
    expect((await untilPods(shop, size)).filter((pod) => !pod.startsWith("product-a-"))).toEqual([]);
    await expectAsBefore(shop);
    expect(shop.load.since(before).failed).toBe(0);
    await shop.end({ capacity: 0, lost: before.failed });
  });

  test("a newer template that nothing holds after the adoption: paused, and released next", async () => {
    const stand = await standAt(bench(), pointNamed("unpause"), "unheld");
    const { shop } = stand;
    const { lab } = bench();
    await lab.kubectl(["label", "deployment/product", "serin.dev/rollout-", "-n", shop.namespace]);
    // Slow enough to be paused before the Deployment is through.
    await shop.release("product:v3", { START_SECONDS: "5" });
    await lab.kubectl(["rollout", "resume", "deployment/product", "-n", shop.namespace]);
    await stand.lift();
    await shop.endsAs("product:v3", { outcome: "Promoted" });
    const { history } = (await shop.rollout()).status;
    expect(history?.map(({ outcome }) => outcome)).toEqual(["Promoted", "Promoted"]);
    await untilPods(shop, size);
    // The Deployment had replaced a first pod before it was paused again.
    await shop.end({ capacity: (size - 1) / size });
  });

  test("a newer template that rolls out to the end after the adoption: what runs is stable and gets all traffic", async () => {
    const { lab } = bench();
    const stand = await standAt(bench(), pointNamed("unpause"), "rolled-past");
    const { shop } = stand;
    const liftPause = await refuse(lab.cluster.client, shop.namespace, pausedAgain);
    await lab.kubectl(["label", "deployment/product", "serin.dev/rollout-", "-n", shop.namespace]);
    await shop.release("product:v3");
    await lab.kubectl(["rollout", "resume", "deployment/product", "-n", shop.namespace]);
    await lab.kubectl(["rollout", "status", "deployment/product", "-n", shop.namespace, "--timeout=60s"]);
    await stand.lift();
    // An operator that has not seen yet that v3 is through would pause it in time, and release it like any other.
    const hasSeen = ({ status: { release } }: StoredRollout) => release?.traffic?.route !== "Split";
    await shop.untilRollout("the routes as before", hasSeen);
    await liftPause();
    const { status } = await shop.untilRollout("the new stable", ({ status: seen }) => isAtRest(seen, "product:v3"));
    expect(status.history?.map(({ image, outcome }) => `${image} ${outcome}`)).toEqual(["product:v2 Promoted"]);
    await endAfterLoss(shop, "v3");
  });
}

/** Lets whatever an unpaused Deployment rolls out go on to its end. */
const pausedAgain: Point = {
  ...pointNamed("unpause"),
  name: "pause",
  before: "the Deployment is paused again",
  isIt: "!oldObject.spec.?paused.orValue(false) && object.spec.?paused.orValue(false)",
};

function isAtRest({ phase, release, stable }: StoredRollout["status"], image: string): boolean {
  return phase === "Ready" && release === undefined && stable?.image === image;
}

/** Releases an image and expects it to be promoted with the very pods that were judged. */
async function promote(shop: Case, image: string, change = () => shop.release(image)): Promise<void> {
  await change();
  const { status } = await shop.untilRollout(
    `all traffic at ${image}`,
    ({ status: { weight, canary } }) => weight === 100 && canary?.image === image,
  );
  const prefix = `${status.canary?.workload ?? ""}-`;
  const judged = (await shop.pods()).filter((pod) => pod.startsWith(prefix));
  expect(judged).toHaveLength(size);
  await shop.endsAs(image, { outcome: "Promoted" });
  expect(await untilPods(shop, size)).toEqual(judged);
}

async function untilReplicaSets({ lab }: Bench, { namespace }: Case, count: number): Promise<void> {
  const all = async () => (await lab.cluster.client.list(replicaSets, { namespace })).items;
  const isSo = async () => (await all()).length === count;
  await until(isSo, { timeout: 30_000, what: `${count} ReplicaSets in ${namespace}` });
}

/** Changes the adopted ReplicaSet's metadata so that the Deployment lets go of it; the release must end all the same. */
async function afterLosing(stand: Stand, metadata: object): Promise<void> {
  const { shop } = stand;
  const before = await canaryPods(shop);
  await changeCanary(stand, metadata);
  await stand.lift();
  await shop.endsAs("product:v2", { outcome: "Promoted" });
  expect(await untilPods(shop, size)).toEqual(before);
  await expectAsBefore(shop);
  await shop.end();
}

async function changeCanary({ bench, shop }: Stand, metadata: object): Promise<void> {
  const { namespace } = shop;
  const { replicaSet: name = "" } = (await shop.rollout()).status.canary ?? {};
  await bench.lab.cluster.client.patch(replicaSets, { namespace, name }, { metadata });
}

/** The ownerReference that the canary had. */
async function ownerOf({ shop }: Stand): Promise<object> {
  const { uid } = (await shop.rollout()).metadata;
  return { apiVersion: "serin.dev/v1alpha1", kind: "Rollout", name: "product", uid, controller: true };
}

async function deleteCanary({ bench, shop }: Stand): Promise<void> {
  const { replicaSet = "" } = (await shop.rollout()).status.canary ?? {};
  await bench.lab.kubectl(["delete", "replicaset", replicaSet, "-n", shop.namespace]);
}

async function recreate({ bench, shop }: Stand): Promise<void> {
  await bench.lab.kubectl(["delete", "deployment", "product", "-n", shop.namespace]);
  await shop.release("product:v2");
}

function longNamed(like: Stored, given: { name: string; namespace: string; image: string }): KubernetesObject {
  const { name, namespace, image } = given;
  const labels = { app: "product" };
  const [container] = (like.spec["template"] as { spec: { containers: readonly object[] } }).spec.containers;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace },
    spec: {
      replicas: size,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ ...container, image }] } },
    },
  } as KubernetesObject;
}

/** A policy like those that make images come from a mirror, which overlooks that ReplicaSets are not pods. */
async function mirrorImages(client: Bench["lab"]["cluster"]["client"], namespace: string): Promise<void> {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const image = "/spec/template/spec/containers/0/image";
  const metadata = { name: `mirror-${namespace}` };
  await client.create({
    apiVersion,
    kind: "MutatingAdmissionPolicy",
    metadata,
    spec: {
      failurePolicy: "Fail",
      reinvocationPolicy: "Never",
      matchConstraints: {
        resourceRules: [
          { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["replicasets"] },
        ],
      },
      mutations: [
        {
          patchType: "JSONPatch",
          jsonPatch: { expression: `[JSONPatch{op: "replace", path: "${image}", value: "mirror/product:v2"}]` },
        },
      ],
    },
  } as KubernetesObject);
  const matchResources = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } } };
  await client.create({
    apiVersion,
    kind: "MutatingAdmissionPolicyBinding",
    metadata,
    spec: { policyName: metadata.name, matchResources },
  } as KubernetesObject);
  const body = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: "probe" },
    spec: {
      replicas: 0,
      selector: { matchLabels: { app: "probe" } },
      template: {
        metadata: { labels: { app: "probe" } },
        spec: { containers: [{ name: "app", image: "product:v1" }] },
      },
    },
  };
  const isEffective = async () => {
    const path = `/apis/apps/v1/namespaces/${namespace}/replicasets`;
    const answer = await client.raw(path, { method: "POST", query: { dryRun: "All" }, body });
    return JSON.stringify(answer).includes("mirror/product:v2");
  };
  await until(isEffective, { timeout: 60_000, what: `the policy ${metadata.name}` });
}
