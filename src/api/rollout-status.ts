import { z } from "zod";
import type { ConditionReason, EventReason, RollbackReason } from "./reasons.ts";

/** A number of requests, how many failed, and how many were slow. Counts of whole requests. */
const counts = z
  .object({
    requests: z.number().meta({ description: "Requests that ended." }),
    errors: z.number().meta({ description: "Requests that failed." }),
    slow: z.number().meta({ description: "Requests slower than the histogram boundary at or above the limit." }),
    slowOrClose: z.number().meta({ description: "Requests slower than the histogram boundary at or below the limit." }),
  })
  .meta({ description: "Counted requests of one revision." });

export type Counts = z.infer<typeof counts>;

const revision = z
  .object({
    revision: z.string().meta({ description: "Name of the pod template: a hash of its content." }),
    replicaSet: z.string().meta({ description: "The ReplicaSet that runs it." }),
    podTemplateHash: z.string().meta({ description: "Value of the label pod-template-hash on its pods." }),
    workload: z.string().meta({ description: "destination_workload in Istio's metrics." }),
    image: z.string().meta({ description: "Images of its containers." }),
  })
  .meta({ description: "A revision that runs." });

export type Revision = z.infer<typeof revision>;

const condition = z.object({
  type: z.enum(["Ready", "Reconciling", "Stalled", "TrafficShifted"]),
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string().min(1),
  message: z.string(),
  observedGeneration: z.int(),
  lastTransitionTime: z.string().meta({ format: "date-time" }),
});

export type Condition = Omit<z.infer<typeof condition>, "reason"> & { readonly reason: ConditionReason };

const pendingEvent = z.object({
  name: z.string().meta({ description: "Name of the event object: the same for the same happening." }),
  reason: z.string(),
  action: z.string(),
  note: z.string(),
  at: z.string().meta({ format: "date-time" }),
});

export type PendingEvent = Omit<z.infer<typeof pendingEvent>, "reason"> & { readonly reason: EventReason };

const release = z
  .object({
    number: z.int().meta({ description: "Counts the releases of this Rollout, from 1." }),
    startedAt: z.string().meta({ format: "date-time" }),
    decision: z.enum(["Promote", "Rollback"]).optional(),
    reason: z.string().optional().meta({ description: "Why it is rolled back." }),
    explanation: z.string().optional().meta({ description: "The evidence for the decision in one sentence." }),
    decidedAt: z.string().optional().meta({ format: "date-time" }),
    stepIndex: z.int().meta({ description: "Index into spec.steps." }),
    stepStartedAt: z.string().optional().meta({ format: "date-time", description: "When the step's traffic was first seen." }),
    pausedAt: z.string().optional().meta({ format: "date-time", description: "When the pause step began." }),
    highestWeight: z.int(),
    canaryReadyAt: z.string().optional().meta({ format: "date-time" }),
    canaryCreatedAt: z.string().optional().meta({ format: "date-time" }),
    bakingSince: z.string().optional().meta({ format: "date-time" }),
    adoption: z
      .object({
        startedAt: z.string().meta({ format: "date-time" }),
        maxSurge: z.string().optional().meta({ description: "The Deployment's maxSurge before the adoption, as JSON." }),
      })
      .optional(),
    traffic: z
      .object({
        subsets: z.enum(["Rest", "Narrowed", "Widened"]).meta({ description: "What the subsets were last asked to select." }),
        subsetsChangedAt: z.string().meta({ format: "date-time" }),
        route: z.enum(["Rest", "Split"]).meta({ description: "What the routes were last asked to do." }),
        weight: z.int().meta({ description: "The canary's weight that was last asked for." }),
        routeChangedAt: z.string().meta({ format: "date-time" }),
        original: z.string().meta({ description: "What the routes and subsets were before the release, as JSON." }),
        corrections: z.array(z.string()).meta({ description: "When somebody else's weights were corrected, the last few." }),
      })
      .optional(),
    analysis: z
      .object({
        watermark: z.string().meta({ format: "date-time", description: "Up to when requests are counted." }),
        dataAt: z.string().optional().meta({ format: "date-time", description: "When data were last seen." }),
        noDataSince: z.string().optional().meta({ format: "date-time" }),
        step: z.object({ stable: counts, canary: counts }),
        release: z.object({ stable: counts, canary: counts }),
        judgement: z.string().optional().meta({ description: "What the counts say, in one sentence." }),
        verdict: z.enum(["Pass", "Fail", "Undecided"]).optional(),
      })
      .optional(),
  })
  .meta({ description: "The release that is under way." });

export type Release = z.infer<typeof release>;

const historyEntry = z.object({
  number: z.int(),
  revision: z.string(),
  image: z.string(),
  outcome: z.enum(["Promoted", "RolledBack"]),
  reason: z.string().optional(),
  explanation: z.string().optional(),
  startedAt: z.string().meta({ format: "date-time" }),
  endedAt: z.string().meta({ format: "date-time" }),
  highestWeight: z.int(),
  requests: z.number(),
  failedRequests: z.number(),
});

export type HistoryEntry = z.infer<typeof historyEntry>;

/** What the operator writes. At most 32 kB: lists are capped, series never get in. */
export const rolloutStatusSchema = z.object({
  observedGeneration: z.int().meta({ description: "Generation of the spec that this status answers to." }),
  phase: z.string().optional().meta({ description: "One word for people. No rule reads it." }),
  message: z.string().optional().meta({ description: "What is going on, in one sentence." }),
  step: z.string().optional().meta({ description: "Step of the release, such as 2/3." }),
  weight: z.int().optional().meta({ description: "Share of the traffic that the canary was given, in percent." }),
  conditions: z.array(condition).max(8).optional().meta({
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"],
  }),
  hold: z.enum(["Policy", "Paused"]).optional().meta({ description: "How a changed template is kept from rolling out." }),
  stable: revision.optional(),
  canary: revision.optional(),
  release: release.optional(),
  rejected: z
    .array(z.object({ revision: z.string(), image: z.string(), reason: z.string(), at: z.string() }))
    .max(20)
    .optional(),
  history: z.array(historyEntry).max(10).optional(),
  handled: z
    .object({
      promote: z.string().optional(),
      abort: z.string().optional(),
      retry: z.string().optional(),
      pause: z.string().optional(),
    })
    .optional()
    .meta({ description: "The requests that were dealt with: values of the request annotations." }),
  releases: z.int().optional().meta({ description: "How many releases there have been." }),
  pendingEvents: z.array(pendingEvent).max(40).optional(),
  engineVersion: z.string().optional(),
});

type ParsedStatus = z.infer<typeof rolloutStatusSchema>;

export type RolloutStatus = Omit<ParsedStatus, "conditions" | "pendingEvents"> & {
  conditions?: Condition[] | undefined;
  pendingEvents?: PendingEvent[] | undefined;
};

export type { RollbackReason };
