import { clusterDomain } from "../mesh/hosts.ts";
import type { ObjectMeta } from "../mesh/objects.ts";
import { canonicalServiceOf, revisionOf, workloadOf } from "../world/workload.ts";
import type { AccessLogEntry } from "./access-log.ts";
import type { IstioLabels } from "./istio-metrics.ts";

/** Who called: a proxy of the mesh. */
export interface Source {
  readonly workload: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

type SourceLabels = Pick<
  IstioLabels,
  | "source_workload"
  | "source_canonical_service"
  | "source_canonical_revision"
  | "source_workload_namespace"
  | "source_principal"
  | "source_app"
  | "source_version"
  | "source_cluster"
>;
type DestinationLabels = Pick<
  IstioLabels,
  | "destination_workload"
  | "destination_workload_namespace"
  | "destination_principal"
  | "destination_app"
  | "destination_version"
  | "destination_canonical_service"
  | "destination_canonical_revision"
  | "destination_cluster"
>;
type ServiceLabels = Pick<
  IstioLabels,
  "destination_service" | "destination_service_name" | "destination_service_namespace"
>;

const unknown = "unknown";
const thisCluster = "Kubernetes";

/** What the calling proxy reports of a request. `pod` is the pod behind the upstream address, when one was picked. */
export function sourceReport(entry: AccessLogEntry, source: Source, pod: ObjectMeta | undefined): IstioLabels {
  const isGrpc = entry.contentType?.startsWith("application/grpc") === true;
  return {
    reporter: "source",
    ...sourceLabels(source),
    ...destinationLabels(pod),
    ...serviceLabels(entry.cluster, entry.authority),
    request_protocol: isGrpc ? "grpc" : "http",
    response_code: `${entry.code}`,
    grpc_response_status: isGrpc ? `${entry.grpcStatus ?? ""}` : "",
    response_flags: entry.flags ?? "-",
    connection_security_policy: unknown,
  };
}

/** What the called pod's proxy reports. A caller outside the mesh is unknown. */
export function destinationReport(
  status: number,
  source: Source | undefined,
  pod: ObjectMeta,
  service: { readonly name: string; readonly namespace: string } | undefined,
  authority: string,
): IstioLabels {
  const cluster = service && `inbound|||${service.name}.${service.namespace}.${clusterDomain}`;
  return {
    reporter: "destination",
    ...sourceLabels(source),
    ...destinationLabels(pod),
    ...serviceLabels(cluster ?? null, authority),
    request_protocol: "http",
    response_code: `${status}`,
    grpc_response_status: "",
    response_flags: status === 0 ? "DC" : "-",
    connection_security_policy: "none",
  };
}

const unknownSource: SourceLabels = {
  source_workload: unknown,
  source_canonical_service: unknown,
  source_canonical_revision: "latest",
  source_workload_namespace: unknown,
  source_principal: unknown,
  source_app: unknown,
  source_version: unknown,
  source_cluster: unknown,
};

function sourceLabels(source: Source | undefined): SourceLabels {
  if (source === undefined) return unknownSource;
  const { workload, namespace, labels } = source;
  return {
    source_workload: workload,
    source_canonical_service: labels["app"] ?? workload,
    source_canonical_revision: revisionOf(labels),
    source_workload_namespace: namespace,
    source_principal: unknown,
    source_app: labels["app"] ?? unknown,
    source_version: labels["version"] ?? unknown,
    source_cluster: thisCluster,
  };
}

/** Without a pod everything is unknown, but the revision is "latest": that is what Istio's filter does. */
const unknownDestination: DestinationLabels = {
  destination_workload: unknown,
  destination_workload_namespace: unknown,
  destination_principal: unknown,
  destination_app: unknown,
  destination_version: unknown,
  destination_canonical_service: unknown,
  destination_canonical_revision: "latest",
  destination_cluster: unknown,
};

function destinationLabels(pod: ObjectMeta | undefined): DestinationLabels {
  if (pod === undefined) return unknownDestination;
  return {
    destination_workload: workloadOf(pod),
    destination_workload_namespace: pod.namespace ?? unknown,
    destination_principal: unknown,
    destination_app: pod.labels?.["app"] ?? unknown,
    destination_version: pod.labels?.["version"] ?? unknown,
    destination_canonical_service: canonicalServiceOf(pod),
    destination_canonical_revision: revisionOf(pod.labels),
    destination_cluster: thisCluster,
  };
}

/** From the cluster's name; without a cluster (no route, missing subset) from the Host header, as it came. */
function serviceLabels(cluster: string | null, authority: string | null): ServiceLabels {
  const host = cluster?.split("|")[3];
  if (host === undefined || host === "") {
    const raw = authority ?? unknown;
    return { destination_service: raw, destination_service_name: raw, destination_service_namespace: unknown };
  }
  const [name, namespace] = host.endsWith(`.${clusterDomain}`) ? host.split(".") : [host, unknown];
  return {
    destination_service: host,
    destination_service_name: name ?? host,
    destination_service_namespace: namespace ?? unknown,
  };
}
