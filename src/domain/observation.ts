import type { Instant, Milliseconds } from "../api/instant.ts";
import type { ConditionReason } from "../api/reasons.ts";
import type { Rollout } from "../api/rollout.ts";
import type { Counts } from "../api/rollout-status.ts";

/** The world as one reconcile saw it: everything that a rule may look at, and nothing that can change under it. */
export interface Observation {
  readonly now: Instant;
  readonly rollout: Rollout;
  readonly settings: Settings;
  readonly workload: Workload | WorkloadProblem;
  readonly traffic: TrafficState | Problem;
  /** When this operator first saw routes and subsets as they were last asked for; undefined while it has not. */
  readonly seenAt: { readonly route: Instant | undefined; readonly subsets: Instant | undefined } | undefined;
  /** What the routes and subsets are before a release, as JSON; present until a release has recorded it. */
  readonly original: string | undefined;
  /** Why the API server would refuse a write of this release; asked before its first write. */
  readonly rehearsal: Problem | undefined;
  /** Undefined while there is no canary to measure, or when nothing may wait for a measurement. */
  readonly measurement: Measurement | undefined;
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
  /** Who wrote the weights last, if it was not the operator. */
  readonly foreignManager: string | undefined;
  /** The form `Subsets` only: the subset that gets all of what the routes give to subsets of the Rollout. */
  readonly serving?: string | undefined;
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
  | { readonly kind: "Present"; readonly stable: string | undefined; readonly canary: string | undefined };

/** What Prometheus said. Silence and absence are answers, not errors. */
export type Measurement =
  | {
      readonly kind: "Counts";
      /** Requests are counted up to here; the next measurement begins here. Prometheus's clock. */
      readonly until: Instant;
      readonly stable: Counts;
      readonly canary: Counts;
      /** Requests in samples that are all newer than the last change of weights; undefined without two such samples. */
      readonly sinceShift:
        { readonly stable: number; readonly canary: number; readonly callers: readonly string[] } | undefined;
    }
  | { readonly kind: "NoData"; readonly message: string }
  | { readonly kind: "Unavailable"; readonly message: string };
