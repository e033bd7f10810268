import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { holdAnnotation, rolloutLabel, unpauseAnnotation } from "../../../src/api/names.ts";
import { chooseHold, type HoldChoice } from "../../../src/adapters/kubernetes/hold-choice.ts";
import { deployments } from "../../../src/adapters/kubernetes/workload-resources.ts";
import type { KubernetesObjects, Resource } from "../../../src/ports/kubernetes-objects.ts";
import { RejectedError } from "../../../src/runtime/errors.ts";
import { createHoldBench, rewritten, type HoldBench } from "./hold-bench.ts";
import { harmlessChanges, templateChanges } from "./hold-changes.ts";
import { createWorkbench, deploymentOf, type Trial, type Workbench } from "./workbench.ts";

let bench: HoldBench;

beforeAll(async () => {
  const cluster = { kubeconfig: inject("kubeconfig"), kubectl: inject("kubectl") };
  bench = await createHoldBench(cluster, `hold-policy-${process.pid}`);
  await bench.kubectl(["create", "-f", "-"], deploymentOf("probe", { replicas: 0 }));
  await expect(bench.read("probe")).resolves.toBeDefined();
  await expect(choose()).resolves.toMatchObject({ hold: "Policy" });
});

afterAll(() => bench.stop());

function choose(change: Partial<HoldChoice> = {}) {
  const choice = { objects: bench.objects, wanted: "policy" as const, onWritten: () => undefined };
  return chooseHold({ webhook: () => ({ missing: "not in this test" }), ...choice, ...change }, bench.signal);
}

const idOf = (by: string) => by.replaceAll(/[^a-z]+/g, "-");

describe("the hold policy on Kubernetes 1.36", () => {
  test("is counted on when a trial change was held", async () => {
    await expect(choose()).resolves.toEqual({
      hold: "Policy",
      reason: "the policy is in place and a trial change was held",
    });
  });

  test("is believed, and not more, while there is no Deployment to try it on", async () => {
    const objects = { ...bench.objects, cachedAll: () => [] };
    await expect(choose({ objects })).resolves.toMatchObject({ hold: "Policy", untried: true });
  });

  test("is not counted on when it may not be written and is not there", async () => {
    const refuse = () => Promise.reject(new RejectedError("forbidden"));
    const objects = { ...bench.objects, jsonPatch: refuse, apply: refuse };
    await expect(choose({ objects })).resolves.toMatchObject({ hold: "Policy" });
    const empty = { ...objects, cachedAll: () => [] };
    // As it should be, whoever put it there: nothing has to be written, and only a Deployment to try it on is missing.
    await expect(choose({ objects: empty })).resolves.toMatchObject({ hold: "Policy", untried: true });
    const read = () => Promise.resolve(undefined);
    await expect(choose({ objects: { ...empty, read } })).resolves.toEqual({
      hold: "Paused",
      reason: "the policy could not be written: forbidden",
    });
  });

  test("is not counted on where the API server does not serve such policies", async () => {
    const older = (resource: Resource): Resource => ({ ...resource, version: "v1beta9" });
    const { objects } = bench;
    const apply: KubernetesObjects["apply"] = (resource, ...rest) => objects.apply(older(resource), ...rest);
    const jsonPatch: KubernetesObjects["jsonPatch"] = (resource, ...rest) =>
      objects.jsonPatch(older(resource), ...rest);
    const read: KubernetesObjects["read"] = (resource, ...rest) => objects.read(older(resource), ...rest);
    await expect(choose({ objects: { ...objects, read, apply, jsonPatch } })).resolves.toMatchObject({
      hold: "Paused",
    });
  });

  test.each(templateChanges)("holds a change by $by", async ({ by, run }) => {
    const manifest = await bench.atRest(idOf(by));
    const { code, stderr } = await run(bench, manifest);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await bench.isPaused(manifest.metadata.name)).toBe(true);
  });

  test.each(harmlessChanges)("does not act on $by", async ({ by, run }) => {
    const manifest = await bench.atRest(idOf(by));
    const { code, stderr } = await run(bench, manifest);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(await bench.isPaused(manifest.metadata.name)).toBe(false);
  });

  test.each(harmlessChanges)("leaves what is held held after $by", async ({ by, run }) => {
    const manifest = await bench.atRest(`held-${idOf(by)}`);
    await bench.run("set", "image", `deployment/${manifest.metadata.name}`, "app=shop/app:v2");
    expect((await run(bench, manifest)).code).toBe(0);
    expect(await bench.isPaused(manifest.metadata.name)).toBe(true);
  });

  test("holds what another admission webhook rewrites after it", async () => {
    expect((await rewritten(bench)).spec).toMatchObject({
      paused: true,
      template: { spec: { containers: [{ image: "mirror/shop/app:v1" }] } },
    });
  });

  test("holds nothing of a Deployment whose emergency switch is thrown, and what is held can be let go", async () => {
    await bench.atRest("switched");
    await bench.run("set", "image", "deployment/switched", "app=shop/app:v2");
    expect(await bench.isPaused("switched")).toBe(true);
    await bench.run("annotate", "deployment/switched", `${holdAnnotation}=off`);
    await bench.run("rollout", "resume", "deployment/switched");
    await bench.run("set", "image", "deployment/switched", "app=shop/app:v3");
    expect(await bench.isPaused("switched")).toBe(false);
    await bench.run("annotate", "deployment/switched", `${holdAnnotation}-`);
    await bench.run("set", "image", "deployment/switched", "app=shop/app:v4");
    expect(await bench.isPaused("switched")).toBe(true);
  });

  test("can be switched off in the write that changes the template, by the word off only", async () => {
    const manifest = await bench.atRest("at-once");
    const changed = (word: string, image: string) => ({
      metadata: { annotations: { [holdAnnotation]: word } },
      spec: { template: { spec: { containers: [{ name: "app", image }] } } },
    });
    const patch = (body: object) =>
      bench.run("patch", `deployment/${manifest.metadata.name}`, "-p", JSON.stringify(body));
    await patch(changed("off", "shop/app:v2"));
    expect(await bench.isPaused("at-once")).toBe(false);
    await patch(changed("OFF", "shop/app:v3"));
    expect(await bench.isPaused("at-once")).toBe(true);
  });

  test("leaves Deployments without the label alone", async () => {
    const manifest = await bench.atRest("foreign");
    await bench.run("label", "deployment/foreign", `${rolloutLabel}-`);
    await bench.run("set", "image", `deployment/${manifest.metadata.name}`, "app=shop/app:v2");
    expect(await bench.isPaused("foreign")).toBe(false);
  });

  test("can compare templates of hundreds of kilobytes", async () => {
    const env = Array.from({ length: 2_000 }, (_, index) => ({ name: `VARIABLE_${index}`, value: "v".repeat(100) }));
    const containers = [{ name: "app", image: "shop/app:v1", env }];
    const manifest = deploymentOf("large", { replicas: 1 }, { containers });
    const labels = { [rolloutLabel]: "large" };
    await bench.kubectl(["create", "-f", "-"], { ...manifest, metadata: { name: "large", labels } });
    await bench.run("set", "image", "deployment/large", "app=shop/app:v2");
    expect(await bench.isPaused("large")).toBe(true);
  });
});

