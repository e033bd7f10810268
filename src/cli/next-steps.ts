import type { ConditionReason } from "../api/reasons.ts";

/** What a person can do about where a Rollout stands, or that there is nothing to do. */
export const nextSteps: Readonly<Record<ConditionReason, string>> = {
  Succeeded: "Nothing. The next change of the Deployment's pods will be released.",
  Progressing: "Nothing. `serin status -w` follows it; `serin abort` sends all traffic back.",
  Paused:
    "`serin promote` goes on, `serin resume` ends a pause that was asked for, `serin abort` sends all traffic back.",
  Held: "Mend what the message names; the release goes on by itself.",
  CanaryCannotStart:
    "See what keeps the canary pods: `kubectl describe pod` of one of them. The release goes on by itself.",
  MetricsUnavailable:
    "Bring Prometheus back; the release goes on by itself. `serin promote` goes on without a verdict.",
  TooManySeries:
    "Add the recording rules of docs/metrics.md to Prometheus, or give the operator a larger --series-budget and memory for it. `serin promote` goes on without a verdict.",
  PodsCounted: "Nothing.",
  PodsNotCounted: "Have Prometheus scrape the pods of the Deployment with the label that the message names.",
  TrafficNotShifted:
    "See that the callers named in the message use the mesh and that Istio delivers its configuration.",
  SharedIncident:
    "See what both versions depend on. The release goes on by itself when stable is well; `serin abort` gives it up.",
  Inconclusive: "`serin promote` goes on without a verdict, `serin abort` sends all traffic back.",
  InsufficientTraffic: "`serin promote` goes on without a verdict, `serin abort` sends all traffic back.",
  RollingBack: "Nothing. The traffic is on its way back.",
  RolledBack: "Fix the cause and release a new revision, revert the change, or try the same again with `serin retry`.",
  Suspended: "Set spec.suspend to false to go on.",
  HoldOff: "Take the annotation serin.dev/hold off the Deployment to have its changes released again.",
  InvalidSpec: "Mend the spec as the message says.",
  WorkloadNotFound: "Create the Deployment, or correct the name by deleting and re-creating the Rollout.",
  WorkloadNotSupported: "Change what the message names in the Deployment so that two versions can run side by side.",
  WorkloadInMidRoll: "Nothing, if the Deployment finishes by itself. `kubectl rollout status` follows it.",
  WorkloadClaimed: "Delete one of the two Rollouts.",
  ServiceNotFound: "Create the Service, or name the right one.",
  ServicePortAmbiguous: "Write spec.service.port; the message lists the ports.",
  RouteNotFound: "Create the VirtualService or route, or correct its name in spec.traffic.istio.",
  RouteNotSplittable:
    "Change the route as the message says, or leave it out of spec.traffic.istio.virtualService.routes.",
  HostClaimed: "Leave the host in one of the two objects that the message names.",
  UnsplitRoute: "Have the callers use a route that is split, or accept it with spec.traffic.unsplit: accept.",
  TemplateMutated: "Write into the Deployment what is changed on creation, or exempt its pods from that change.",
  TrafficConfigRejected: "Mend what the message names, or allow the operator to write it.",
  WorkloadRejected: "Mend what the message names, or allow the operator to write it.",
  ProgressingWithRetry: "Nothing yet: it is tried again. The message says what fails.",
  InternalError: "Look into the operator's log and report it.",
  LettingGo: "Nothing. The Rollout goes when traffic and workload are given back.",
};
