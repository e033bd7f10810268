import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { promotedAnnotation } from "../../../src/api/names.ts";
import { valueAt } from "../../../src/adapters/kubernetes/json-fields.ts";
import { pods, replicaSets, revisionAnnotation } from "../../../src/adapters/kubernetes/workload-resources.ts";
import { ConflictError } from "../../../src/runtime/errors.ts";
import { until } from "../../cluster/processes/until.ts";
import { adopt, canaryOf, handingOver, holdChange, tryCanary } from "./release.ts";
import { createWorkbench, deploymentOf, type Trial, type Workbench } from "./workbench.ts";

let bench: Workbench;

beforeAll(async () => {
  bench = await createWorkbench("workload-adoption");
});

afterAll(() => bench.stop());

const numbers = async (trial: Trial) => {
  const all = await trial.replicaSets();
  return Object.fromEntries(
    all
      .filter(({ metadata }) => metadata.name.startsWith(trial.name))
      .map(({ metadata }) => [metadata.name, metadata.annotations?.[revisionAnnotation]]),
  );
};

/** Names, uids and creation times of the canary's pods must be the same before and after. */
async function adoptWithoutRestart(trial: Trial, replicas: number): Promise<string> {
  const stable = (await trial.workload()).replicaSets[0]?.name ?? "";
  const canary = await holdChange(trial);
  await tryCanary(trial, canary, replicas);
  const before = await trial.pods(canary.podTemplateHash);
  expect(before).toHaveLength(replicas);
  const known = new Set(
    (await bench.objects.list(pods, bench.namespace, `app=${trial.name}`, bench.signal)).map(
      ({ metadata }) => metadata.uid,
    ),
  );
  const mark = bench.seen.length;
  const maxSurge = await adopt(trial, canary, replicas);
  await trial.act({ kind: "completeAdoption", maxSurge, revision: canary.revision, keepPaused: false });

  const deployed = await trial.when(
    "the Deployment to be complete",
    (workload) => !workload.paused && workload.generation === workload.observedGeneration,
  );
  await trial.kubectl("rollout", "status", `deployment/${trial.name}`, "--timeout=20s");
  expect(deployed).toMatchObject({ maxSurge, promotedRevision: canary.revision, revision: canary.revision });
  await trial.when("the old pods to be gone", ({ replicaSets: all }) =>
    all.every(({ name, pods }) => name === canary.replicaSet || pods === 0),
  );
  expect(await trial.pods()).toEqual(before);
  const meanwhile = bench.seen.slice(mark).filter(({ metadata }) => metadata.labels?.["app"] === trial.name);
  const startedPods = meanwhile.filter(
    ({ metadata, spec }) => spec?.["containers"] !== undefined && !known.has(metadata.uid),
  );
  expect(startedPods.map(({ metadata }) => metadata.name)).toEqual([]);
  const sizes = meanwhile
    .filter(({ metadata }) => metadata.name === canary.replicaSet)
    .map(
      ({ spec, status }) => `${String(spec?.["replicas"])} wanted, ${String(status?.["availableReplicas"])} available`,
    );
  expect(new Set(sizes)).toEqual(new Set([`${replicas} wanted, ${replicas} available`]));
  expect(await numbers(trial)).toEqual({ [stable]: "1", [canary.replicaSet]: "2" });
  return canary.replicaSet;
}

