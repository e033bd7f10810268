import type { Labels } from "./series.ts";

/** What Istio writes where it does not know. */
export const unknown = "unknown";

/**
 * Envoy's response flags of a request that the workload failed, or that did not reach it: no healthy host, connection
 * failed, overflow, no route, no cluster, retries exhausted, upstream time-out, connection ended by the upstream.
 * Envoy's documentation of access logs (%RESPONSE_FLAGS%) defines them.
 */
const failedFlags: ReadonlySet<string> = new Set(["UH", "UF", "UO", "NR", "NC", "URX", "UT", "UC"]);

/** The client went away first (downstream connection ended). */
const clientGoneFlag = "DC";

/** UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS: the codes of gRPC that blame the server. */
const failedGrpcStatus: ReadonlySet<string> = new Set(["2", "4", "13", "14", "15"]);

/** What the requests that a series counts say about the workload. `ClientGone` says nothing, for or against. */
export type RequestClass = "Good" | "Failed" | "ClientGone";

/** What kind of requests a series of Istio's standard metrics counts, by its labels. */
export function classOf(labels: Labels): RequestClass {
  const flags = (labels["response_flags"] ?? "").split(",");
  const code = labels["response_code"] ?? "";
  if (code === "0" || flags.includes(clientGoneFlag)) return "ClientGone";
  const failed =
    /^5\d\d$/.test(code) ||
    flags.some((flag) => failedFlags.has(flag)) ||
    failedGrpcStatus.has(labels["grpc_response_status"] ?? "");
  return failed ? "Failed" : "Good";
}

/** What a proxy writes when it found no endpoint, no route or no cluster, or may open no more connections to it. */
const lostFlags: ReadonlySet<string> = new Set(["UH", "UO", "NR", "NC"]);

/** Whether a request failed before a pod was chosen for it. */
export function isLost(labels: Labels): boolean {
  if (labels["destination_workload"] !== unknown) return false;
  return (labels["response_flags"] ?? "").split(",").some((flag) => lostFlags.has(flag));
}
