import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { finalizer, hashLabel, promotedAnnotation, rolloutLabel, unpauseAnnotation } from "../../../src/api/names.ts";
import { canonicalJson } from "../../../src/domain/canonical-json.ts";
import { withoutHash } from "../../../src/domain/revision.ts";
import { valueAt } from "../../../src/adapters/kubernetes/json-fields.ts";
import { replicaSets, rollouts } from "../../../src/adapters/kubernetes/workload-resources.ts";
import { ConflictError, NotFoundError, RejectedError, TemplateMutatedError } from "../../../src/runtime/errors.ts";
import { until } from "../../cluster/processes/until.ts";
import { kubectlOutput } from "../kubectl.ts";
import { largePod } from "./large-pod.ts";
import { canaryOf, holdChange, tryCanary } from "./release.ts";
import { createWorkbench, deploymentOf, type Trial, type Workbench } from "./workbench.ts";

let bench: Workbench;

beforeAll(async () => {
  bench = await createWorkbench("workload-canary");
});

afterAll(() => bench.stop());

const stored = async (trial: Trial, name: string) =>
  (await trial.replicaSets()).find(({ metadata }) => metadata.name === name);

describe("a canary", () => {
  test("has the Deployment's template byte for byte and none of its labels", async () => {
    const trial = await bench.start(deploymentOf("large", { replicas: 2, minReadySeconds: 1 }, largePod));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    const deployment = await trial.deployment();
    const replicaSet = await stored(trial, canary.replicaSet);
    const template = valueAt(replicaSet, "spec", "template");
    expect(canonicalJson(withoutHash(template))).toBe(canonicalJson(valueAt(deployment, "spec", "template")));
    expect(JSON.stringify(template)).toContain(`"${hashLabel}":"${canary.podTemplateHash}"`);
    expect(replicaSet?.metadata.labels).toEqual({ [rolloutLabel]: "large" });
    expect(replicaSet?.metadata.ownerReferences).toMatchObject([{ kind: "Rollout", name: "large", controller: true }]);
    expect(replicaSet?.metadata.annotations).toEqual({
      "deployment.kubernetes.io/desired-replicas": "2",
      "deployment.kubernetes.io/max-replicas": "3",
    });
    expect(replicaSet?.spec).toMatchObject({ minReadySeconds: 1, replicas: 1 });
    expect(await trial.replicaSet(canary.replicaSet)).toMatchObject({
      controlledBy: "Rollout",
      revision: canary.revision,
      podTemplateHash: canary.podTemplateHash,
      workload: "large-a",
      replicas: 1,
      pods: 1,
      available: 1,
      crashes: [],
      cannotStart: undefined,
    });
  });

  test("is created once, follows its size, and is removed with its pods", async () => {
    const trial = await bench.start(deploymentOf("once", { replicas: 2 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    await trial.act({ kind: "createCanary", canary, replicas: 1 });
    await trial.act({ kind: "scaleCanary", replicaSet: canary.replicaSet, replicas: 2 });
    const before = await stored(trial, canary.replicaSet);
    await trial.when("two pods", ({ replicaSets: all }) => all.every(({ available }) => available === 2));
    await trial.act({ kind: "scaleCanary", replicaSet: canary.replicaSet, replicas: 2 });
    expect((await stored(trial, canary.replicaSet))?.metadata.generation).toBe(before?.metadata.generation);

    await trial.act({ kind: "removeCanary", replicaSet: canary.replicaSet });
    await trial.act({ kind: "removeCanary", replicaSet: canary.replicaSet });
    await until(async () => (await trial.pods(canary.podTemplateHash)).length === 0, {
      timeout: 120_000,
      what: "no canary pods",
    });
    const scale = bench.cluster.perform(
      { kind: "scaleCanary", replicaSet: canary.replicaSet, replicas: 1 },
      trial.rollout(),
      bench.signal,
    );
    await expect(scale).rejects.toBeInstanceOf(NotFoundError);
  });

  test("gets its ownerReference back when somebody has taken it off, and is not taken from another owner", async () => {
    const trial = await bench.start(deploymentOf("disowned", { replicas: 1 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    const set = `replicaset/${canary.replicaSet}`;
    const before = (await stored(trial, canary.replicaSet))?.metadata.ownerReferences;
    const own = () => trial.act({ kind: "ownCanary", replicaSet: canary.replicaSet });
    await trial.kubectl("patch", set, "--type=json", "-p", '[{"op":"remove","path":"/metadata/ownerReferences"}]');
    await own();
    expect((await stored(trial, canary.replicaSet))?.metadata.ownerReferences).toEqual(before);
    await trial.kubectl("create", "configmap", "other");
    const uid = await trial.kubectl("get", "configmap", "other", "-o", "jsonpath={.metadata.uid}");
    const theirs = [{ apiVersion: "v1", kind: "ConfigMap", name: "other", uid, controller: true }];
    await trial.kubectl("patch", set, "--type=merge", "-p", JSON.stringify({ metadata: { ownerReferences: theirs } }));
    const refused = bench.cluster.perform(
      { kind: "ownCanary", replicaSet: canary.replicaSet },
      trial.rollout(),
      bench.signal,
    );
    await expect(refused).rejects.toThrow("of ConfigMap other has its name; delete it when nobody needs it");
    expect((await stored(trial, canary.replicaSet))?.metadata.ownerReferences).toEqual(theirs);
  });

  test("is refused for another template than the release's, and a foreign ReplicaSet of its name is not touched", async () => {
    const trial = await bench.start(deploymentOf("stale", { replicas: 1 }));
    const canary = await holdChange(trial);
    const create = (revision: string) => {
      const action = { kind: "createCanary", canary: canaryOf("stale", revision, canary.image), replicas: 1 } as const;
      return bench.cluster.perform(action, trial.rollout(), bench.signal);
    };
    await expect(create("bcdfghjklm")).rejects.toBeInstanceOf(ConflictError);
    const labels = { app: "other", [hashLabel]: canary.podTemplateHash };
    const foreign = {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: canary.replicaSet, namespace: bench.namespace },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "app", image: "shop/app:v2" }] } },
      },
    };
    await bench.objects.create(replicaSets, foreign, { signal: bench.signal });
    await expect(create(canary.revision)).rejects.toThrow(
      `There can be no canary: ReplicaSet ${canary.replicaSet} that nobody controls has its name`,
    );
    await trial.act({ kind: "removeCanary", replicaSet: canary.replicaSet });
    expect(await stored(trial, canary.replicaSet)).toBeDefined();
  });

  test("whose template is changed on creation is taken back, and the path is named", async () => {
    await kubectlOutput(["apply", "-f", "-"], mutatingPolicy);
    const trial = await bench.start(deploymentOf("mutated", { replicas: 1 }));
    const canary = await holdChange(trial);
    const action = { kind: "createCanary", canary, replicas: 1 } as const;
    let seen: unknown;
    await until(
      async () => {
        seen = await bench.cluster.perform(action, trial.rollout(), bench.signal).catch((error: unknown) => error);
        if (seen === undefined) await trial.act({ kind: "removeCanary", replicaSet: canary.replicaSet });
        return seen instanceof TemplateMutatedError;
      },
      { timeout: 120_000, what: "the policy to be effective" },
    );
    expect(seen).toBeInstanceOf(RejectedError);
    expect(seen).toMatchObject({ path: "spec.template.spec.dnsPolicy" });
    expect(await stored(trial, canary.replicaSet)).toBeUndefined();
  });

  test("that cannot start says why", async () => {
    const quota = {
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "pods" },
      spec: { hard: { pods: "0" } },
    };
    const trial = await bench.start(deploymentOf("no-quota", { replicas: 1 }));
    const canary = await holdChange(trial);
    await trial.writeStatus({ observedGeneration: 1, canary });
    await trial.kubectl("scale", "deployment/no-quota", "--replicas=0");
    await kubectlOutput(["-n", bench.namespace, "create", "-f", "-"], quota);
    await until(
      async () => (await trial.kubectl("get", "resourcequota", "pods", "-o", "jsonpath={.status.hard.pods}")) === "0",
      {
        timeout: 120_000,
        what: "the quota to be effective",
      },
    );
    await trial.act({ kind: "createCanary", canary, replicas: 1 });
    const seen = await trial.when("the reason", ({ replicaSets: all }) =>
      all.some(({ cannotStart }) => cannotStart !== undefined),
    );
    await trial.kubectl("delete", "resourcequota", "pods");
    expect(seen.replicaSets.find(({ name }) => name === canary.replicaSet)?.cannotStart).toContain("exceeded quota");
  });
});

