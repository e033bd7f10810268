import type { CheckResult } from "./analysis/checks.ts";
import type { Instant, Milliseconds } from "../api/instant.ts";
import type { ConditionReason } from "../api/reasons.ts";
import type { Rollout } from "../api/rollout.ts";
import type { Tick } from "./analysis/blocks.ts";
import type { TunedSettings } from "../api/outlier-status.ts";
import type { Usual } from "./analysis/usual.ts";
import type { PodReport } from "./outliers/pods.ts";

/** The world as one reconcile saw it: everything that a rule may look at, and nothing that can change under it. */
export interface Observation {
  readonly now: Instant;
  readonly rollout: Rollout;
  readonly settings: Settings;
  readonly workload: Workload | WorkloadProblem;
  readonly traffic: TrafficState | Problem;
  /** What this operator has seen of routes and subsets since a release asked for something; undefined without one. */
  readonly seenAt: SeenAt | undefined;
  /** What the routes and subsets are before a release, as JSON; present until a release has recorded it. */
  readonly original: string | undefined;
  /** Why the API server would refuse a write of this release; asked before its first write. */
  readonly rehearsal: Problem | undefined;
  /** Callers that a split would not reach; asked before the first write of a release that will start pods. */
  readonly arrivals: Arrivals | undefined;
  /** What came to the Service before the release; asked before its first write, undefined where nobody knows. */
  readonly usual: Usual | undefined;
  /** Undefined while there is no canary to measure, or when nothing may wait for a measurement. */
  readonly measurement: Measurement | undefined;
  /** Requests pod by pod; undefined while nobody needs to know. */
  readonly pods?: PodReport | undefined;
}

/** When this operator saw routes and subsets as they were last asked for; undefined while it has not. */
export interface SeenAt {
  /** When the routes were so for the first time. */
  readonly route: Instant | undefined;
  /** The same of the subsets. */
  readonly subsets: Instant | undefined;
  /** Since when each look has shown both as asked. */
  readonly steady: Instant | undefined;
}

/** What holds for every Rollout of this operator. */
export interface Settings {
  /** How long a change of Istio objects takes to reach every proxy; waited for where order matters. */
  readonly propagation: Milliseconds;
  /** After this a rollback ends even if canary traffic was still seen. */
  readonly rollbackDeadline: Milliseconds;
  /** After this, traffic that did not move is reported. */
  readonly shiftDeadline: Milliseconds;
  /** Counts alone are written to the status no more often than this. */
  readonly evidencePeriod: Milliseconds;
  readonly hold: "Policy" | "Webhook" | "Paused";
  readonly engineVersion: string;
}

/** Something that a user has to mend before there can be a release. */
export interface Problem {
  readonly problem: ConditionReason;
  /** What is wrong, where, what is there and what to write. */
  readonly message: string;
}

/** A workload that cannot be released, and the canary that may still be there. */
export interface WorkloadProblem extends Problem {
  readonly canary: ReplicaSet | undefined;
}

export function isProblem(value: object): value is Problem {
  return "problem" in value;
}

/**
 * A Deployment with the ReplicaSets that it or the Rollout controls. In the form `Subsets` users run all versions
 * themselves: then `replicaSets` has one entry for each subset, and `revision` is that of the subset that should serve.
 */
export interface Workload {
  readonly form: "Deployment" | "Subsets";
  readonly name: string;
  readonly uid: string;
  readonly generation: number;
  readonly observedGeneration: number;
  readonly paused: boolean;
  readonly deleting: boolean;
  /** Whether the label that the hold policy acts on names this Rollout. */
  readonly labelled: boolean;
  /** Whether the emergency switch is thrown: nothing is to be held. */
  readonly holdOff: boolean;
  readonly replicas: number;
  /** Name of the Deployment's pod template: the same for equal templates. */
  readonly revision: string;
  readonly image: string;
  /** The commit that the Deployment was made from, where an annotation says it. */
  readonly commit?: string | undefined;
  readonly strategy: "RollingUpdate" | "Recreate";
  /** `strategy.rollingUpdate.maxSurge` as JSON, absent where the strategy has none. */
  readonly maxSurge: string | undefined;
  /** Why the pods cannot run beside pods of another version; absent when they can. */
  readonly notSupported: string | undefined;
  /** The revision that was promoted last, from the annotation that outlives the Rollout. */
  readonly promotedRevision: string | undefined;
  /** Revisions that were rejected, from the annotation that outlives the Rollout; the newest first. */
  readonly rejectedRevisions: readonly string[];
  readonly replicaSets: readonly ReplicaSet[];
}

export interface ReplicaSet {
  readonly name: string;
  readonly uid: string;
  /** `User`: all pods of a subset, whatever controls them; `name` and `podTemplateHash` are the subset's name. */
  readonly controlledBy: "Deployment" | "Rollout" | "Nobody" | "User";
  readonly deleting: boolean;
  /** Name of its pod template without the label pod-template-hash. */
  readonly revision: string;
  readonly podTemplateHash: string;
  /** destination_workload in Istio's metrics: the name less the hash. */
  readonly workload: string;
  readonly image: string;
  /** Wanted size. */
  readonly replicas: number;
  /** Pods that exist, terminating ones included. */
  readonly pods: number;
  readonly ready: number;
  readonly available: number;
  /** Pods that crashed or were killed for memory since they started, with container and reason. Canary only. */
  readonly crashes: readonly string[];
  /** Why pods cannot start: quota, image, scheduling. Canary only. */
  readonly cannotStart: string | undefined;
}

