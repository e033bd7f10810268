import type {
  Cluster,
  ClusterEndpoints,
  EnvoyConfig,
  HeaderChanges,
  JsonObject,
  Route,
  RouteAction,
  VirtualHost,
} from "../../cluster/mesh/envoy-types.ts";

/** Reduces an Envoy configuration to what `expected.json` records of one, by the README of the golden cases. */

const host = "web.default.svc.cluster.local";
const httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

export interface Extract {
  readonly virtualHosts: unknown;
  readonly tcp: unknown;
  readonly clusters: Readonly<Record<string, unknown>>;
}

export function extract(config: EnvoyConfig, clusterIP: string | undefined): Extract {
  const used = new Set(config.listeners.map((listener) => listener.routeConfig));
  const routeConfigs = config.routeConfigs.filter(({ name }) => used.has(name));
  const virtualHosts = routeConfigs.flatMap(({ name, virtualHosts: all }) =>
    all.map((virtualHost) => ({ routeConfig: name, ...virtualHostOf(virtualHost, clusterIP) })),
  );
  const tcp = config.listeners.flatMap((listener) =>
    listener.tcp.map((chain) => ({
      listener: listener.name.replace(clusterIP ?? "-", "CLUSTER_IP"),
      match: chain.serverNames.length > 0 ? { sni: chain.serverNames } : {},
      clusters: chain.clusters,
    })),
  );
  const named = namedClusters(config);
  const own = config.clusters.map(({ name }) => name).filter((name) => name.endsWith(`|${host}`));
  const names = [...new Set([...own, ...named])];
  return { virtualHosts, tcp, clusters: Object.fromEntries(names.map((name) => [name, clusterOf(name, config)])) };
}

function namedClusters(config: EnvoyConfig): string[] {
  const routes = config.routeConfigs.flatMap((each) => each.virtualHosts).flatMap((each) => each.routes);
  return [
    ...routes.flatMap(({ route }) => [
      ...(route?.cluster === undefined ? [] : [route.cluster]),
      ...(route?.weightedClusters?.clusters.map(({ name }) => name) ?? []),
      ...(route?.requestMirrorPolicies?.map((mirror) => mirror["cluster"] as string) ?? []),
    ]),
    ...config.listeners.flatMap(({ tcp }) => tcp).flatMap(({ clusters }) => clusters.map(({ name }) => name)),
  ];
}

function virtualHostOf(virtualHost: VirtualHost, clusterIP: string | undefined): object {
  return {
    name: virtualHost.name,
    domains: virtualHost.domains.map((domain) => (domain === clusterIP ? "CLUSTER_IP" : domain)),
    routes: virtualHost.routes.map(routeOf),
  };
}

function routeOf(route: Route): unknown {
  return {
    name: route.name ?? null,
    match: matchOf(route.match),
    clusters: chosenClusters(route),
    directResponse: directResponseOf(route.directResponse),
    redirect: route.redirect ?? null,
    ...actionOf(route.route),
    rewrite: rewriteOf(route),
    headers: headersOf(route)["headers"] ?? null,
    cors: filterOf(route, "cors"),
    fault: filterOf(route, "fault"),
    config: route.metadata?.filterMetadata.istio["config"] ?? null,
  };
}

function chosenClusters({ route }: Route): unknown {
  if (route?.cluster !== undefined) return [{ name: route.cluster, weight: null }];
  return (route?.weightedClusters?.clusters ?? []).map((each) => ({
    name: each.name,
    weight: each.weight,
    ...headersOf(each),
  }));
}

function actionOf(action: RouteAction = {}): object {
  return {
    timeout: action.timeout ?? null,
    retries: retriesOf(action.retryPolicy),
    mirror: (action.requestMirrorPolicies ?? []).map(mirrorOf),
    hashPolicy: action.hashPolicy ?? null,
  };
}

function matchOf(match: JsonObject): unknown {
  const { prefix, path, safeRegex, headers = [], queryParameters, caseSensitive } = match;
  return {
    ...(prefix !== undefined && { prefix }),
    ...(path !== undefined && { path }),
    ...(safeRegex !== undefined && { regex: (safeRegex as JsonObject)["regex"] }),
    headers: (headers as JsonObject[]).map(valueMatchOf),
    ...(queryParameters !== undefined && { queryParams: (queryParameters as JsonObject[]).map(valueMatchOf) }),
    ...(caseSensitive !== undefined && { caseSensitive }),
    port: null,
  };
}

function valueMatchOf(match: JsonObject): unknown {
  const text = (match["stringMatch"] ?? {}) as JsonObject;
  return {
    name: match["name"],
    ...(text["exact"] !== undefined && { exact: text["exact"] }),
    ...(text["prefix"] !== undefined && { prefix: text["prefix"] }),
    ...(text["safeRegex"] !== undefined && { regex: (text["safeRegex"] as JsonObject)["regex"] }),
    ...(match["presentMatch"] === true && { present: true }),
    ...(match["invertMatch"] === true && { invert: true }),
    ...(match["treatMissingHeaderAsEmpty"] === true && { missingAsEmpty: true }),
  };
}

function directResponseOf(response: JsonObject | undefined): unknown {
  if (response === undefined) return null;
  const body = response["body"] as JsonObject | undefined;
  return { status: response["status"], body: body?.["inlineString"] ?? null };
}