describe("a canary that the garbage collector has taken from its Rollout", () => {
  const decided = {
    number: 1,
    startedAt: "2026-01-01T00:00:00Z",
    decision: "Rollback",
    reason: "RolloutDeleted",
    stepIndex: 0,
    highestWeight: 0,
  } as const;
  const remove = (trial: Trial, replicaSet: string) => trial.act({ kind: "removeCanary", replicaSet });

  test("is scaled down and removed by the rollback, and by nothing else", async () => {
    const trial = await bench.start(deploymentOf("orphaned", { replicas: 1 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    await trial.kubectl("delete", "rollouts.serin.dev", "orphaned", "--cascade=orphan", "--wait=false");
    await trial.when("the garbage collector", ({ replicaSets: all }) =>
      all.some(({ name, controlledBy }) => name === canary.replicaSet && controlledBy === "Nobody"),
    );
    await trial.act({ kind: "scaleCanary", replicaSet: canary.replicaSet, replicas: 0 });
    await remove(trial, canary.replicaSet);
    expect((await stored(trial, canary.replicaSet))?.spec).toMatchObject({ replicas: 1 });

    await trial.writeStatus({ observedGeneration: trial.rollout().generation, canary, release: decided });
    await trial.act({ kind: "scaleCanary", replicaSet: canary.replicaSet, replicas: 0 });
    expect((await stored(trial, canary.replicaSet))?.spec).toMatchObject({ replicas: 0 });
    await remove(trial, canary.replicaSet);
    await until(async () => (await stored(trial, canary.replicaSet)) === undefined, {
      timeout: 120_000,
      what: "the canary to be gone",
    });
  });

  test("is not mistaken for a ReplicaSet of another Rollout's label", async () => {
    const trial = await bench.start(deploymentOf("relabelled", { replicas: 1 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    await trial.writeStatus({ observedGeneration: trial.rollout().generation, canary, release: decided });
    const theirs = { metadata: { ownerReferences: null, labels: { [rolloutLabel]: "another" } } };
    await bench.objects.mergePatch(replicaSets, bench.namespace, canary.replicaSet, theirs, { signal: bench.signal });
    await remove(trial, canary.replicaSet);
    expect(await stored(trial, canary.replicaSet)).toBeDefined();
  });

  test("is scaled and removed when it was handed over to a Deployment that is gone since then", async () => {
    const trial = await bench.start(deploymentOf("abandoned", { replicas: 1 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    await trial.kubectl("delete", "deployment", "abandoned");
    const set = `replicaset/${canary.replicaSet}`;
    const handedOver = { metadata: { ownerReferences: null, labels: { "serin.dev/rollout": null } } };
    await trial.kubectl("patch", set, "--type=merge", "-p", JSON.stringify(handedOver));
    await trial.act({ kind: "scaleCanary", replicaSet: canary.replicaSet, replicas: 0 });
    expect((await stored(trial, canary.replicaSet))?.spec).toMatchObject({ replicas: 0 });
    await remove(trial, canary.replicaSet);
    await until(async () => (await stored(trial, canary.replicaSet)) === undefined, {
      timeout: 60_000,
      what: "the end of the ReplicaSet",
    });
  });

  test("is found although its Deployment is gone", async () => {
    const trial = await bench.start(deploymentOf("bereft", { replicas: 1 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    await trial.kubectl("delete", "deployment", "bereft");
    const look = () => bench.cluster.readWorkload(trial.rollout(), bench.signal);
    await until(async () => "problem" in (await look()), { timeout: 10_000, what: "the Deployment to be gone" });
    expect(await look()).toMatchObject({
      problem: "WorkloadNotFound",
      canary: { name: canary.replicaSet, controlledBy: "Rollout", replicas: 1 },
    });
  });
});

describe("a Deployment", () => {
  test("gets its proven template back, rolls by itself again, and loses the label", async () => {
    const trial = await bench.start(deploymentOf("restored", { replicas: 2 }));
    const first = (await trial.workload()).replicaSets[0];
    const before = await trial.pods();
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    await trial.act({ kind: "recordPromoted", revision: first?.revision ?? "" });
    await trial.act({ kind: "removeCanary", replicaSet: canary.replicaSet });
    await trial.act({ kind: "restoreTemplate", replicaSet: first?.name ?? "" });
    await trial.unpause();
    await trial.act({ kind: "releaseWorkload" });
    await trial.kubectl("rollout", "status", "deployment/restored", "--timeout=20s");
    const released = await trial.when(
      "the release",
      ({ labelled, paused, generation, observedGeneration }) =>
        !labelled && !paused && generation === observedGeneration,
    );
    expect(released).toMatchObject({ revision: first?.revision, promotedRevision: first?.revision });
    await until(async () => canonicalJson(await trial.pods()) === canonicalJson(before), {
      timeout: 120_000,
      what: "the same pods as before",
    });
    const { metadata } = await trial.deployment();
    expect(metadata.annotations).toHaveProperty([promotedAnnotation]);
    expect(metadata.annotations).not.toHaveProperty([unpauseAnnotation]);
    const generation = metadata.generation;
    await trial.act({ kind: "restoreTemplate", replicaSet: first?.name ?? "" });
    await trial.unpause();
    await trial.act({ kind: "releaseWorkload" });
    expect((await trial.deployment()).metadata.generation).toBe(generation);
  });

  test("that was paused since it was looked at keeps its label, or it would stay paused for ever", async () => {
    const trial = await bench.start(deploymentOf("paused-late", { replicas: 1 }));
    await trial.act({ kind: "holdWorkload" });
    await trial.act({ kind: "pauseWorkload", paused: true });
    await expect(trial.act({ kind: "releaseWorkload" })).rejects.toThrow(
      "Deployment paused-late was paused by its hold before it could be let go.",
    );
    await trial.unpause();
    await trial.act({ kind: "releaseWorkload" });
    await trial.when("the release", ({ labelled, paused }) => !labelled && !paused);
  });

  test("that another Rollout has is not taken", async () => {
    const trial = await bench.start(deploymentOf("claimed", { replicas: 1 }));
    await trial.act({ kind: "holdWorkload" });
    await trial.when("the label", ({ labelled }) => labelled);
    const second = {
      apiVersion: "serin.dev/v1alpha1",
      kind: "Rollout",
      metadata: { name: "second" },
      spec: { targetRef: { name: "claimed" } },
    };
    await kubectlOutput(["-n", bench.namespace, "create", "-f", "-"], second);
    const key = { namespace: bench.namespace, name: "second" };
    const rollout = await until(() => bench.cluster.readRollout(key), { timeout: 10_000, what: "the second Rollout" });
    await expect(bench.cluster.readWorkload(rollout, bench.signal)).resolves.toMatchObject({
      problem: "WorkloadClaimed",
    });
    await expect(trial.workload()).resolves.toMatchObject({ name: "claimed", labelled: true });
  });

  test("that cannot run two versions says why", async () => {
    const claim = {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name: "data" },
      spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
    };
    await kubectlOutput(["-n", bench.namespace, "create", "-f", "-"], claim);
    const volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
    const trial = await bench.start(deploymentOf("exclusive", { replicas: 0 }, { volumes }));
    const { notSupported } = await trial.workload();
    expect(notSupported).toContain("PersistentVolumeClaim data is ReadWriteOnce");
  });
});

describe("a Rollout", () => {
  test("keeps foreign finalizers, and its status is written once and only when nobody was faster", async () => {
    const trial = await bench.start(deploymentOf("status", { replicas: 1 }));
    const foreign = { metadata: { finalizers: ["example.org/first"] } };
    await bench.objects.mergePatch(rollouts, bench.namespace, "status", foreign, { signal: bench.signal });
    await trial.act({ kind: "claim" });
    await trial.act({ kind: "claim" });
    await until(() => trial.rollout().claimed, { timeout: 10_000, what: "the finalizer in the cache" });
    const stale = trial.rollout();
    expect(stale.status).toEqual({ observedGeneration: -1 });
    const first = await trial.writeStatus({ observedGeneration: 1, phase: "Ready", message: "one" });
    expect(first.status).toEqual({ observedGeneration: 1, phase: "Ready", message: "one" });
    await expect(bench.cluster.writeStatus(stale, { observedGeneration: 2 }, bench.signal)).rejects.toBeInstanceOf(
      ConflictError,
    );
    const fresh = await bench.cluster.readFresh(stale.key, bench.signal);
    expect(fresh).toMatchObject({ resourceVersion: first.resourceVersion, status: first.status });
    const unknown = { namespace: bench.namespace, name: "unknown" };
    expect(await bench.cluster.readFresh(unknown, bench.signal)).toBeUndefined();
    const same = await trial.writeStatus({ message: "one" });
    expect(same.resourceVersion).toBe(first.resourceVersion);
    const removed = await bench.cluster.writeStatus(first, { observedGeneration: 1, message: "two" }, bench.signal);
    expect(removed.status).toEqual({ observedGeneration: 1, message: "two" });
    await trial.act({ kind: "letGo" });
    await trial.act({ kind: "letGo" });
    const left = await bench.objects.read(rollouts, bench.namespace, "status", bench.signal);
    expect(left?.metadata.finalizers).toEqual(["example.org/first"]);
    expect(left?.metadata.finalizers).not.toContain(finalizer);
    await bench.objects.mergePatch(
      rollouts,
      bench.namespace,
      "status",
      { metadata: { finalizers: null } },
      { signal: bench.signal },
    );
  });
});

/** Changes ReplicaSets of one Rollout only, as a policy that injects something would. */
const mutatingPolicy = {
  apiVersion: "v1",
  kind: "List",
  items: [
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingAdmissionPolicy",
      metadata: { name: "serin-test-mutates" },
      spec: {
        failurePolicy: "Fail",
        reinvocationPolicy: "Never",
        matchConstraints: {
          objectSelector: { matchLabels: { [rolloutLabel]: "mutated" } },
          resourceRules: [
            { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["replicasets"] },
          ],
        },
        mutations: [
          {
            patchType: "JSONPatch",
            jsonPatch: {
              expression: `[JSONPatch{op: "replace", path: "/spec/template/spec/dnsPolicy", value: "Default"}]`,
            },
          },
        ],
      },
    },
    {
      apiVersion: "admissionregistration.k8s.io/v1",
      kind: "MutatingAdmissionPolicyBinding",
      metadata: { name: "serin-test-mutates" },
      spec: { policyName: "serin-test-mutates" },
    },
  ],
};
