import { conditionReasons, type ConditionReason } from "../../src/api/reasons.ts";
import { apiVersion, kind, requestAnnotations, type Request } from "../../src/api/names.ts";
import type { Rollout } from "../../src/api/rollout.ts";
import type { Release, RolloutStatus } from "../../src/api/rollout-status.ts";
import { giveUp, reportFailure } from "../../src/controller/report-failure.ts";
import { decide } from "../../src/domain/decide.ts";
import type { Observation, Problem } from "../../src/domain/observation.ts";
import { conditionOf } from "../../src/domain/standing.ts";
import {
  CanaryRefusedError,
  ConflictError,
  RejectedError,
  TemplateMutatedError,
  TransientError,
  WorkloadRefusedError,
} from "../../src/runtime/errors.ts";
import { counted, counts } from "./measurement.ts";
import {
  aCanary,
  ago,
  anObservation,
  aReplicaSet,
  aRollout,
  aWorkload,
  inRelease,
  routesSplit,
} from "./observation.ts";
import { recordedPorts, worldAtRest, worldInRelease } from "./recorded-ports.ts";

/** A Rollout as the API server has it. */
export interface RolloutObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly generation: number;
    readonly resourceVersion: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: unknown;
  readonly status: RolloutStatus;
}

/** A Rollout with a status that the operator's own code has made. */
export interface Situation {
  readonly name: string;
  readonly object: RolloutObject;
}

/** The object in which `rollout` is stored, with another status where one is given. */
export function objectOf(rollout: Rollout, status: RolloutStatus = rollout.status): RolloutObject {
  const asked = (Object.keys(rollout.requests) as Request[]).map((request) => [
    requestAnnotations[request],
    rollout.requests[request] ?? "",
  ]);
  const annotations = Object.fromEntries(asked) as Record<string, string>;
  return {
    apiVersion,
    kind,
    metadata: {
      ...rollout.key,
      uid: rollout.uid,
      generation: rollout.generation,
      resourceVersion: rollout.resourceVersion,
      ...(asked.length > 0 ? { annotations } : {}),
    },
    spec: rollout.spec ?? {},
    // What JSON does not carry is not stored.
    status: JSON.parse(JSON.stringify(status)) as RolloutStatus,
  };
}

/** How a situation reads: the value and the reason of its condition Ready. */
export function readinessOf({ object }: Situation) {
  const ready = conditionOf(object.status, "Ready");
  return { status: ready?.status, reason: ready?.reason };
}

const traffic = inRelease().rollout.status.release!.traffic!;
const fine = counted(counts(200), counts(1_800), { scrapes: 6 });

/** The middle of a release, with another spec, requests or measurement. */
function releasing(
  release: Partial<Release>,
  { spec = {}, requests = {}, ...changes }: Partial<Observation> & { spec?: object; requests?: Rollout["requests"] },
): Observation {
  const observation = inRelease(release, { measurement: fine, ...changes });
  return { ...observation, rollout: { ...observation.rollout, spec: aRollout({ spec }).spec, requests } };
}

const rejecting = { rejected: [{ revision: "two", image: "product:v2", reason: "ErrorRateTooHigh", at: ago(600) }] };
const held = { paused: true, revision: "two", image: "product:v2" };
const suspended = { suspend: true };

