import { policyFor, type EffectiveDestinationRule } from "./destination-rules.ts";
import type { Cluster, JsonObject, Metadata } from "./envoy-types.ts";
import { isHeadless, namespaceOf, protocolOf, protoDuration, serviceHost, type Protocol } from "./hosts.ts";
import type {
  ConnectionPool,
  LoadBalancer,
  OutlierDetection,
  PolicyBlocks,
  Service,
  ServicePort,
  Subset,
} from "./objects.ts";
import { clusterName, originOf } from "./routes.ts";

/** Protobuf's largest uint32: Istio's way of saying "no limit". */
const noLimit = 4_294_967_295;
const httpOptionsType = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** The cluster of one port of a Service, for one subset or for all pods. */
export function serviceCluster(
  service: Service,
  port: ServicePort,
  rule: EffectiveDestinationRule | undefined,
  subset: Subset | undefined,
): Cluster {
  const policy = policyFor(rule, subset, port.port);
  const name = clusterName(serviceHost(service), subset?.name, port.port);
  const type = isHeadless(service) || policy.loadBalancer?.simple === "PASSTHROUGH" ? "ORIGINAL_DST" : "EDS";
  const protocolOptions = httpOptions(policy.connectionPool, protocolOf(port));
  return {
    name,
    type,
    connectTimeout: connectTimeout(policy.connectionPool),
    ...(type === "EDS" ? loadBalancing(policy.loadBalancer) : { lbPolicy: "CLUSTER_PROVIDED" }),
    ...(policy.outlierDetection && { outlierDetection: outlierDetection(policy.outlierDetection) }),
    ...commonLoadBalancing(policy),
    circuitBreakers: { thresholds: [circuitBreakers(policy.connectionPool)] },
    ...keepalive(policy.connectionPool),
    ...(protocolOptions && {
      typedExtensionProtocolOptions: { "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": protocolOptions },
    }),
    metadata: clusterMetadata(service, rule, subset),
  };
}

function clusterMetadata(
  service: Service,
  rule: EffectiveDestinationRule | undefined,
  subset: Subset | undefined,
): Metadata {
  const services = [
    { host: serviceHost(service), name: service.metadata.name, namespace: namespaceOf(service.metadata) },
  ];
  const config = rule && { config: originOf(rule.origin.metadata, "destination-rule") };
  return { filterMetadata: { istio: { ...config, ...(subset && { subset: subset.name }), services } } };
}

function connectTimeout(pool: ConnectionPool | undefined): string {
  return protoDuration(pool?.tcp?.connectTimeout ?? "10s");
}

export const passthroughCluster: Cluster = {
  name: "PassthroughCluster",
  type: "ORIGINAL_DST",
  connectTimeout: "10s",
  lbPolicy: "CLUSTER_PROVIDED",
  circuitBreakers: { thresholds: [circuitBreakers(undefined)] },
  typedExtensionProtocolOptions: {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": httpOptionsType,
      commonHttpProtocolOptions: { idleTimeout: "300s" },
      useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} },
    },
  },
  metadata: { filterMetadata: { istio: {} } },
};

/** Exactly the fields that Istio sends; a threshold of 0 stays, with its enforcement at 0. */
function outlierDetection(asked: OutlierDetection): JsonObject {
  const {
    consecutive5xxErrors,
    consecutiveGatewayErrors,
    consecutiveLocalOriginFailures,
    maxEjectionPercent = 0,
  } = asked;
  const split = asked.splitExternalLocalOriginErrors === true;
  return {
    ...threshold("consecutive5xx", "enforcingConsecutive5xx", consecutive5xxErrors),
    ...threshold("consecutiveGatewayFailure", "enforcingConsecutiveGatewayFailure", consecutiveGatewayErrors),
    ...(asked.interval !== undefined && { interval: protoDuration(asked.interval) }),
    ...(asked.baseEjectionTime !== undefined && { baseEjectionTime: protoDuration(asked.baseEjectionTime) }),
    ...(maxEjectionPercent > 0 && { maxEjectionPercent }),
    ...(split && {
      splitExternalLocalOriginErrors: true,
      ...threshold(
        "consecutiveLocalOriginFailure",
        "enforcingConsecutiveLocalOriginFailure",
        consecutiveLocalOriginFailures,
      ),
      enforcingLocalOriginSuccessRate: 0,
    }),
    enforcingSuccessRate: 0,
  };
}

function threshold(field: string, enforcing: string, count: number | undefined): JsonObject {
  return count === undefined ? {} : { [field]: count, [enforcing]: count > 0 ? 100 : 0 };
}

function commonLoadBalancing(policy: PolicyBlocks): Pick<Cluster, "commonLbConfig"> {
  const config: JsonObject = {
    ...(policy.outlierDetection && { healthyPanicThreshold: { value: policy.outlierDetection.minHealthPercent ?? 0 } }),
    ...(distributes(policy.loadBalancer) && { localityWeightedLbConfig: {} }),
  };
  return Object.keys(config).length === 0 ? {} : { commonLbConfig: config };
}

