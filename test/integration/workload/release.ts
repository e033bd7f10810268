import type { Revision } from "../../../src/api/rollout-status.ts";
import type { Trial } from "./workbench.ts";

/** Pauses the Deployment, puts another image into it, and resolves with the revision to be released. */
export async function holdChange(trial: Trial, image = "shop/app:v2"): Promise<Revision> {
  await trial.act({ kind: "claim" });
  await trial.act({ kind: "holdWorkload" });
  await trial.act({ kind: "pauseWorkload", paused: true });
  const before = await trial.when("the pause", ({ paused, labelled }) => paused && labelled);
  await trial.kubectl("set", "image", `deployment/${trial.name}`, `app=${image}`);
  const held = await trial.when("the change", ({ revision }) => revision !== before.revision);
  return canaryOf(trial.name, held.revision, image);
}

/** What the domain would call the canary. */
export function canaryOf(deployment: string, revision: string, image: string): Revision {
  const workload = `${deployment}-a`;
  return { revision, replicaSet: `${workload}-${revision}`, podTemplateHash: revision, workload, image };
}

/** Creates the canary at the given size; resolves when all its pods are available. */
export async function tryCanary(trial: Trial, canary: Revision, replicas: number): Promise<void> {
  await trial.writeStatus({ observedGeneration: trial.rollout().generation, canary });
  await trial.act({ kind: "createCanary", canary, replicas });
  await trial.when("the canary's pods", (workload) => {
    const found = workload.replicaSets.find(({ name }) => name === canary.replicaSet);
    return found?.available === replicas && found.replicas === replicas;
  });
}

/** The hand-over of a canary, less its size. */
export function handingOver({ replicaSet, revision }: Revision) {
  return { kind: "handOver", replicaSet, revision, evenIfNewer: false } as const;
}

/** From a canary at full size to a Deployment that has it, as the rules of promotion do. Resolves with maxSurge as it was. */
export async function adopt(trial: Trial, canary: Revision, replicas: number): Promise<string | undefined> {
  const { maxSurge } = await trial.workload();
  if (maxSurge !== undefined) await trial.act({ kind: "openSurge", was: maxSurge });
  await trial.when("the surge to be seen", ({ generation, observedGeneration }) => generation === observedGeneration);
  await trial.act({ ...handingOver(canary), replicas });
  await trial.when("the adoption", ({ replicaSets }) =>
    replicaSets.every(({ name, controlledBy, replicas: size, pods }) =>
      name === canary.replicaSet ? controlledBy === "Deployment" : size === 0 && pods === 0,
    ),
  );
  return maxSurge;
}
