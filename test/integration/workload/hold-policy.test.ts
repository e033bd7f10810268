import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rolloutLabel, unpauseAnnotation } from "../../../src/api/names.ts";
import { ensureHoldPolicy } from "../../../src/adapters/kubernetes/hold-policy.ts";
import { deployments } from "../../../src/adapters/kubernetes/workload-resources.ts";
import type { KubernetesObjects, Resource } from "../../../src/ports/kubernetes-objects.ts";
import { RejectedError } from "../../../src/runtime/errors.ts";
import { kubectlOutput } from "../kubectl.ts";
import { createWorkbench, deploymentOf, type DeploymentManifest, type Trial, type Workbench } from "./workbench.ts";

let bench: Workbench;

beforeAll(async () => {
  bench = await createWorkbench("workload-hold");
  await bench.start(deploymentOf("probe", { replicas: 1 }));
});

afterAll(() => bench.stop());

/** A released Deployment at rest, under the policy. */
async function atRest(manifest: DeploymentManifest): Promise<Trial> {
  await expect(ensureHoldPolicy(bench.objects, bench.signal)).resolves.toMatchObject({ hold: "Policy" });
  const trial = await bench.start(manifest);
  await trial.act({ kind: "holdWorkload" });
  await trial.when("the label to be in the cache", ({ labelled }) => labelled);
  return trial;
}

const isPaused = async (trial: Trial) => (await trial.deployment()).spec?.["paused"] === true;

const withImage = (manifest: DeploymentManifest, image: string): DeploymentManifest => {
  const changed = structuredClone(manifest);
  changed.spec.template.spec.containers[0]!.image = image;
  return changed;
};

const apply = (manifest: object, ...how: readonly string[]) =>
  kubectlOutput(["-n", bench.namespace, "apply", "-f", "-", ...how], manifest);

