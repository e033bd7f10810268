import { join } from "node:path";
import { servedAddress, servedPort } from "../world/addresses.ts";
import type {
  Cluster,
  ClusterEndpoints,
  EnvoyConfig,
  JsonObject,
  ListenerIntent,
  RouteConfiguration,
  TcpChain,
  VirtualHost,
} from "./envoy-types.ts";

/** A rendered configuration as files for one Envoy of this machine: real addresses, file subscriptions, access log. */

export interface ProxyFiles {
  readonly folder: string;
  readonly bootstrap: string;
  readonly cds: string;
  readonly lds: string;
  readonly accessLog: string;
  /** Envoy writes the address of its admin port here. */
  readonly adminAddress: string;
  rds(name: string): string;
  eds(cluster: string): string;
}

export interface XdsResources {
  readonly clusters: readonly object[];
  readonly listeners: readonly object[];
  /** By file. */
  readonly routes: ReadonlyMap<string, { readonly name: string; readonly listener: string; readonly resource: object }>;
  readonly endpoints: ReadonlyMap<string, object>;
}

const types = "type.googleapis.com/envoy";

export function proxyFiles(folder: string): ProxyFiles {
  return {
    folder,
    bootstrap: join(folder, "bootstrap.json"),
    cds: join(folder, "cds.json"),
    lds: join(folder, "lds.json"),
    accessLog: join(folder, "access.log"),
    adminAddress: join(folder, "admin-address"),
    rds: (name) => join(folder, `rds-${fileName(name)}.json`),
    eds: (cluster) => join(folder, `eds-${fileName(cluster)}.json`),
  };
}

function fileName(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9.-]/g, "_");
}

export function bootstrap(name: string, address: string, files: ProxyFiles): JsonObject {
  return {
    node: { id: name, cluster: name },
    admin: { address: { socketAddress: { address: "127.0.0.1", portValue: 0 } } },
    dynamicResources: { cdsConfig: fileSource(files.cds), ldsConfig: fileSource(files.lds) },
    // Pods know by this address which proxy calls them.
    clusterManager: { upstreamBindConfig: { sourceAddress: { address, portValue: 0 } } },
  };
}

function fileSource(path: string): JsonObject {
  return { resourceApiVersion: "V3", pathConfigSource: { path } };
}

export function discoveryResponse(version: number, resources: readonly object[]): string {
  return JSON.stringify({ versionInfo: `${version}`, resources });
}

export function xdsResources(config: EnvoyConfig, address: string, files: ProxyFiles): XdsResources {
  const byPort = Map.groupBy(config.listeners, ({ port }) => servedPort(port));
  const routes = new Map<string, { name: string; listener: string; resource: object }>();
  const listeners = [...byPort].map(([port, intents]) => listener(port, intents, config, { address, files, routes }));
  return {
    clusters: config.clusters.map((cluster) => clusterResource(cluster, files)),
    listeners,
    routes,
    endpoints: new Map(config.endpoints.map((each) => [files.eds(each.cluster), loadAssignment(each)])),
  };
}

function clusterResource(cluster: Cluster, files: ProxyFiles): object {
  const eds = { edsClusterConfig: { serviceName: cluster.name, edsConfig: fileSource(files.eds(cluster.name)) } };
  const common = { "@type": `${types}.config.cluster.v3.Cluster`, ...cluster };
  return cluster.type === "EDS" ? { ...common, ...eds } : common;
}

function loadAssignment({ cluster, localities }: ClusterEndpoints): object {
  return {
    "@type": `${types}.config.endpoint.v3.ClusterLoadAssignment`,
    clusterName: cluster,
    endpoints: localities.map(({ region, zone, priority, weight, endpoints }) => ({
      locality: { region, zone },
      priority,
      loadBalancingWeight: weight,
      lbEndpoints: endpoints.map((each) => ({
        endpoint: {
          address: { socketAddress: { address: servedAddress(each.address), portValue: servedPort(each.port) } },
        },
        metadata: { filterMetadata: { istio: { workload: each.pod } } },
      })),
    })),
  };
}

interface ListenerContext {
  readonly address: string;
  readonly files: ProxyFiles;
  readonly routes: Map<string, { name: string; listener: string; resource: object }>;
}

/**
 * A sidecar tells the Services of one port apart by the address that was called; here a proxy has one address, so all
 * HTTP Services of a port share a listener and the Host header decides. Without any, the first TCP Service gets it.
 */
