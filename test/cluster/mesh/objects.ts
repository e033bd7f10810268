/** The parts of Kubernetes and Istio objects that the mesh reads. Everything optional is really optional. */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly controller?: boolean }[];
}

export interface KubeObject<Spec> {
  readonly metadata: ObjectMeta;
  readonly spec: Spec;
}

export interface ServicePort {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly appProtocol?: string;
  readonly protocol?: string;
}

export type Service = KubeObject<{
  readonly clusterIP?: string;
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports?: readonly ServicePort[];
  readonly publishNotReadyAddresses?: boolean;
}>;

export interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
  readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly namespace?: string };
  readonly nodeName?: string;
  readonly zone?: string;
}

export interface EndpointSlice {
  readonly metadata: ObjectMeta;
  readonly endpoints?: readonly Endpoint[];
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[];
}

export interface PodLike {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly podIP?: string };
}

export interface NodeLike {
  readonly metadata: ObjectMeta;
}

export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

export interface HttpMatch {
  readonly name?: string;
  readonly uri?: StringMatch;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  readonly headers?: Readonly<Record<string, StringMatch>>;
  readonly withoutHeaders?: Readonly<Record<string, StringMatch>>;
  readonly queryParams?: Readonly<Record<string, StringMatch>>;
  readonly ignoreUriCase?: boolean;
  readonly port?: number;
  readonly sourceLabels?: Readonly<Record<string, string>>;
  readonly sourceNamespace?: string;
  readonly gateways?: readonly string[];
}

export interface Destination {
  readonly host: string;
  readonly subset?: string;
  readonly port?: { readonly number?: number };
}

export interface HeaderOperations {
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

export interface HeaderRules {
  readonly request?: HeaderOperations;
  readonly response?: HeaderOperations;
}

export interface RouteDestination {
  readonly destination: Destination;
  readonly weight?: number;
  readonly headers?: HeaderRules;
}

export interface Retries {
  readonly attempts?: number;
  readonly perTryTimeout?: string;
  readonly retryOn?: string;
}

export interface HttpRule {
  readonly name?: string;
  readonly match?: readonly HttpMatch[];
  readonly route?: readonly RouteDestination[];
  readonly redirect?: {
    readonly uri?: string;
    readonly authority?: string;
    readonly scheme?: string;
    readonly redirectCode?: number;
  };
  readonly directResponse?: { readonly status: number; readonly body?: { readonly string?: string } };
  readonly delegate?: { readonly name?: string; readonly namespace?: string };
  readonly rewrite?: {
    readonly uri?: string;
    readonly authority?: string;
    readonly uriRegexRewrite?: { readonly match: string; readonly rewrite: string };
  };
  readonly timeout?: string;
  readonly retries?: Retries;
  readonly fault?: Fault;
  readonly mirror?: Destination;
  readonly mirrorPercentage?: { readonly value?: number };
  readonly mirrors?: readonly {
    readonly destination: Destination;
    readonly percentage?: { readonly value?: number };
  }[];
  readonly corsPolicy?: CorsPolicy;
  readonly headers?: HeaderRules;
}

export interface Fault {
  readonly delay?: { readonly percentage?: { readonly value?: number }; readonly fixedDelay?: string };
  readonly abort?: { readonly percentage?: { readonly value?: number }; readonly httpStatus?: number };
}

export interface CorsPolicy {
  readonly allowOrigins?: readonly StringMatch[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAge?: string;
  readonly allowCredentials?: boolean;
}

export interface L4Match {
  readonly port?: number;
  readonly sniHosts?: readonly string[];
  readonly gateways?: readonly string[];
}

export interface L4Rule {
  readonly match?: readonly L4Match[];
  readonly route?: readonly { readonly destination: Destination; readonly weight?: number }[];
}

export type VirtualService = KubeObject<{
  readonly hosts?: readonly string[];
  readonly gateways?: readonly string[];
  readonly exportTo?: readonly string[];
  readonly http?: readonly HttpRule[];
  readonly tcp?: readonly L4Rule[];
  readonly tls?: readonly L4Rule[];
}>;

export interface OutlierDetection {
  readonly consecutive5xxErrors?: number;
  readonly consecutiveGatewayErrors?: number;
  readonly consecutiveLocalOriginFailures?: number;
  readonly splitExternalLocalOriginErrors?: boolean;
  readonly interval?: string;
  readonly baseEjectionTime?: string;
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent?: number;
}

export interface ConnectionPool {
  readonly tcp?: {
    readonly maxConnections?: number;
    readonly connectTimeout?: string;
    readonly tcpKeepalive?: { readonly time?: string; readonly interval?: string; readonly probes?: number };
  };
  readonly http?: {
    readonly http1MaxPendingRequests?: number;
    readonly http2MaxRequests?: number;
    readonly maxRequestsPerConnection?: number;
    readonly maxRetries?: number;
    readonly idleTimeout?: string;
    readonly h2UpgradePolicy?: string;
  };
}

export interface LoadBalancer {
  readonly simple?: string;
  readonly consistentHash?: {
    readonly httpCookie?: { readonly name: string; readonly path?: string; readonly ttl?: string };
    readonly httpHeaderName?: string;
    readonly httpQueryParameterName?: string;
    readonly useSourceIp?: boolean;
    readonly ringHash?: { readonly minimumRingSize?: number };
  };
  readonly localityLbSetting?: {
    readonly enabled?: boolean;
    readonly distribute?: readonly { readonly from: string; readonly to: Readonly<Record<string, number>> }[];
  };
  readonly warmup?: { readonly duration: string; readonly minimumPercent?: number; readonly aggression?: number };
}

/** What one port of one subset ends up with. */
export interface PolicyBlocks {
  readonly outlierDetection?: OutlierDetection;
  readonly connectionPool?: ConnectionPool;
  readonly loadBalancer?: LoadBalancer;
  readonly tls?: unknown;
}

export interface TrafficPolicy extends PolicyBlocks {
  readonly portLevelSettings?: readonly (PolicyBlocks & { readonly port?: { readonly number?: number } })[];
}

export interface Subset {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly trafficPolicy?: TrafficPolicy;
}

export type DestinationRule = KubeObject<{
  readonly host: string;
  readonly exportTo?: readonly string[];
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets?: readonly Subset[];
  readonly workloadSelector?: { readonly matchLabels?: Readonly<Record<string, string>> };
}>;

/** Everything the mesh knows of the cluster at one moment. */
export interface MeshObjects {
  readonly services: readonly Service[];
  readonly endpointSlices: readonly EndpointSlice[];
  readonly pods: readonly PodLike[];
  readonly nodes: readonly NodeLike[];
  readonly virtualServices: readonly VirtualService[];
  readonly destinationRules: readonly DestinationRule[];
}

/** The proxy a configuration is made for. */
export interface Client {
  readonly kind: "sidecar" | "gateway";
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly locality?: { readonly region: string; readonly zone: string };
  /** The namespaces whose Services and routes it is given, as egress hosts of a Sidecar say it; all when left out. */
  readonly egress?: readonly string[];
  /** For a gateway: the port it serves HTTP on. It answers for every gateway name but `mesh`. */
  readonly gatewayPort?: number;
}
