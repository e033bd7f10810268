/** The fields of Envoy's v3 API that the mesh writes, in protobuf's JSON spelling. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = Readonly<Record<string, Json>>;

export interface Metadata {
  readonly filterMetadata: { readonly istio: JsonObject };
}

export interface HeaderValueOption {
  readonly header: { readonly key: string; readonly value: string };
  readonly appendAction: "APPEND_IF_EXISTS_OR_ADD" | "OVERWRITE_IF_EXISTS_OR_ADD";
}

export interface HeaderChanges {
  readonly requestHeadersToAdd?: readonly HeaderValueOption[];
  readonly requestHeadersToRemove?: readonly string[];
  readonly responseHeadersToAdd?: readonly HeaderValueOption[];
  readonly responseHeadersToRemove?: readonly string[];
}

export interface WeightedCluster extends HeaderChanges {
  readonly name: string;
  readonly weight: number;
}

export interface RouteAction {
  readonly cluster?: string;
  readonly weightedClusters?: { readonly clusters: readonly WeightedCluster[] };
  readonly timeout?: string;
  readonly retryPolicy?: JsonObject;
  readonly requestMirrorPolicies?: readonly JsonObject[];
  readonly prefixRewrite?: string;
  readonly regexRewrite?: JsonObject;
  readonly hostRewriteLiteral?: string;
  readonly hashPolicy?: readonly JsonObject[];
}

export interface Route extends HeaderChanges {
  readonly name?: string;
  readonly match: JsonObject;
  readonly route?: RouteAction;
  readonly redirect?: JsonObject;
  readonly directResponse?: JsonObject;
  readonly typedPerFilterConfig?: JsonObject;
  readonly metadata?: Metadata;
}

export interface VirtualHost {
  readonly name: string;
  readonly domains: readonly string[];
  /** The Service's own names, where `domains` is `*` because Istio gives the Service a listener of its own. */
  readonly localDomains?: readonly string[];
  readonly routes: readonly Route[];
}

export interface RouteConfiguration {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
}

export interface Cluster {
  readonly name: string;
  readonly type: "EDS" | "ORIGINAL_DST";
  readonly connectTimeout: string;
  readonly lbPolicy?: string;
  readonly roundRobinLbConfig?: JsonObject;
  readonly leastRequestLbConfig?: JsonObject;
  readonly ringHashLbConfig?: JsonObject;
  readonly outlierDetection?: JsonObject;
  readonly commonLbConfig?: JsonObject;
  readonly circuitBreakers: { readonly thresholds: readonly JsonObject[] };
  readonly upstreamConnectionOptions?: JsonObject;
  readonly typedExtensionProtocolOptions?: JsonObject;
  readonly metadata: Metadata;
}

export interface EnvoyEndpoint {
  readonly pod: string;
  readonly address: string;
  readonly port: number;
}

export interface LocalityEndpoints {
  readonly region: string;
  readonly zone: string;
  readonly priority: number;
  readonly weight: number;
  readonly endpoints: readonly EnvoyEndpoint[];
}

/** Endpoints with pod addresses; `xds-files.ts` turns them into a ClusterLoadAssignment. */
export interface ClusterEndpoints {
  readonly cluster: string;
  readonly localities: readonly LocalityEndpoints[];
}

export interface TcpChain {
  readonly serverNames: readonly string[];
  readonly clusters: readonly { readonly name: string; readonly weight: number | null }[];
}

/** What a client listens on: HTTP with a route configuration, TCP with filter chains, or both (sniffing). */
export interface ListenerIntent {
  readonly name: string;
  readonly port: number;
  readonly routeConfig?: string;
  readonly tcp: readonly TcpChain[];
}

export interface EnvoyConfig {
  readonly listeners: readonly ListenerIntent[];
  readonly routeConfigs: readonly RouteConfiguration[];
  readonly clusters: readonly Cluster[];
  readonly endpoints: readonly ClusterEndpoints[];
}