const atRest: Readonly<Record<string, Observation>> = {
  "a finalizer to be added": anObservation({ rollout: aRollout({ claimed: false }) }),
  "the proven revision": anObservation(),
  "the hold switched off": anObservation({ workload: aWorkload({ holdOff: true }) }),
  suspended: anObservation({ rollout: aRollout({ spec: suspended }) }),
  "suspended with a held template": anObservation({
    rollout: aRollout({ spec: suspended }),
    workload: aWorkload(held),
  }),
  "a rejected template": anObservation({ rollout: aRollout({ status: rejecting }), workload: aWorkload(held) }),
  "a template that was rejected because pods are changed": anObservation({
    rollout: aRollout({ status: { rejected: [{ ...rejecting.rejected[0]!, reason: "TemplateMutated" }] } }),
    workload: aWorkload(held),
  }),
  "a rejected template, suspended": anObservation({
    rollout: aRollout({ spec: suspended, status: rejecting }),
    workload: aWorkload(held),
  }),
  "a spec that says nothing": anObservation({ rollout: aRollout({ spec: { steps: "none" } }) }),
  "a first look in mid-roll": anObservation({
    rollout: aRollout({ status: { stable: undefined } }),
    workload: aWorkload({ replicaSets: [aReplicaSet(), aReplicaSet({ name: "product-two", revision: "two" })] }),
  }),
  "callers that no route splits": anObservation({
    workload: aWorkload(held),
    traffic: { ...anObservation().traffic, unsplit: ["VirtualService other splits nothing"] } as Observation["traffic"],
  }),
  "a Deployment that cannot be released": anObservation({ workload: aWorkload({ notSupported: "it is Recreate" }) }),
  "being deleted": anObservation({ rollout: aRollout({ deleting: true }) }),
};

const waiting = {
  stepStartedAt: undefined,
  traffic: { ...traffic, subsetsChangedAt: ago(300), routeChangedAt: ago(70) },
};
const hanging = {
  measurement: counted(counts(0), counts(0), { sinceShift: { stable: 1_000, canary: 0, callers: [] } }),
};
const short = { analysis: { minStepDuration: "30s", maxStepDuration: "30m" } };

const underWay: Readonly<Record<string, Observation>> = {
  "a step": releasing({}, {}),
  "a pause step": releasing({ stepIndex: 1 }, { spec: { steps: [{ weight: 10 }, { pause: {} }, { weight: 100 }] } }),
  "a pause that a person asked for": releasing({}, { requests: { pause: ago(5) } }),
  "a suspended release": releasing({}, { spec: suspended }),
  "no replicas": releasing(
    {},
    {
      workload: aWorkload({
        ...held,
        replicas: 0,
        replicaSets: [aReplicaSet(), aCanary({ replicas: 0, pods: 0, ready: 0, available: 0 })],
      }),
    },
  ),
  "pods that cannot start": releasing(
    { traffic: { ...traffic, weight: 0 }, highestWeight: 0, stepStartedAt: undefined, canaryReadyAt: undefined },
    {
      traffic: routesSplit(0),
      workload: aWorkload({
        ...held,
        replicaSets: [aReplicaSet(), aCanary({ available: 0, ready: 0, cannotStart: "quota" })],
      }),
    },
  ),
  "Prometheus away": releasing({}, { measurement: { kind: "Unavailable", message: "no answer" } }),
  "too many series": releasing({}, { measurement: { kind: "NoData", message: "900", isTooMuch: true } }),
  "traffic that does not move": releasing(waiting, hanging),
  "too few requests": releasing(
    { stepStartedAt: ago(1_801) },
    {
      spec: { analysis: { ...short.analysis, onInsufficientTraffic: "hold" } },
      measurement: counted(counts(5), counts(45)),
    },
  ),
  "both versions failing": releasing(
    { stepStartedAt: ago(55), traffic: { ...traffic, routeChangedAt: ago(60) } },
    { measurement: counted(counts(400, 120), counts(3_600, 1_080), { scrapes: 8 }) },
  ),
  "callers without a sidecar": releasing(
    { traffic: undefined, stepStartedAt: undefined, highestWeight: 0 },
    { original: "{}", arrivals: { kind: "Counts", span: 300_000, requests: 1_000, withoutProxy: 500 } },
  ),
  "an aborted release": releasing({}, { requests: { abort: ago(0) } }),
  "a rollback on its way": releasing({ decision: "Rollback", reason: "Aborted", decidedAt: ago(1) }, {}),
  "a rollback at its end": releasing(
    {
      decision: "Rollback",
      reason: "Aborted",
      decidedAt: ago(60),
      traffic: {
        ...traffic,
        weight: 0,
        route: "Rest",
        subsets: "Rest",
        routeChangedAt: ago(60),
        subsetsChangedAt: ago(60),
      },
    },
    { traffic: anObservation().traffic, workload: aWorkload(held) },
  ),
};

