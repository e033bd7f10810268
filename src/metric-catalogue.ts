import type { ObjectKey } from "./api/object-key.ts";
import { machineCatalogue, processCatalogue } from "./runtime/machine-catalogue.ts";
import type { AnyDescription } from "./runtime/metrics.ts";

const ofRollout = ["namespace", "rollout"] as const;

/** What the operator tells about Rollouts and their releases. */
export const releaseCatalogue = {
  reason: {
    kind: "gauge",
    name: "serin_rollout_reason",
    help: "1 at the reason of the Rollout's conditions; each Rollout has one series.",
    labels: [...ofRollout, "reason"],
  },
  stalled: {
    kind: "gauge",
    name: "serin_rollout_stalled",
    help: "1 while a Rollout needs a person.",
    labels: ofRollout,
  },
  workload: {
    kind: "gauge",
    name: "serin_rollout_workload_info",
    help: "1 at the workload that runs a version of a Rollout, as Istio's metrics name it.",
    labels: [...ofRollout, "version", "workload"],
  },
  corrections: {
    kind: "counter",
    name: "serin_weight_corrections_total",
    help: "Weights or subsets that somebody else wrote and Serin put back.",
    labels: ofRollout,
  },
  underWay: {
    kind: "gauge",
    name: "serin_release_under_way",
    help: "1 while a release is under way, its rollback included.",
    labels: ofRollout,
  },
  rollingBack: {
    kind: "gauge",
    name: "serin_release_rolling_back",
    help: "1 from the decision to roll a release back until it has ended.",
    labels: ofRollout,
  },
  promoting: {
    kind: "gauge",
    name: "serin_release_promoting",
    help: "1 from the decision to promote a release until its pods are the Deployment's.",
    labels: ofRollout,
  },
  weight: {
    kind: "gauge",
    name: "serin_release_weight_ratio",
    help: "Share of the traffic that the canary was given, 0 without a release.",
    unit: "ratio",
    labels: ofRollout,
  },
  verdict: {
    kind: "gauge",
    name: "serin_release_verdict",
    help: "1 at what follows from the evidence about a release under way.",
    labels: [...ofRollout, "verdict"],
  },
  verdictAge: {
    kind: "gauge",
    name: "serin_verdict_age_seconds",
    help: "Time since the last requests that a release under way was judged by.",
    unit: "seconds",
    labels: ofRollout,
  },
  wealth: {
    kind: "gauge",
    name: "serin_release_wealth",
    help: "What betting against the canary of a release under way has come to, from 1; for a rollback 100 for each limit is needed, beside a limit 10 against stable.",
    labels: [...ofRollout, "measure", "against"],
  },
  requests: {
    kind: "gauge",
    name: "serin_release_requests",
    help: "Requests that a release under way was judged by so far.",
    labels: [...ofRollout, "version"],
  },
  failedRequests: {
    kind: "gauge",
    name: "serin_release_failed_requests",
    help: "Those of them that failed.",
    labels: [...ofRollout, "version"],
  },
  releases: {
    kind: "counter",
    name: "serin_releases_total",
    help: "Releases that ended while this process watched, by outcome.",
    labels: [...ofRollout, "outcome"],
  },
  releaseDuration: {
    kind: "histogram",
    name: "serin_release_duration_seconds",
    help: "Time from the changed template to the end of its release.",
    unit: "seconds",
    labels: ["outcome"],
    buckets: [30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400, 259_200, 604_800],
  },
  rollbacks: {
    kind: "counter",
    name: "serin_rollbacks_total",
    help: "Releases that were rolled back while this process watched, by reason.",
    labels: ["reason"],
  },
  rollbackVerification: {
    kind: "histogram",
    name: "serin_rollback_verification_seconds",
    help: "Time from the decision to roll back until callers' requests showed that nothing goes to the canary.",
    unit: "seconds",
    labels: [],
    buckets: [1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60, 120, 300],
  },
  unverified: {
    kind: "counter",
    name: "serin_rollbacks_unverified_total",
    help: "Rollbacks that went on without having seen that nothing goes to the canary, by why it was not seen.",
    labels: [...ofRollout, "why"],
  },
  decisions: {
    kind: "counter",
    name: "serin_decisions_total",
    help: "Decisions by the rule that made them.",
    labels: ["rule"],
  },
  events: {
    kind: "counter",
    name: "serin_events_total",
    help: "Happenings that Kubernetes events tell of, by reason.",
    labels: ["reason"],
  },
} as const satisfies Readonly<Record<string, AnyDescription>>;

/** Every metric that `/metrics` serves, and no other: a section for each subject. */
export const metricCatalogue: readonly {
  readonly title: string;
  readonly metrics: readonly AnyDescription[];
}[] = [
  { title: "Rollouts and releases", metrics: Object.values(releaseCatalogue) },
  { title: "The operator", metrics: Object.values(machineCatalogue) },
  { title: "The process", metrics: processCatalogue },
];

/** What the values of a label are. */
export const labelMeanings: Readonly<Record<string, string>> = {
  namespace: "Namespace of the Rollout.",
  rollout: "Name of the Rollout.",
  reason:
    "Of a Rollout: a reason of [its conditions](conditions.md#reasons). Of a rollback: [why](conditions.md#why-a-release-was-rolled-back). Of a happening: that of [its event](events.md).",
  outcome:
    "Of a release: `Promoted` or `RolledBack`. Of a reconcile: `done`, `cancelled`, `conflict`, `transient`, `rejected` or `unexpected`.",
  verdict: "`Pass`, `Fail` or `Undecided`.",
  version: "Of a Rollout: `stable` or `canary`. Of the build: the version of the operator.",
  workload: "`destination_workload` in Istio's metrics.",
  measure: "What is limited: `errors`, `latency` or the name of one of `spec.analysis.metrics`.",
  against: "What the canary is held against: its `limit`, or `stable`.",
  why: "`called`: requests still reached the canary; `undecided`: too few requests, too little time or no route to tell; `unreported`: no metrics.",
  rule: "One of [the rules](../architecture.md#the-rules).",
  verb: "`GET`, `POST`, `PUT`, `PATCH`, `DELETE` or `WATCH`.",
  code: "HTTP code of the answer; `none` without one.",
  result:
    "`answered`; `refused`: Prometheus cannot answer this query; `away`: it could not be asked; `late`: no answer in time; `stopped`: not waited for.",
  resource: "Plural name of the resource.",
  kind: "Of a watch's problem: what failed. Of a garbage collection: its kind.",
};

/** The labels by which each series of a Rollout names it. */
export function rolloutLabels({ namespace, name }: ObjectKey) {
  return { namespace, rollout: name };
}