describe("an adoption", () => {
  test("restarts no pod and starts none twice", async () => {
    const trial = await bench.start(deploymentOf("four", { replicas: 4 }));
    const name = await adoptWithoutRestart(trial, 4);
    const adopted = (await trial.replicaSets()).find(({ metadata }) => metadata.name === name);
    expect(adopted?.metadata.labels).toEqual({ app: "four", "pod-template-hash": name.slice("four-a-".length) });
    expect((await trial.deployment()).metadata.annotations).toHaveProperty([promotedAnnotation]);
  });

  test("works with one pod", async () => {
    await adoptWithoutRestart(await bench.start(deploymentOf("single", { replicas: 1 })), 1);
  });

  test("works without surge", async () => {
    const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } };
    await adoptWithoutRestart(await bench.start(deploymentOf("no-surge", { replicas: 3, strategy })), 3);
  });

  test.each([
    ["up", 6],
    ["down", 2],
  ])("ends at the new size when the Deployment is scaled %s in between", async (direction, size) => {
    const trial = await bench.start(deploymentOf(`scaled-${direction}`, { replicas: 4 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 4);
    const before = await trial.pods(canary.podTemplateHash);
    const { maxSurge } = await trial.workload();
    await trial.act({ kind: "openSurge", was: maxSurge ?? "" });
    await trial.when("the surge to be seen", ({ generation, observedGeneration }) => generation === observedGeneration);
    await trial.act({ ...handingOver(canary), replicas: 4 });
    await trial.kubectl("scale", `deployment/${trial.name}`, `--replicas=${size}`);
    await trial.when("the new size", ({ replicaSets: all }) =>
      all.every(({ name, available, pods }) => (name === canary.replicaSet ? available === size : pods === 0)),
    );
    await trial.act({ kind: "completeAdoption", maxSurge, revision: canary.revision, keepPaused: false });
    await trial.kubectl("rollout", "status", `deployment/${trial.name}`, "--timeout=20s");
    const after = await trial.pods();
    expect(after.filter((pod) => before.includes(pod))).toHaveLength(Math.min(4, size));
  });

  test("is refused while sizes differ, until the canary has followed", async () => {
    const trial = await bench.start(deploymentOf("follows", { replicas: 2 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 2);
    await trial.act({ kind: "openSurge", was: '"25%"' });
    await trial.kubectl("scale", "deployment/follows", "--replicas=3");
    const handOver = handingOver(canary);
    const refusal = bench.cluster.perform({ ...handOver, replicas: 2 }, trial.rollout(), bench.signal);
    await expect(refusal).rejects.toThrow("its size is 3, not 2");
    const second = bench.cluster.perform({ ...handOver, replicas: 3 }, trial.rollout(), bench.signal);
    await expect(second).rejects.toThrow("the canary's size is 2, not 3");
    await trial.act({ kind: "scaleCanary", replicaSet: canary.replicaSet, replicas: 3 });
    const followed = (await trial.replicaSets()).find(({ metadata }) => metadata.name === canary.replicaSet);
    expect(followed?.metadata.annotations).toMatchObject({
      "deployment.kubernetes.io/desired-replicas": "3",
      "deployment.kubernetes.io/max-replicas": "6",
    });
    await trial.when("three canary pods", ({ replicaSets: all }) => all.every(({ available }) => available === 3));
    await trial.act({ ...handOver, replicas: 3 });
    await trial.when("the adoption", ({ replicaSets: all }) =>
      all.some(({ name, controlledBy }) => name === canary.replicaSet && controlledBy === "Deployment"),
    );
    await trial.act({ ...handOver, replicas: 3 });
  });

  test("is refused without open surge, with another template, and by a stale patch", async () => {
    const trial = await bench.start(deploymentOf("refused", { replicas: 1 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    const handOver = () =>
      bench.cluster.perform({ ...handingOver(canary), replicas: 1 }, trial.rollout(), bench.signal);
    await expect(handOver()).rejects.toThrow(
      `Deployment refused cannot take over ReplicaSet ${canary.replicaSet} yet: its maxSurge is "25%", not "100%".`,
    );
    const opened = bench.cluster.perform({ kind: "openSurge", was: "3" }, trial.rollout(), bench.signal);
    await expect(opened).rejects.toBeInstanceOf(ConflictError);
    await trial.act({ kind: "openSurge", was: '"25%"' });
    await trial.kubectl("set", "image", "deployment/refused", "app=shop/app:v3");
    await expect(handOver()).rejects.toThrow("it has another pod template by now");
    const unpaused = {
      kind: "completeAdoption",
      maxSurge: '"25%"',
      revision: canary.revision,
      keepPaused: false,
    } as const;
    await expect(bench.cluster.perform(unpaused, trial.rollout(), bench.signal)).rejects.toThrow(
      new ConflictError(
        `Deployment refused cannot be unpaused yet: its pod template is not that of the promoted revision ${canary.revision} any more.`,
      ),
    );
    await trial.act({ kind: "restoreSurge", maxSurge: '"25%"' });
    expect((await trial.workload()).paused).toBe(true);
    expect(valueAt(await trial.deployment(), "spec", "strategy", "rollingUpdate", "maxSurge")).toBe("25%");
  });

  test("a newer template stays held when the adoption is completed", async () => {
    const trial = await bench.start(deploymentOf("newer", { replicas: 2 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 2);
    const maxSurge = await adopt(trial, canary, 2);
    await trial.kubectl("set", "image", "deployment/newer", "app=shop/app:v3");
    await trial.act({ kind: "completeAdoption", maxSurge, revision: canary.revision, keepPaused: true });
    const seen = await trial.when(
      "maxSurge as before",
      (workload) => workload.maxSurge === maxSurge && workload.generation === workload.observedGeneration,
    );
    expect(seen).toMatchObject({ paused: true, promotedRevision: canary.revision, image: "shop/app:v3" });
    const release = await trial.when("the old pods to be gone", ({ replicaSets: all }) =>
      all.every(({ name, pods }) => name === canary.replicaSet || pods === 0),
    );
    expect(release.replicaSets.find(({ name }) => name === canary.replicaSet)).toMatchObject({
      replicas: 2,
      available: 2,
    });
  });

  test.each(["unpaused", "unpaused-for-a-while"])("goes on when the Deployment was %s in mid-release", async (name) => {
    const trial = await bench.start(deploymentOf(name, { replicas: 2 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 2);
    const before = await trial.pods(canary.podTemplateHash);
    const createdAt = Date.parse(
      (await trial.replicaSets()).find((one) => one.metadata.name === canary.replicaSet)?.metadata.creationTimestamp ??
        "",
    );
    // Times of creation are to the second, and of those of the same second the name decides which is older.
    await until(() => Date.now() > createdAt + 2_000, { timeout: 5_000, what: "the next second" });
    await trial.unpause();
    await trial.when("a ReplicaSet of the Deployment's own", ({ replicaSets: all }) => all.length === 3);
    if (name !== "unpaused") {
      await trial.act({ kind: "pauseWorkload", paused: true });
      await trial.act({ kind: "openSurge", was: '"25%"' });
    }
    await trial.act({ ...handingOver(canary), replicas: 2 });
    await trial.when("only canary pods", ({ replicaSets: all }) =>
      all.every(({ name: one, controlledBy, pods }) =>
        one === canary.replicaSet ? controlledBy === "Deployment" && pods === 2 : pods === 0,
      ),
    );
    await trial.act({ kind: "completeAdoption", maxSurge: '"25%"', revision: canary.revision, keepPaused: false });
    await trial.kubectl("rollout", "status", `deployment/${name}`, "--timeout=20s");
    expect(await trial.pods()).toEqual(before);
  });

  test("is finished by hand when the old ReplicaSet is not scaled down", async () => {
    const trial = await bench.start(deploymentOf("finish", { replicas: 3 }));
    const stable = (await trial.workload()).replicaSets[0]?.name ?? "";
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 3);
    const early = { kind: "finishOld", replicaSet: stable, replicas: 3 } as const;
    await expect(bench.cluster.perform(early, trial.rollout(), bench.signal)).rejects.toBeInstanceOf(ConflictError);
    await trial.act({ kind: "openSurge", was: '"25%"' });
    await trial.when("the surge to be seen", ({ generation, observedGeneration }) => generation === observedGeneration);
    await trial.act({ ...handingOver(canary), replicas: 3 });
    // A newer template makes the adopted ReplicaSet one of two old ones, which a paused Deployment leaves as they are.
    await trial.kubectl("set", "image", "deployment/finish", "app=shop/app:v3");
    await trial.when("the adoption", ({ replicaSets: all }) =>
      all.some(({ name, controlledBy }) => name === canary.replicaSet && controlledBy === "Deployment"),
    );
    const size = (await trial.replicaSet(stable)).replicas;
    await trial.act({ kind: "finishOld", replicaSet: stable, replicas: size });
    await trial.when("the old pods to be gone", ({ replicaSets: all }) =>
      all.every(({ name, pods, available }) => (name === canary.replicaSet ? available === 3 : pods === 0)),
    );
    await trial.act({ kind: "finishOld", replicaSet: stable, replicas: 3 });
  });

  test("an empty older ReplicaSet of the same template is removed first", async () => {
    const trial = await bench.start(deploymentOf("twin", { replicas: 2 }));
    const first = (await trial.workload()).replicaSets[0];
    await trial.kubectl("set", "image", "deployment/twin", "app=shop/app:v2");
    await trial.kubectl("rollout", "status", "deployment/twin", "--timeout=20s");
    await trial.when("the first revision to be empty", ({ replicaSets: all }) =>
      all.some(({ name, pods }) => name === first?.name && pods === 0),
    );
    const held = await holdChange(trial, "shop/app:v1");
    expect(held.revision).toBe(first?.revision);
    await tryCanary(trial, canaryOf("twin", held.revision, held.image), 2);
    const names = (await trial.workload()).replicaSets.map(({ name }) => name);
    expect(names).not.toContain(first?.name);
    const before = await trial.pods(held.podTemplateHash);
    const maxSurge = await adopt(trial, held, 2);
    await trial.act({ kind: "completeAdoption", maxSurge, revision: held.revision, keepPaused: false });
    await trial.kubectl("rollout", "status", "deployment/twin", "--timeout=20s");
    expect(await trial.pods()).toEqual(before);
    expect(Object.values(await numbers(trial)).sort()).toEqual(["2", "3"]);
  });

  test("an orphan that lost its labels on the way gets them", async () => {
    const trial = await bench.start(deploymentOf("orphan", { replicas: 1 }));
    const canary = await holdChange(trial);
    await tryCanary(trial, canary, 1);
    const orphaned = { metadata: { ownerReferences: null } };
    await bench.objects.mergePatch(replicaSets, bench.namespace, canary.replicaSet, orphaned, { signal: bench.signal });
    await trial.when("the orphan", ({ replicaSets: all }) =>
      all.some(({ name, controlledBy }) => name === canary.replicaSet && controlledBy === "Nobody"),
    );
    await trial.act({ kind: "removeCanary", replicaSet: canary.replicaSet });
    await trial.act({ ...handingOver(canary), replicas: 1 });
    await trial.when("the adoption", ({ replicaSets: all }) =>
      all.some(({ name, controlledBy }) => name === canary.replicaSet && controlledBy === "Deployment"),
    );
  });
});
