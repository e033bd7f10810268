import { parseSpec, type Rollout } from "../../src/api/rollout.ts";
import type { Release, Revision, RolloutStatus } from "../../src/api/rollout-status.ts";
import type { Observation, ReplicaSet, Settings, TrafficState, Workload } from "../../src/domain/observation.ts";

/** A moment that reads well in messages. */
export const noon = Date.parse("2026-01-01T12:00:00Z");

/** So many seconds before noon. */
export const ago = (seconds: number) => new Date(noon - seconds * 1_000).toISOString();

export const stableRevision: Revision = {
  revision: "one",
  replicaSet: "product-one",
  podTemplateHash: "one",
  workload: "product",
  image: "product:v1",
};

export const canaryRevision: Revision = {
  revision: "two",
  replicaSet: "product-a-two",
  podTemplateHash: "two",
  workload: "product-a",
  image: "product:v2",
};

export function aReplicaSet(changes: Partial<ReplicaSet> = {}): ReplicaSet {
  return {
    name: "product-one",
    uid: "uid-one",
    controlledBy: "Deployment",
    deleting: false,
    revision: "one",
    podTemplateHash: "one",
    workload: "product",
    image: "product:v1",
    replicas: 4,
    pods: 4,
    ready: 4,
    available: 4,
    crashes: [],
    cannotStart: undefined,
    ...changes,
  };
}

export function aCanary(changes: Partial<ReplicaSet> = {}): ReplicaSet {
  return aReplicaSet({
    name: "product-a-two",
    uid: "uid-two",
    controlledBy: "Rollout",
    revision: "two",
    podTemplateHash: "two",
    workload: "product-a",
    image: "product:v2",
    replicas: 1,
    pods: 1,
    ready: 1,
    available: 1,
    ...changes,
  });
}

/** At rest: one revision runs and is proven. */
export function aWorkload(changes: Partial<Workload> = {}): Workload {
  return {
    form: "Deployment",
    name: "product",
    uid: "uid-d",
    generation: 3,
    observedGeneration: 3,
    paused: false,
    deleting: false,
    labelled: true,
    holdOff: false,
    replicas: 4,
    revision: "one",
    image: "product:v1",
    strategy: "RollingUpdate",
    maxSurge: '"25%"',
    notSupported: undefined,
    promotedRevision: "one",
    rejectedRevisions: [],
    replicaSets: [aReplicaSet()],
    ...changes,
  };
}

export const routesAtRest: TrafficState = {
  route: { kind: "Rest" },
  subsets: { kind: "Present", stable: undefined, canary: undefined },
  unsplit: [],
  foreignManager: undefined,
};

export function routesSplit(weight: number | undefined): TrafficState {
  return {
    ...routesAtRest,
    route: { kind: "Split", weight },
    subsets: { kind: "Present", stable: "one", canary: "two" },
  };
}

/** Routes as without a release, subset stable without its hash: whatever the Service selects is found. */
export const leftToService: TrafficState = {
  ...routesAtRest,
  subsets: { kind: "Present", stable: undefined, canary: "two" },
};

export function aRollout(
  changes: { spec?: object; status?: Partial<RolloutStatus> } & Partial<Omit<Rollout, "spec" | "status">> = {},
): Rollout {
  const { spec = {}, status = {}, ...rest } = changes;
  const parsed = parseSpec({ targetRef: { name: "product" }, ...spec });
  return {
    key: { namespace: "shop", name: "product" },
    uid: "uid-r",
    generation: 7,
    resourceVersion: "42",
    deleting: false,
    claimed: true,
    spec: "spec" in parsed ? parsed.spec : undefined,
    problems: "problems" in parsed ? parsed.problems : [],
    requests: {},
    status: { observedGeneration: 7, stable: stableRevision, ...status },
    ...rest,
  };
}

/** A release at weight 10 whose traffic was seen, a minute old. */
export function aRelease(changes: Partial<Release> = {}): Release {
  const since = new Date(noon - 60_000).toISOString();
  const none = { requests: 0, errors: 0, slow: 0, slowOrClose: 0 };
  return {
    number: 1,
    startedAt: since,
    stepIndex: 0,
    highestWeight: 10,
    stepStartedAt: since,
    canaryCreatedAt: since,
    canaryReadyAt: since,
    traffic: {
      subsets: "Narrowed",
      subsetsChangedAt: since,
      route: "Split",
      routeChangedAt: since,
      weight: 10,
      original: "{}",
      corrections: [],
    },
    analysis: { watermark: since, step: { stable: none, canary: none }, release: { stable: none, canary: none } },
    ...changes,
  };
}

/** Of the operator, as tests have it. */
export const settings: Settings = {
  propagation: 2_000,
  rollbackDeadline: 30_000,
  shiftDeadline: 60_000,
  evidencePeriod: 60_000,
  hold: "Policy",
  engineVersion: "0.0.0",
};

export function anObservation(changes: Partial<Observation> = {}): Observation {
  return {
    now: noon,
    rollout: aRollout(),
    settings,
    workload: aWorkload(),
    traffic: routesAtRest,
    seenAt: undefined,
    original: undefined,
    rehearsal: undefined,
    arrivals: undefined,
    usual: undefined,
    measurement: undefined,
    ...changes,
  };
}

/** An observation in the middle of a release at weight 10. */
export function inRelease(release: Partial<Release> = {}, changes: Partial<Observation> = {}): Observation {
  const rollout = aRollout({ status: { release: aRelease(release), canary: canaryRevision, releases: 1 } });
  return anObservation({
    rollout,
    workload: aWorkload({
      paused: true,
      revision: "two",
      image: "product:v2",
      replicaSets: [aReplicaSet(), aCanary()],
    }),
    traffic: routesSplit(10),
    ...changes,
  });
}