describe("the operator under the hold policy", () => {
  let work: Workbench;

  beforeAll(async () => {
    work = await createWorkbench("workload-hold");
  });

  afterAll(() => work.stop());

  /** A released Deployment at rest, under the policy. */
  async function atRest(name: string): Promise<Trial> {
    const trial = await work.start(deploymentOf(name, { replicas: 2 }));
    await trial.act({ kind: "holdWorkload" });
    await trial.when("the label to be in the cache", ({ labelled }) => labelled);
    return trial;
  }

  const isPaused = async (trial: Trial) => (await trial.deployment()).spec?.["paused"] === true;

  test("sees one ReplicaSet, the old pods and the new revision while a change is held", async () => {
    const trial = await atRest("held");
    const before = await trial.pods();
    await trial.kubectl("set", "image", "deployment/held", "app=shop/app:v2");
    await trial.kubectl("scale", "deployment/held", "--replicas=3");
    const held = await trial.when(
      "the change to be seen and three pods",
      ({ generation, observedGeneration, replicaSets: [only] }) =>
        generation === observedGeneration && only?.available === 3,
    );
    expect(held).toMatchObject({ paused: true, replicas: 3 });
    expect(held.replicaSets).toHaveLength(1);
    expect(held.revision).not.toBe(held.replicaSets[0]?.revision);
    expect(await trial.pods()).toEqual(expect.arrayContaining([...before]));
  });

  test("does not let people unpause what is held, and lets the operator do so once", async () => {
    const trial = await atRest("unpause");
    await trial.kubectl("set", "image", "deployment/unpause", "app=shop/app:v2");
    await trial.kubectl("rollout", "resume", "deployment/unpause");
    expect(await isPaused(trial)).toBe(true);

    await trial.unpause();
    expect(await isPaused(trial)).toBe(false);
    const rolled = await trial.when("the roll-out", ({ revision, replicaSets }) =>
      replicaSets.some((candidate) => candidate.revision === revision && candidate.available === 2),
    );
    expect(rolled.paused).toBe(false);

    const token = (await trial.deployment()).metadata.annotations?.[unpauseAnnotation];
    expect(token).toBeDefined();
    await trial.kubectl("set", "image", "deployment/unpause", "app=shop/app:v3");
    expect(await isPaused(trial)).toBe(true);
    await trial.kubectl("annotate", "--overwrite", "deployment/unpause", `${unpauseAnnotation}=${token ?? ""}`);
    await trial.kubectl("rollout", "resume", "deployment/unpause");
    expect(await isPaused(trial)).toBe(true);
  });

  test("a template that came since the operator looked stays held", async () => {
    const trial = await atRest("late");
    const { revision } = await trial.workload();
    await trial.kubectl("set", "image", "deployment/late", "app=shop/app:v2");
    const asSeen = { kind: "pauseWorkload", paused: false, revision } as const;
    const late = work.cluster.perform(asSeen, trial.rollout(), work.signal);
    await expect(late).rejects.toThrow(/^Deployment late has template \w+ by now, not \w+\.$/);
    expect(await isPaused(trial)).toBe(true);
  });

  test("has a token that fits the pause only, not another template", async () => {
    const trial = await atRest("token");
    const { metadata } = await trial.deployment();
    const annotations = { [unpauseAnnotation]: String(metadata.generation) };
    const template = { spec: { containers: [{ name: "app", image: "shop/app:v2" }] } };
    const patch = { metadata: { annotations }, spec: { template } };
    await work.objects.mergePatch(deployments, work.namespace, trial.name, patch, { signal: work.signal });
    expect(await isPaused(trial)).toBe(true);
  });
});