/** What a user has to mend, whoever finds it. */
const problems: readonly ConditionReason[] = [
  "WorkloadNotFound",
  "WorkloadNotSupported",
  "WorkloadClaimed",
  "ServiceNotFound",
  "ServicePortAmbiguous",
  "RouteNotFound",
  "RouteNotSplittable",
  "HostClaimed",
  "TrafficConfigRejected",
];

function problematic(reason: ConditionReason): readonly (readonly [string, Observation])[] {
  const problem: Problem = { problem: reason, message: "It has to be mended." };
  const first = { traffic: undefined, stepStartedAt: undefined, highestWeight: 0, canaryCreatedAt: undefined };
  return [
    [`${reason} at rest`, anObservation({ traffic: problem })],
    [`${reason} at the beginning of a release`, releasing(first, { traffic: problem })],
  ];
}

const failures: Readonly<Record<string, Error>> = {
  "a refused canary": new CanaryRefusedError("quota"),
  "a refused change of the Deployment": new WorkloadRefusedError("denied"),
  "a refused change of the routes": new RejectedError("denied"),
  "an API server that does not answer": new TransientError("no answer"),
  "a conflict without end": new ConflictError("it changes all the time"),
  "a mistake": new TypeError("x is undefined"),
};

async function failing(): Promise<Situation[]> {
  const { signal } = new AbortController();
  const all: Situation[] = [];
  for (const [name, error] of Object.entries(failures)) {
    const world = await worldAtRest();
    await reportFailure(world.key, error, recordedPorts(world).deps, signal);
    all.push({ name, object: objectOf(world.rollout()) });
    const back = await worldInRelease(50);
    back.requests = { abort: "2026-01-01T00:10:00Z" };
    await back.reconcileOnce();
    await reportFailure(back.key, error, recordedPorts(back).deps, signal);
    all.push({ name: `${name} in a rollback`, object: objectOf(back.rollout()) });
  }
  const mutated = await worldInRelease();
  await giveUp(mutated.key, new TemplateMutatedError("changed", "spec"), recordedPorts(mutated).deps, signal);
  return [...all, { name: "pods that are changed", object: objectOf(mutated.rollout()) }];
}

/** A step with enough requests that never agree. */
function inconclusive(): Observation {
  const measurement = counted(counts(400, 8), counts(3_600, 36), { scrapes: 80 });
  const spec = { analysis: { ...short.analysis, onInconclusive: "hold", errorRate: { max: "2%" } } };
  return releasing({ stepStartedAt: ago(1_801) }, { spec, measurement });
}

/** Rollouts in every standing and with every reason that their conditions can have. */
export async function situations(): Promise<readonly Situation[]> {
  const observed = [
    ...Object.entries(atRest),
    ...Object.entries(underWay),
    ["no agreement", inconclusive()] as const,
    ...problems.flatMap(problematic),
  ];
  const decided = observed.map(([name, observation]) => ({
    name,
    object: objectOf(observation.rollout, decide(observation).status),
  }));
  return [...decided, ...(await failing())];
}

/** Of the condition that says whether requests are counted pod by pod, which makes nobody less ready. */
const ofPodsCounted: readonly string[] = ["PodsCounted", "PodsNotCounted"] satisfies ConditionReason[];

/** All reasons of readiness, in the order in which they are documented. */
export const allReasons = (Object.keys(conditionReasons) as ConditionReason[]).filter(
  (reason) => !ofPodsCounted.includes(reason),
);
