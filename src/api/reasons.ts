/** Why a Rollout stands where it stands: the reasons of its conditions, one sentence each. */
export const conditionReasons = {
  Succeeded: "No release is under way and the proven revision serves all traffic.",
  Progressing: "A release is under way.",
  Paused: "The release waits for a person.",
  Held: "The release waits for something that Serin cannot provide.",
  CanaryCannotStart: "Canary pods cannot start; the release goes on by itself when they can.",
  MetricsUnavailable: "Prometheus does not answer or has no fresh data, so there is no verdict.",
  TrafficNotShifted: "The traffic that was observed is not the traffic that was asked for.",
  InsufficientTraffic: "Too few requests for a verdict.",
  RollingBack: "All traffic is being sent back to stable.",
  RolledBack: "The revision in git was rejected; the one before it serves all traffic.",
  Suspended: "spec.suspend is set.",
  InvalidSpec: "The spec contradicts itself or names something that cannot be released.",
  WorkloadNotFound: "The Deployment of spec.targetRef does not exist.",
  WorkloadNotSupported: "The Deployment cannot run two versions side by side.",
  WorkloadInMidRoll: "The Deployment is rolling; the Rollout begins when it has finished.",
  WorkloadClaimed: "Another Rollout already has this Deployment.",
  ServiceNotFound: "The Service of spec.service does not exist.",
  ServicePortAmbiguous: "The Service has several ports and spec.service.port names none of them.",
  RouteNotFound: "The VirtualService, or a route in it, does not exist.",
  RouteNotSplittable: "The route cannot be split between two versions.",
  HostClaimed: "Another VirtualService already routes this host.",
  UnsplitRoute: "Callers reach the Service by a route that the release would not split.",
  TemplateMutated: "Something changes pods on creation, so what would run is not what is in git.",
  TrafficConfigRejected: "The API server or Istio refused what the release would write.",
  ProgressingWithRetry: "Something failed that may work when tried again.",
  InternalError: "Serin made a mistake; the log has the details.",
  LettingGo: "The Rollout is being deleted and gives back what it took.",
} as const;

export type ConditionReason = keyof typeof conditionReasons;

/** Everything that is announced as a Kubernetes event: reason, and whether it warns. */
export const eventReasons = {
  ReleaseStarted: "Normal",
  CanaryReady: "Normal",
  WeightChanged: "Normal",
  TrafficShifted: "Normal",
  TrafficNotShifted: "Warning",
  StepPassed: "Normal",
  StepPassedWithoutEvidence: "Warning",
  Paused: "Normal",
  Resumed: "Normal",
  Held: "Warning",
  MetricsUnavailable: "Warning",
  MetricsAvailable: "Normal",
  AnalysisFailed: "Warning",
  RollbackStarted: "Warning",
  RollbackBlocked: "Warning",
  RolledBack: "Warning",
  Superseded: "Normal",
  Baking: "Normal",
  Adopting: "Normal",
  Promoted: "Normal",
  PromotedWithoutEvidence: "Warning",
  WeightsCorrected: "Warning",
  FieldOwnershipConflict: "Warning",
  HoldRestored: "Warning",
  FirstRevision: "Normal",
  Reverted: "Normal",
  InvalidSpec: "Warning",
  LetGo: "Normal",
} as const;

export type EventReason = keyof typeof eventReasons;

/** Why a release was rolled back. */
export const rollbackReasons = {
  ErrorRateTooHigh: "More requests failed than analysis.errorRate allows.",
  LatencyTooHigh: "More requests were slow than analysis.latency allows.",
  CanaryCrashed: "Canary pods crashed.",
  CanaryUnavailable: "No canary pod was ready while the canary had weight.",
  ProgressDeadlineExceeded: "Canary pods were not ready by progressDeadline.",
  Aborted: "A person asked for it.",
  Superseded: "A newer revision arrived.",
  Reverted: "The stable revision came back.",
  RolloutDeleted: "The Rollout was deleted.",
  TemplateMutated: "Something changes pods on creation, so what would run is not what is in git.",
  WorkloadLost: "The Deployment is gone.",
  Interrupted: "The operator stopped between moving the traffic back and saying so.",
  TrafficConfigLost: "The objects that carry the split are gone.",
} as const;

export type RollbackReason = keyof typeof rollbackReasons;