function retriesOf(policy: JsonObject | undefined): unknown {
  if (policy === undefined) return null;
  return {
    on: policy["retryOn"],
    num: policy["numRetries"],
    perTryTimeout: policy["perTryTimeout"] ?? null,
    statusCodes: policy["retriableStatusCodes"] ?? [],
    otherHost: policy["retryHostPredicate"] !== undefined,
    hostAttempts: policy["hostSelectionRetryMaxAttempts"] ?? null,
  };
}

function mirrorOf(mirror: JsonObject): unknown {
  const fraction = (mirror["runtimeFraction"] as JsonObject)["defaultValue"] as JsonObject;
  return { cluster: mirror["cluster"], percent: (fraction["numerator"] as number) / 10_000 };
}

function rewriteOf({ route }: Route): unknown {
  const regex = route?.regexRewrite as { pattern: { regex: string }; substitution: string } | undefined;
  const rewrite = {
    ...(route?.prefixRewrite !== undefined && { prefix: route.prefixRewrite }),
    ...(regex !== undefined && { regex: { pattern: regex.pattern.regex, substitution: regex.substitution } }),
    ...(route?.hostRewriteLiteral !== undefined && { host: route.hostRewriteLiteral }),
  };
  return Object.keys(rewrite).length === 0 ? null : rewrite;
}

function headersOf(changes: HeaderChanges): Readonly<Record<string, unknown>> {
  const values = (list: HeaderChanges["requestHeadersToAdd"]): unknown =>
    list?.map(({ header, appendAction }) => ({ name: header.key, value: header.value, action: appendAction }));
  const headers = {
    ...(changes.requestHeadersToAdd && { requestAdd: values(changes.requestHeadersToAdd) }),
    ...(changes.requestHeadersToRemove && { requestRemove: changes.requestHeadersToRemove }),
    ...(changes.responseHeadersToAdd && { responseAdd: values(changes.responseHeadersToAdd) }),
    ...(changes.responseHeadersToRemove && { responseRemove: changes.responseHeadersToRemove }),
  };
  return Object.keys(headers).length === 0 ? {} : { headers };
}

function filterOf(route: Route, filter: string): unknown {
  const config = route.typedPerFilterConfig?.[`envoy.filters.http.${filter}`] as JsonObject | undefined;
  return config === undefined ? null : withoutType(config);
}

function withoutType(config: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(config).filter(([key]) => key !== "@type"));
}

const missing = {
  exists: false,
  endpoints: [],
  endpointPorts: [],
  ...Object.fromEntries(
    [
      "type",
      "outlierDetection",
      "maxEjectionPercent",
      "consecutive5xx",
      "healthyPanicThreshold",
      "localityLb",
      "circuitBreakers",
    ]
      .concat(["lbPolicy", "lbConfig", "connectTimeout", "http", "subset", "config"])
      .map((field) => [field, null]),
  ),
};

function clusterOf(name: string, config: EnvoyConfig): unknown {
  const cluster = config.clusters.find((each) => each.name === name);
  if (cluster === undefined) return missing;
  const common = cluster.commonLbConfig ?? {};
  const assigned = config.endpoints.find((each) => each.cluster === name);
  return {
    exists: true,
    type: cluster.type,
    ...endpointsOf(assigned, common["localityWeightedLbConfig"] !== undefined),
    ...outlierOf(cluster.outlierDetection),
    healthyPanicThreshold: (common["healthyPanicThreshold"] as JsonObject | undefined)?.["value"] ?? null,
    circuitBreakers: cluster.circuitBreakers.thresholds[0],
    lbPolicy: cluster.lbPolicy,
    lbConfig: cluster.ringHashLbConfig ?? cluster.roundRobinLbConfig ?? cluster.leastRequestLbConfig ?? null,
    connectTimeout: cluster.connectTimeout,
    ...originOf(cluster),
  };
}

/** Absent fields hold with Envoy's defaults. */
function outlierOf(outlier: JsonObject | undefined): object {
  if (outlier === undefined) return { outlierDetection: null, maxEjectionPercent: null, consecutive5xx: null };
  return {
    outlierDetection: outlier,
    maxEjectionPercent: outlier["maxEjectionPercent"] ?? 10,
    consecutive5xx: outlier["consecutive5xx"] ?? 5,
  };
}

function originOf(cluster: Cluster): object {
  const options = cluster.typedExtensionProtocolOptions?.[httpOptions] as JsonObject | undefined;
  const { istio } = cluster.metadata.filterMetadata;
  return { http: withoutType(options ?? {}), subset: istio["subset"] ?? null, config: istio["config"] ?? null };
}

function endpointsOf(assigned: ClusterEndpoints | undefined, weighted: boolean): object {
  const localities = assigned?.localities ?? [];
  const all = localities.flatMap(({ endpoints }) => endpoints);
  return {
    endpoints: all.map(({ pod }) => pod).sort(),
    endpointPorts: [...new Set(all.map(({ port }) => port))].sort(),
    localityLb: {
      weighted,
      localities: localities.map(({ region, zone, priority, weight, endpoints }) => ({
        region,
        zone,
        priority,
        weight,
        pods: endpoints.map(({ pod }) => pod),
      })),
    },
  };
}