function listener(
  port: number,
  intents: readonly ListenerIntent[],
  config: EnvoyConfig,
  context: ListenerContext,
): object {
  const name = `0.0.0.0_${port}`;
  const routed = intents.flatMap(
    ({ routeConfig }) => config.routeConfigs.find((each) => each.name === routeConfig) ?? [],
  );
  const filterChains =
    routed.length > 0
      ? [httpChain(port, name, routed, context)]
      : (intents[0]?.tcp ?? []).map((chain) => tcpChain(name, chain, context));
  const inspector = {
    name: "envoy.filters.listener.tls_inspector",
    typedConfig: { "@type": `${types}.extensions.filters.listener.tls_inspector.v3.TlsInspector` },
  };
  return {
    "@type": `${types}.config.listener.v3.Listener`,
    name,
    address: { socketAddress: { address: context.address, portValue: port } },
    ...(routed.length === 0 && { listenerFilters: [inspector] }),
    filterChains,
  };
}

function httpChain(
  port: number,
  statPrefix: string,
  routed: readonly RouteConfiguration[],
  context: ListenerContext,
): object {
  const name = routed.find((each) => each.name === `${port}`)?.name ?? routed[0]?.name ?? "";
  const file = context.files.rds(name);
  context.routes.set(file, { name, listener: statPrefix, resource: routeResource(name, routed) });
  const filter = (id: string, type: string): object => ({
    name: `envoy.filters.http.${id}`,
    typedConfig: { "@type": `${types}.extensions.filters.http.${id}.v3.${type}` },
  });
  return {
    filters: [
      {
        name: "envoy.filters.network.http_connection_manager",
        typedConfig: {
          "@type": `${types}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
          statPrefix: `outbound_${statPrefix}`,
          rds: { routeConfigName: name, configSource: fileSource(file) },
          generateRequestId: false,
          httpFilters: [filter("cors", "Cors"), filter("fault", "HTTPFault"), filter("router", "Router")],
          accessLog: [accessLog(context.files.accessLog)],
        },
      },
    ],
  };
}

/** Route configurations of one port joined; a host that occurs twice belongs to the first. */
function routeResource(name: string, routed: readonly RouteConfiguration[]): object {
  const taken = new Set<string>();
  const virtualHosts = routed
    .flatMap((each) => each.virtualHosts)
    .flatMap((each): VirtualHost[] => {
      const domains = (each.localDomains ?? each.domains).filter((domain) => !taken.has(domain));
      for (const domain of domains) taken.add(domain);
      const { localDomains: _, ...virtualHost } = each;
      return domains.length === 0 ? [] : [{ ...virtualHost, domains }];
    });
  // As Istio does: web, web:8080 and so on are the same host.
  return { "@type": `${types}.config.route.v3.RouteConfiguration`, name, ignorePortInHostMatching: true, virtualHosts };
}

function tcpChain(statPrefix: string, chain: TcpChain, context: ListenerContext): object {
  const [only] = chain.clusters;
  const weighted = chain.clusters.map(({ name, weight }) => ({ name, weight: weight ?? 1 }));
  return {
    ...(chain.serverNames.length > 0 && { filterChainMatch: { serverNames: chain.serverNames } }),
    filters: [
      {
        name: "envoy.filters.network.tcp_proxy",
        typedConfig: {
          "@type": `${types}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
          statPrefix: `outbound_${statPrefix}`,
          ...(weighted.length === 1 ? { cluster: only?.name } : { weightedClusters: { clusters: weighted } }),
          accessLog: [accessLog(context.files.accessLog)],
        },
      },
    ],
  };
}

/** One JSON object per request; `telemetry/access-log.ts` reads these fields. */
function accessLog(path: string): object {
  return {
    name: "envoy.access_loggers.file",
    typedConfig: {
      "@type": `${types}.extensions.access_loggers.file.v3.FileAccessLog`,
      path,
      logFormat: {
        jsonFormat: {
          authority: "%REQ(:AUTHORITY)%",
          method: "%REQ(:METHOD)%",
          code: "%RESPONSE_CODE%",
          flags: "%RESPONSE_FLAGS%",
          host: "%UPSTREAM_HOST%",
          cluster: "%UPSTREAM_CLUSTER_RAW%",
          duration: "%DURATION%",
          route: "%ROUTE_NAME%",
          contentType: "%REQ(CONTENT-TYPE)%",
          grpcStatus: "%GRPC_STATUS_NUMBER%",
          // For people who look for the cause of a failure.
          at: "%START_TIME%",
          details: "%RESPONSE_CODE_DETAILS%",
        },
      },
    },
  };
}
