import { z } from "zod";
import { analysisStatus, counts, usualStatus } from "./analysis-status.ts";
import { outlierStatus } from "./outlier-status.ts";
import type { ConditionReason, EventReason, RollbackReason } from "./reasons.ts";
import { time } from "./status-fields.ts";

export type { Counts } from "./analysis-status.ts";

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
  type: z
    .enum(["Ready", "Reconciling", "Stalled", "TrafficShifted", "PodsCounted"])
    .meta({ description: "Ready, Reconciling, Stalled, TrafficShifted or PodsCounted." }),
  status: z.enum(["True", "False", "Unknown"]).meta({ description: "True, False or Unknown." }),
  reason: z.string().min(1).meta({ description: "Why, in one word; docs/reference/conditions.md has the list." }),
  message: z.string().meta({ description: "Why, in one sentence." }),
  observedGeneration: z.int().meta({ description: "Generation of the spec that the condition answers to." }),
  lastTransitionTime: time("When the status of the condition last changed."),
});

export type Condition = Omit<z.infer<typeof condition>, "reason"> & { readonly reason: ConditionReason };

const pendingEvent = z.object({
  name: z.string().meta({ description: "Name of the event object: the same for the same happening." }),
  reason: z.string().meta({ description: "What happened, in one word; docs/reference/events.md has the list." }),
  action: z.string().meta({ description: "What was done about it." }),
  note: z.string().meta({ description: "What happened, in one sentence." }),
  at: time("When it happened."),
});

export type PendingEvent = Omit<z.infer<typeof pendingEvent>, "reason"> & { readonly reason: EventReason };

const commit = z
  .string()
  .meta({ description: "The commit that brought the revision, where an annotation of the Deployment named it." });

const release = z
  .object({
    number: z.int().meta({ description: "Counts the releases of this Rollout, from 1." }),
    startedAt: time("When the changed template was seen."),
    commit: commit.optional(),
    steps: z.string().optional().meta({ description: "spec.steps as they were last followed, as JSON." }),
    decision: z
      .enum(["Promote", "Rollback"])
      .optional()
      .meta({ description: "How the release ends, once that is decided: Promote or Rollback." }),
    reason: z.string().optional().meta({ description: "Why it is rolled back." }),
    explanation: z.string().optional().meta({ description: "The evidence for the decision in one sentence." }),
    decidedAt: time("When that was decided.").optional(),
    stepIndex: z.int().meta({ description: "Index into spec.steps." }),
    stepStartedAt: time("When the step's traffic was first seen.").optional(),
    pausedAt: time("When the pause step began.").optional(),
    highestWeight: z.int().meta({ description: "The largest weight that the canary was given, in percent." }),
    steppedBack: z
      .object({
        at: time("When all traffic was sent back."),
        calm: counts.meta({
          description: "Requests of stable since then, or since the last block that was over a limit.",
        }),
      })
      .optional()
      .meta({ description: "Both versions failed, so stable gets everything until it is well." }),
    stepBacks: z.int().optional().meta({ description: "How often the release went on after that." }),
    withoutEvidence: z.boolean().optional().meta({ description: "Whether a step was passed without enough requests." }),
    canaryReadyAt: time("When as many canary pods as were asked for were ready.").optional(),
    canaryCreatedAt: time("When canary pods were last asked for.").optional(),
    bakingSince: time("Since when the last step has passed and the old pods are kept.").optional(),
    adoption: z
      .object({
        startedAt: time("When the Deployment began to take over the canary ReplicaSet."),
        maxSurge: z
          .string()
          .optional()
          .meta({ description: "The Deployment's maxSurge before the adoption, as JSON." }),
      })
      .optional()
      .meta({ description: "The hand-over of the canary ReplicaSet to the Deployment." }),
    traffic: z
      .object({
        subsets: z
          .enum(["Rest", "Narrowed", "Widened"])
          .meta({ description: "What the subsets were last asked to select." }),
        subsetsChangedAt: time("When the subsets were last written."),
        route: z.enum(["Rest", "Split"]).meta({ description: "What the routes were last asked to do." }),
        weight: z.int().meta({ description: "The canary's weight that was last asked for." }),
        routeChangedAt: time("When the routes were last written."),
        original: z.string().meta({ description: "What the routes and subsets were before the release, as JSON." }),
        corrections: z
          .array(z.string())
          .meta({ description: "When somebody else's weights were corrected, the last few." }),
      })
      .optional()
      .meta({ description: "What was last asked of the mesh." }),
    usual: usualStatus.optional().meta({ description: "What came to the Service before the release." }),
    analysis: analysisStatus.optional().meta({ description: "What is known about the canary." }),
  })
  .meta({ description: "The release that is under way." });

