import { parseSpec, type Rollout } from "../../../src/api/rollout.ts";
import type { Release, RolloutStatus } from "../../../src/api/rollout-status.ts";

export const now = Date.UTC(2026, 0, 1, 12, 0, 0);

/** A moment `seconds` before `now`. */
export const before = (seconds: number) => new Date(now - seconds * 1_000).toISOString();

export const stable = {
  revision: "r1",
  replicaSet: "product-a-1",
  podTemplateHash: "1",
  workload: "product-a",
  image: "product:1",
};

export const canary = {
  revision: "r2",
  replicaSet: "product-b-2",
  podTemplateHash: "2",
  workload: "product-b",
  image: "product:2",
};

const counted = (requests: number, errors: number) => ({ requests, errors, slow: 0, slowOrClose: 0 });

export const release: Release = {
  number: 4,
  startedAt: before(200),
  stepIndex: 1,
  highestWeight: 50,
  analysis: {
    watermark: before(5),
    step: { stable: counted(0, 0), canary: counted(0, 0) },
    release: { stable: counted(2_010, 2), canary: counted(2_000, 3) },
    judgement: "The canary failed 3 of 2000 requests.",
    verdict: "Undecided",
  },
};

export function condition(
  type: "Ready" | "Reconciling" | "Stalled",
  status: "True" | "False" | "Unknown",
  reason: string,
) {
  const base = { type, status, message: `About ${reason}.`, observedGeneration: 1, lastTransitionTime: before(90) };
  return { ...base, reason } as NonNullable<RolloutStatus["conditions"]>[number];
}

/** A Rollout in the middle of its second step, unless the status says otherwise. */
export function rollout(status: Partial<RolloutStatus> = {}, more: Partial<Rollout> = {}): Rollout {
  const parsed = parseSpec({ targetRef: { name: "product" } });
  if (!("spec" in parsed)) throw new Error(parsed.problems.join());
  return {
    key: { namespace: "shop", name: "product" },
    uid: "u",
    generation: 1,
    resourceVersion: "1",
    deleting: false,
    claimed: true,
    spec: parsed.spec,
    problems: [],
    requests: {},
    status: {
      observedGeneration: 1,
      phase: "Progressing",
      message: "Half of the traffic goes to the canary.",
      step: "2/3",
      weight: 50,
      conditions: [condition("Ready", "Unknown", "Progressing"), condition("Reconciling", "True", "Progressing")],
      stable,
      canary,
      release,
      ...status,
    },
    ...more,
  };
}
