import { renderDuration, renderInstant, renderRatio } from "../../api/instant.ts";
import type { RolloutSpec } from "../../api/rollout-spec.ts";
import type { Release } from "../../api/rollout-status.ts";
import { answer } from "../answer.ts";
import type { Answer } from "../decision.ts";
import type { Observation } from "../observation.ts";
import { isNews } from "../standing.ts";
import { holdRelease, holdForMetrics } from "./under-way.ts";

/** Routes that a split would not reach are found before there is a canary pod that their callers could meet. */
export function refuseUnsplit(observation: Observation, unsplit: readonly string[]): Answer | undefined {
  if (unsplit.length === 0 || observation.rollout.spec?.traffic.unsplit === "accept") return undefined;
  const message = `${unsplit.join("; ")}. Give these routes a subset, let the Rollout split them, or set spec.traffic.unsplit: accept to let these callers meet canary pods by pod share.`;
  const key = `generation-${observation.rollout.generation} UnsplitRoute ${renderInstant(observation.now)}`;
  return answer(observation, {
    standing: { kind: "Stalled", reason: "UnsplitRoute", phase: "Stalled", message },
    transitions: isNews(observation, "UnsplitRoute") ? [{ reason: "InvalidSpec", key, note: message }] : [],
    wakeAfter: undefined,
  });
}

/** What scrapes pods without a sidecar, or probes them, is no caller of the Service and makes fewer requests than this. */
const leastShare = 0.05;
/** Fewer requests than this show nothing. */
const leastRequests = 50;

/** Whether such callers matter: where the release will start pods, and somebody cares; users' own are called by everybody. */
export function asksForArrivals({ subset, traffic }: RolloutSpec): boolean {
  return subset === undefined && traffic.unsplit !== "accept";
}

/**
 * Callers without a proxy of the mesh are split by no route of it: they would meet canary pods by their share of all
 * pods. The release stays where it began, without pods, until there are no such callers or they are accepted.
 */
export function holdForUnsplit(observation: Observation, release: Release): Answer | undefined {
  const { arrivals } = observation;
  if (arrivals === undefined) return undefined;
  if (arrivals.kind === "Unavailable")
    return holdForMetrics(observation, release, { message: arrivals.message, reason: "MetricsUnavailable" });
  const { requests, withoutProxy, span } = arrivals;
  if (withoutProxy < leastRequests || withoutProxy < leastShare * requests) return undefined;
  const found = `${renderRatio(withoutProxy / requests)} of the ${requests} requests that the pods got in the last ${renderDuration(span)}, ${withoutProxy}, came from callers without a sidecar (source_workload="unknown" in Istio's metrics)`;
  const advice =
    "Give these callers a sidecar, or set spec.traffic.unsplit: accept to let them meet canary pods by pod share; serin promote begins this one release all the same";
  return holdRelease(observation, release, "UnsplitRoute", `${found}: no route would split them. ${advice}.`);
}