export function distributes(loadBalancer: LoadBalancer | undefined): boolean {
  const setting = loadBalancer?.localityLbSetting;
  return setting?.enabled !== false && (setting?.distribute ?? []).length > 0;
}

function circuitBreakers(pool: ConnectionPool | undefined): JsonObject {
  const { tcp = {}, http = {} } = pool ?? {};
  return {
    maxConnections: tcp.maxConnections ?? noLimit,
    maxPendingRequests: http.http1MaxPendingRequests ?? noLimit,
    maxRequests: http.http2MaxRequests ?? noLimit,
    maxRetries: http.maxRetries ?? noLimit,
    trackRemaining: true,
  };
}

function keepalive(pool: ConnectionPool | undefined): Pick<Cluster, "upstreamConnectionOptions"> {
  const asked = pool?.tcp?.tcpKeepalive;
  if (asked === undefined) return {};
  const seconds = (text: string): number => Number(protoDuration(text).slice(0, -1));
  return {
    upstreamConnectionOptions: {
      tcpKeepalive: {
        ...(asked.time !== undefined && { keepaliveTime: seconds(asked.time) }),
        ...(asked.interval !== undefined && { keepaliveInterval: seconds(asked.interval) }),
        ...(asked.probes !== undefined && { keepaliveProbes: asked.probes }),
      },
    },
  };
}

function loadBalancing(
  asked: LoadBalancer | undefined,
): Pick<Cluster, "lbPolicy" | "roundRobinLbConfig" | "leastRequestLbConfig" | "ringHashLbConfig"> {
  if (asked?.consistentHash !== undefined) {
    return {
      lbPolicy: "RING_HASH",
      ringHashLbConfig: { minimumRingSize: `${asked.consistentHash.ringHash?.minimumRingSize ?? 1024}` },
    };
  }
  const names: Readonly<Record<string, string>> = { ROUND_ROBIN: "ROUND_ROBIN", RANDOM: "RANDOM" };
  const lbPolicy = names[asked?.simple ?? ""] ?? "LEAST_REQUEST";
  const warmup = slowStart(asked?.warmup);
  if (warmup === undefined) return { lbPolicy };
  return lbPolicy === "ROUND_ROBIN"
    ? { lbPolicy, roundRobinLbConfig: warmup }
    : { lbPolicy, leastRequestLbConfig: warmup };
}

function slowStart(warmup: LoadBalancer["warmup"]): JsonObject | undefined {
  if (warmup === undefined) return undefined;
  return {
    slowStartConfig: {
      slowStartWindow: protoDuration(warmup.duration),
      // Envoy requires a runtime key; "(" is what Istio writes.
      ...(warmup.aggression !== undefined && { aggression: { defaultValue: warmup.aggression, runtimeKey: "(" } }),
      minWeightPercent: { value: warmup.minimumPercent ?? 10 },
    },
  };
}

/** Undefined when Envoy's defaults (HTTP/1.1) will do. */
function httpOptions(pool: ConnectionPool | undefined, protocol: Protocol): JsonObject | undefined {
  const { idleTimeout, maxRequestsPerConnection, h2UpgradePolicy } = pool?.http ?? {};
  const common: JsonObject = {
    ...(idleTimeout !== undefined && { idleTimeout: protoDuration(idleTimeout) }),
    ...(maxRequestsPerConnection !== undefined && { maxRequestsPerConnection }),
  };
  const hasCommon = Object.keys(common).length > 0;
  const upgraded = protocol === "http2" || (protocol === "http" && h2UpgradePolicy === "UPGRADE");
  if (!hasCommon && !upgraded && protocol !== "auto") return undefined;
  return {
    "@type": httpOptionsType,
    ...(hasCommon && { commonHttpProtocolOptions: common }),
    ...httpVersion(protocol, upgraded),
  };
}

function httpVersion(protocol: Protocol, upgraded: boolean): JsonObject {
  if (protocol === "auto")
    return { useDownstreamProtocolConfig: { httpProtocolOptions: {}, http2ProtocolOptions: {} } };
  return { explicitHttpConfig: upgraded ? { http2ProtocolOptions: {} } : { httpProtocolOptions: {} } };
}

/** The hash policies that a destination adds to its route. */
export function hashPolicies(loadBalancer: LoadBalancer | undefined): JsonObject[] {
  const hash = loadBalancer?.consistentHash;
  if (hash === undefined) return [];
  if (hash.httpCookie !== undefined) {
    const { name, path, ttl } = hash.httpCookie;
    return [
      { cookie: { name, ...(path !== undefined && { path }), ...(ttl !== undefined && { ttl: protoDuration(ttl) }) } },
    ];
  }
  if (hash.httpHeaderName !== undefined) return [{ header: { headerName: hash.httpHeaderName } }];
  if (hash.httpQueryParameterName !== undefined) return [{ queryParameter: { name: hash.httpQueryParameterName } }];
  return hash.useSourceIp === true ? [{ connectionProperties: { sourceIp: true } }] : [];
}
