import type { Milliseconds } from "../api/instant.ts";
import type { EventReason } from "../api/reasons.ts";
import type { TunedSettings } from "../api/outlier-status.ts";
import type { Revision, RolloutStatus } from "../api/rollout-status.ts";
import type { Observation } from "./observation.ts";

/** Answers or leaves the decision to the next rule. */
export type Rule = (observation: Observation) => Answer | undefined;

/** What a rule wants: the status to keep, what to do, what to tell, when to look again. */
export interface Answer {
  readonly status: RolloutStatus;
  readonly plan: Plan;
  readonly transitions: readonly Transition[];
  /** Undefined: wait for a change. */
  readonly wakeAfter: Milliseconds | undefined;
  /** A rollback, or a correction: status and plan are written side by side, neither waits for the other. */
  readonly urgent: boolean;
}

export interface Decision extends Answer {
  /** Name of the rule that decided. */
  readonly rule: string;
}

/** A fact worth telling people; `key` tells it apart from the same fact at another time of the same Rollout. */
export interface Transition {
  readonly reason: EventReason;
  readonly key: string;
  readonly note: string;
}

export type Plan = readonly Action[];

/** One change of the world. Every action does nothing when the world already is as it asks. */
export type Action =
  /** Adds the finalizer. */
  | { readonly kind: "claim" }
  /** Puts the label on the Deployment that the hold policy acts on. */
  | { readonly kind: "holdWorkload" }
  /** Sets the Deployment's spec.paused. */
  | { readonly kind: "pauseWorkload"; readonly paused: true }
  /**
   * Takes spec.paused off, with the token that the hold policy accepts; only while the template is the one that was looked at,
   * because one that has come since is to stay held. `atSize`: only while the Deployment has that many replicas.
   */
  | { readonly kind: "pauseWorkload"; readonly paused: false; readonly revision: string; readonly atSize?: number }
  /** Creates the objects that carry the split where they are generated, as at rest. */
  | { readonly kind: "createRoute" }
  /** Makes the subsets select one hash each. */
  | { readonly kind: "narrowSubsets"; readonly stable: string; readonly canary: string }
  /** Makes `stable` select what it selected before the release; `canary` stays. */
  | { readonly kind: "widenStable"; readonly original: string; readonly canary: string }
  /** Gives the canary `weight` percent of what the routes had, stable the rest. */
  | { readonly kind: "routeTraffic"; readonly weight: number; readonly original: string }
  /** Puts the routes back as they were before the release. */
  | { readonly kind: "restoreRoute"; readonly original: string }
  /** Gives a subset of the user's, for good, all that the routes gave to the subsets between which they are split. */
  | { readonly kind: "serveSubset"; readonly subset: string }
  /** Puts the subsets back as they were before the release. */
  | { readonly kind: "restoreSubsets"; readonly original: string }
  /** Writes outlier detection at the top of the DestinationRule, and nothing else of it. */
  | { readonly kind: "tuneOutliers"; readonly settings: TunedSettings; readonly before: string }
  /** Puts outlier detection back as it was before it was tuned; what somebody else has changed since stays. */
  | { readonly kind: "restoreOutliers"; readonly before: string }
  /** Removes generated objects, routes first. */
  | { readonly kind: "removeRoute" }
  | { readonly kind: "removeSubsets" }
  /** Creates the canary ReplicaSet from the Deployment's stored template. */
  | { readonly kind: "createCanary"; readonly canary: Revision; readonly replicas: number }
  /** Sets the size of the canary ReplicaSet. */
  | { readonly kind: "scaleCanary"; readonly replicaSet: string; readonly replicas: number }
  /** Puts our ownerReference on the canary ReplicaSet again. */
  | { readonly kind: "ownCanary"; readonly replicaSet: string }
  /** Deletes the canary ReplicaSet and its pods. */
  | { readonly kind: "removeCanary"; readonly replicaSet: string }
  /** Sets maxSurge to 100% for the length of the adoption (docs/adr/0004-adoption.md). */
  | { readonly kind: "openSurge"; readonly was: string }
  /** Puts maxSurge back when an adoption was begun and given up. */
  | { readonly kind: "restoreSurge"; readonly maxSurge: string }
  /**
   * Hands the canary ReplicaSet, which must run `revision`, to the Deployment: labels on, our ownerReference off, in one
   * conditional patch. `evenIfNewer`: also where the Deployment holds a newer template by now.
   */
  | {
      readonly kind: "handOver";
      readonly replicaSet: string;
      readonly replicas: number;
      readonly revision: string;
      readonly evenIfNewer: boolean;
    }
  /**
   * Scales a ReplicaSet of the Deployment to zero: the old one, when the Deployment controller did not, or one that it
   * began in mid-release. The controller then sets the one that is left to full size.
   */
  | { readonly kind: "finishOld"; readonly replicaSet: string; readonly replicas: number }
  /** Restores maxSurge, notes the promoted revision and, unless `keepPaused`, unpauses: one conditional patch. */
  | {
      readonly kind: "completeAdoption";
      readonly maxSurge: string | undefined;
      readonly revision: string;
      readonly keepPaused: boolean;
    }
  /** Notes on the Deployment which revision is proven. */
  | { readonly kind: "recordPromoted"; readonly revision: string }
  /** Notes on the Deployment which revisions were rejected. */
  | { readonly kind: "recordRejected"; readonly revisions: readonly string[] }
  /** Writes the template of `replicaSet` into the Deployment again. */
  | { readonly kind: "restoreTemplate"; readonly replicaSet: string }
  /** Takes label and annotations off the Deployment. */
  | { readonly kind: "releaseWorkload" }
  /** Removes the finalizer: the last thing that is done for a Rollout. */
  | { readonly kind: "letGo" };