/** How Istio is configured for the host at the moment. */
export interface TrafficState {
  readonly route: RouteState;
  readonly subsets: SubsetState;
  /** Routes to the Service that would not be split, one sentence each. */
  readonly unsplit: readonly string[];
  /** Whether routes that are not split name a subset: their callers are pinned to some of the pods. */
  readonly isPinned?: boolean | undefined;
  /** Who wrote the weights last, if it was not the operator. */
  readonly foreignManager: string | undefined;
  /** The same of the subsets. */
  readonly subsetsManager?: string | undefined;
  /** Outlier detection of the DestinationRule; undefined while there is none. */
  readonly outliers?: OutlierState | undefined;
  /** The form `Subsets` only: the subset that gets all of what the routes give to subsets of the Rollout. */
  readonly serving?: string | undefined;
}

/** What the DestinationRule says of outlier detection. */
export interface OutlierState {
  /** Whether it has settings that the operator wrote. */
  readonly isTuned: boolean;
  /** Those of them that it has as the operator wrote them. */
  readonly written: Partial<TunedSettings>;
  /** Why settings of its top level would not do what they should, one sentence each. */
  readonly obstacles: readonly string[];
  /** What holds for each version; undefined where there is no outlier detection for it. */
  readonly policies: { readonly stable: OutlierPolicy | undefined; readonly canary: OutlierPolicy | undefined };
  /** What it says now, as JSON: what tuning is to put back. */
  readonly before: string;
}

/** Settings as Istio reads them; undefined where a field is left out. */
export interface OutlierPolicy {
  /** The path of the block: `DestinationRule shop/product, spec.trafficPolicy.outlierDetection`. */
  readonly where: string;
  readonly consecutive5xxErrors?: number | undefined;
  readonly consecutiveGatewayErrors?: number | undefined;
  readonly maxEjectionPercent?: number | undefined;
  readonly minHealthPercent?: number | undefined;
}

/**
 * `Absent`: no VirtualService yet (generated ones only). `Rest`: as without a release. `Split`: our destinations are
 * the two subsets; weight is the canary's share in percent, or undefined when the selected routes disagree or one of
 * them is not as the operator writes it.
 */
export type RouteState =
  | { readonly kind: "Absent" }
  | { readonly kind: "Rest" }
  | { readonly kind: "Split"; readonly weight: number | undefined };

/** `stable` and `canary` are the hashes that the subsets select; undefined where a subset has no hash or is not there. */
export type SubsetState =
  | { readonly kind: "Absent" }
  | {
      readonly kind: "Present";
      readonly stable: string | undefined;
      readonly canary: string | undefined;
      /** There is no subset canary, whatever it would select: a route that names it answers 503. */
      readonly lacksCanary?: boolean | undefined;
    };

/** How requests came to the pods that serve, within the last `span`, by what the pods' own proxies report. */
export type Arrivals =
  | {
      readonly kind: "Counts";
      readonly span: Milliseconds;
      readonly requests: number;
      /** Those of callers that have no proxy of the mesh, so that no route of it splits them. */
      readonly withoutProxy: number;
    }
  | { readonly kind: "Unavailable"; readonly message: string };

/** What Prometheus said. Silence and absence are answers, not errors. */
export type Measurement =
  | {
      readonly kind: "Counts";
      /** Requests are counted after `since` up to `until`, on Prometheus's clock. */
      readonly since: Instant;
      readonly until: Instant;
      /** Between two scrapes of one target. */
      readonly interval: Milliseconds;
      /** What was chosen for `usualQuantile`: the boundary that stable kept to, its lower and its upper neighbour. */
      readonly boundaries?: readonly Milliseconds[];
      /** The values that were asked for. */
      readonly checks?: readonly CheckResult[];
      /** The date that the next sample will have, as far as is known. */
      readonly due?: Instant;
      /** In the order of time; moments at which nothing was counted are among them. */
      readonly ticks: readonly Tick[];
      /** The same before `since`, as far back as was asked for. */
      readonly before?: readonly Tick[];
      /** Requests in samples that are all newer than the last change of weights; undefined without two such samples. */
      readonly sinceShift:
        { readonly stable: number; readonly canary: number; readonly callers: readonly string[] } | undefined;
    }
  | {
      readonly kind: "NoData";
      readonly message: string;
      /** There are data, but more than may be read. */
      readonly isTooMuch?: true;
    }
  | { readonly kind: "Unavailable"; readonly message: string };

/** A measurement that counted requests. */
export type Counted = Extract<Measurement, { kind: "Counts" }>;

/** Where requests went since traffic was moved, as far as it was measured. */
export function seenSinceShift(measurement: Measurement | undefined): Counted["sinceShift"] {
  return measurement?.kind === "Counts" ? measurement.sinceShift : undefined;
}