export type Release = z.infer<typeof release>;

const historyEntry = z.object({
  number: z.int().meta({ description: "Number of the release." }),
  revision: z.string().meta({ description: "The revision that was released." }),
  image: z.string().meta({ description: "Images of its containers." }),
  commit: commit.optional(),
  outcome: z.enum(["Promoted", "RolledBack"]).meta({ description: "Promoted or RolledBack." }),
  reason: z.string().optional().meta({ description: "Why it was rolled back, in one word." }),
  explanation: z.string().optional().meta({ description: "The evidence for the outcome in one sentence." }),
  startedAt: time("When the release began."),
  endedAt: time("When the release ended."),
  highestWeight: z.int().meta({ description: "The largest weight that the canary was given, in percent." }),
  requests: z.number().meta({ description: "Requests that the canary got." }),
  failedRequests: z.number().meta({ description: "Those of them that failed." }),
});

export type HistoryEntry = z.infer<typeof historyEntry>;

/** What the operator writes. At most 32 kB: lists are capped, series never get in. */
export const rolloutStatusSchema = z.object({
  observedGeneration: z.int().meta({ description: "Generation of the spec that this status answers to." }),
  phase: z.string().optional().meta({ description: "One word for people. No rule reads it." }),
  message: z.string().optional().meta({ description: "What is going on, in one sentence." }),
  step: z.string().optional().meta({ description: "Step of the release, such as 2/3." }),
  weight: z.int().optional().meta({ description: "Share of the traffic that the canary was given, in percent." }),
  conditions: z
    .array(condition)
    .max(8)
    .optional()
    .meta({
      description: "The state by the conventions of kstatus.",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
    }),
  hold: z.enum(["Policy", "Webhook", "Paused", "Off"]).optional().meta({
    description:
      "How a changed template is kept from rolling out: by an admission policy, by the operator's webhook, by keeping the Deployment paused, or not at all.",
  }),
  stable: revision.optional().meta({ description: "The proven revision." }),
  canary: revision.optional().meta({ description: "The revision that is being released." }),
  release: release.optional(),
  outlierDetection: outlierStatus.optional(),
  rejected: z
    .array(
      z.object({
        revision: z.string().meta({ description: "The revision that was rejected." }),
        image: z.string().meta({ description: "Images of its containers." }),
        reason: z.string().meta({ description: "Why, in one word." }),
        commit: commit.optional(),
        at: z.string().meta({ description: "When it was rejected." }),
        deployment: z
          .object({
            uid: z.string().meta({ description: "Uid of the Deployment." }),
            generation: z.int().meta({ description: "Its generation." }),
          })
          .optional()
          .meta({
            description:
              "The Deployment when it last asked for this revision: the same generation is the same template, whatever a newer Kubernetes makes of its defaults.",
          }),
      }),
    )
    .max(20)
    .optional()
    .meta({ description: "Revisions that were rolled back and are not tried again unless somebody asks for it." }),
  history: z.array(historyEntry).max(10).optional().meta({ description: "The last releases, the newest first." }),
  handled: z
    .object({
      promote: z.string().optional().meta({ description: "The last request to promote." }),
      abort: z.string().optional().meta({ description: "The last request to roll back." }),
      retry: z.string().optional().meta({ description: "The last request to try a rejected revision again." }),
      pause: z.string().optional().meta({ description: "The last request to pause." }),
    })
    .optional()
    .meta({ description: "The requests that were dealt with: values of the request annotations." }),
  subsets: z
    .object({
      retired: z
        .array(z.string())
        .max(10)
        .meta({ description: "Subsets that served before, the last one first; what a route gives them is put back." }),
      corrections: z
        .array(z.string())
        .max(3)
        .meta({ description: "When somebody else's weights were corrected without a release, the last few." }),
    })
    .optional()
    .meta({ description: "What is remembered of the routes where you run all versions yourself (spec.subset)." }),
  releases: z.int().optional().meta({ description: "How many releases there have been." }),
  pendingEvents: z
    .array(pendingEvent)
    .max(40)
    .optional()
    .meta({ description: "Events that the API server has not taken yet." }),
  engineVersion: z.string().optional().meta({ description: "Version of the operator that wrote this status." }),
});

type ParsedStatus = z.infer<typeof rolloutStatusSchema>;

export type RolloutStatus = Omit<ParsedStatus, "conditions" | "pendingEvents"> & {
  conditions?: Condition[] | undefined;
  pendingEvents?: PendingEvent[] | undefined;
};

export type { RollbackReason };