describe("the hold policy", () => {
  test("is effective when ensureHoldPolicy answers", async () => {
    const hold = await ensureHoldPolicy(bench.objects, bench.signal);
    expect(hold).toEqual({ hold: "Policy", reason: "the policy is in place and a trial change was held" });
  });

  test("is not counted on when it may not be written and is not there", async () => {
    const { objects } = bench;
    const refused = { ...objects, apply: () => Promise.reject(new RejectedError("forbidden")) };
    const hold = await ensureHoldPolicy({ ...refused, cachedAll: () => [] }, bench.signal);
    expect(hold).toEqual({ hold: "Paused", reason: "the policy could not be written: forbidden" });
    await expect(ensureHoldPolicy(refused, bench.signal)).resolves.toMatchObject({ hold: "Policy" });
  });

  test("is not counted on where the API server does not serve such policies", async () => {
    const older = (resource: Resource): Resource => ({ ...resource, version: "v1beta9" });
    const { objects } = bench;
    const apply: KubernetesObjects["apply"] = (resource, object, options) =>
      objects.apply(older(resource), object, options);
    await expect(ensureHoldPolicy({ ...objects, apply }, bench.signal)).resolves.toMatchObject({ hold: "Paused" });
  });

  const changes: Readonly<Record<string, (trial: Trial, manifest: DeploymentManifest) => Promise<unknown>>> = {
    "set-image": (trial) => trial.kubectl("set", "image", `deployment/${trial.name}`, "app=shop/app:v2"),
    "rollout-restart": (trial) => trial.kubectl("rollout", "restart", `deployment/${trial.name}`),
    "client-side-apply": (_, manifest) => apply(withImage(manifest, "shop/app:v2")),
    "server-side-apply": (_, manifest) =>
      apply(withImage(manifest, "shop/app:v2"), "--server-side", "--force-conflicts", "--field-manager=argocd"),
    "apply-saying-paused-false": (_, manifest) =>
      apply({
        ...withImage(manifest, "shop/app:v2"),
        spec: { ...withImage(manifest, "shop/app:v2").spec, paused: false },
      }),
    "change-without-label": async (trial) => {
      const template = { spec: { containers: [{ name: "app", image: "shop/app:v2" }] } };
      const patch = { metadata: { labels: { [rolloutLabel]: null } }, spec: { template } };
      await bench.objects.mergePatch(deployments, bench.namespace, trial.name, patch, { signal: bench.signal });
    },
  };

  test.each(Object.keys(changes))("holds a change by %s, and applying it again does not release it", async (name) => {
    const manifest = deploymentOf(name, { replicas: 2 });
    const trial = await atRest(manifest);
    const before = await trial.pods();
    await changes[name]?.(trial, manifest);
    expect(await isPaused(trial)).toBe(true);
    if (name.includes("apply")) {
      await changes[name]?.(trial, manifest);
      expect(await isPaused(trial)).toBe(true);
    }
    const held = await trial.when(
      "the change to be seen",
      ({ generation, observedGeneration }) => generation === observedGeneration,
    );
    expect(held.replicaSets).toHaveLength(1);
    expect(held.revision).not.toBe(held.replicaSets[0]?.revision);
    expect(await trial.pods()).toEqual(before);
  });

  test("does not let people unpause what is held, and lets the operator do so once", async () => {
    const trial = await atRest(deploymentOf("unpause", { replicas: 1 }));
    await trial.kubectl("set", "image", "deployment/unpause", "app=shop/app:v2");
    await trial.kubectl("rollout", "resume", "deployment/unpause");
    expect(await isPaused(trial)).toBe(true);

    await trial.act({ kind: "pauseWorkload", paused: false });
    expect(await isPaused(trial)).toBe(false);
    const rolled = await trial.when("the roll-out", ({ revision, replicaSets }) =>
      replicaSets.some((candidate) => candidate.revision === revision && candidate.available === 1),
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

  test("lets the operator's token through for the pause only, not for another template", async () => {
    const trial = await atRest(deploymentOf("token", { replicas: 1 }));
    const { metadata } = await trial.deployment();
    const annotations = { [unpauseAnnotation]: String(metadata.generation) };
    const template = { spec: { containers: [{ name: "app", image: "shop/app:v2" }] } };
    const patch = { metadata: { annotations }, spec: { template } };
    await bench.objects.mergePatch(deployments, bench.namespace, trial.name, patch, { signal: bench.signal });
    expect(await isPaused(trial)).toBe(true);
  });

  test("lets paused Deployments scale, and everything else of them change", async () => {
    const trial = await atRest(deploymentOf("scaled", { replicas: 1 }));
    await trial.kubectl("annotate", "deployment/scaled", "team=shop");
    await trial.kubectl("scale", "deployment/scaled", "--replicas=2");
    expect(await isPaused(trial)).toBe(false);
    await trial.kubectl("set", "image", "deployment/scaled", "app=shop/app:v2");
    await trial.kubectl("scale", "deployment/scaled", "--replicas=3");
    const scaled = await trial.when("three pods", ({ replicaSets: [only] }) => only?.available === 3);
    expect(scaled).toMatchObject({ paused: true, replicas: 3 });
  });

  test("leaves Deployments without the label alone", async () => {
    const trial = await bench.start(deploymentOf("foreign", { replicas: 1 }));
    await trial.kubectl("set", "image", "deployment/foreign", "app=shop/app:v2");
    expect(await isPaused(trial)).toBe(false);
  });

  test("can compare templates of hundreds of kilobytes", async () => {
    const env = Array.from({ length: 2_000 }, (_, index) => ({ name: `VARIABLE_${index}`, value: "v".repeat(100) }));
    const manifest = deploymentOf(
      "large",
      { replicas: 1 },
      { containers: [{ name: "app", image: "shop/app:v1", env }] },
    );
    await kubectlOutput(["-n", bench.namespace, "create", "-f", "-"], {
      ...manifest,
      metadata: { name: "large", labels: { [rolloutLabel]: "large" } },
    });
    const image = [{ op: "replace", path: "/spec/template/spec/containers/0/image", value: "shop/app:v2" }] as const;
    const held = await bench.objects.jsonPatch(deployments, bench.namespace, "large", image, { signal: bench.signal });
    expect(held.spec?.["paused"]).toBe(true);
  });
});
