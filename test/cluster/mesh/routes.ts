import type {
  HeaderChanges,
  HeaderValueOption,
  JsonObject,
  Route,
  RouteAction,
  WeightedCluster,
} from "./envoy-types.ts";
import { compare, namespaceOf, protoDuration, resolveHost } from "./hosts.ts";
import type {
  Client,
  Destination,
  HeaderRules,
  HttpMatch,
  HttpRule,
  Retries,
  RouteDestination,
  StringMatch,
} from "./objects.ts";
import { corsConfig, faultConfig } from "./route-filters.ts";
import { concerns, type EffectiveVirtualService } from "./virtual-services.ts";

/** What a route needs to know about the rest of the mesh. */
export interface RouteContext {
  readonly client: Client;
  readonly listenerPort: number;
  /** The Service's only port, or undefined when it has several or does not exist. */
  readonly onlyPortOf: (host: string) => number | undefined;
  readonly hashPolicies: (host: string, subset: string | undefined, port: number) => readonly JsonObject[];
}

const defaultRetryOn = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
const typeUrl = "type.googleapis.com";

/** The routes of one VirtualService in Envoy's order. After one without conditions nothing more is sent. */
export function virtualServiceRoutes(source: EffectiveVirtualService, context: RouteContext): Route[] {
  const routes: Route[] = [];
  for (const rule of source.http) {
    const matches = rule.match ?? [];
    const kept =
      matches.length === 0 ? [{}] : matches.filter((match) => concerns(match, context.client, context.listenerPort));
    for (const match of kept) {
      const route = ruleRoute(rule, match, source, context);
      routes.push(route);
      if (isCatchAll(route)) return routes;
    }
  }
  return routes;
}

/** What a Service gets that no VirtualService speaks for. */
export function defaultRoute(cluster: string, hashPolicy: readonly JsonObject[]): Route {
  return { name: "default", match: { prefix: "/" }, route: { cluster, ...commonAction({}, hashPolicy) } };
}

export function clusterName(host: string, subset: string | undefined, port: number): string {
  return `outbound|${port}|${subset ?? ""}|${host}`;
}

export function destinationCluster(destination: Destination, namespace: string, context: RouteContext): string {
  const host = resolveHost(destination.host, namespace);
  const port = destination.port?.number ?? context.onlyPortOf(host) ?? context.listenerPort;
  return clusterName(host, destination.subset, port);
}

function isCatchAll(route: Route): boolean {
  const { prefix, headers, queryParameters } = route.match;
  return prefix === "/" && headers === undefined && queryParameters === undefined;
}

function ruleRoute(rule: HttpRule, match: HttpMatch, source: EffectiveVirtualService, context: RouteContext): Route {
  const name = [rule.name, match.name].filter((part) => part !== undefined && part !== "").join(".");
  const origin = `${source.namespace}/virtual-service/${source.source.metadata.name}`;
  return {
    ...(name !== "" && { name }),
    match: routeMatch(match),
    ...target(rule, source.namespace, context),
    ...headerChanges(rule.headers),
    ...filterConfig(rule),
    metadata: { filterMetadata: { istio: { config: origin } } },
  };
}

function routeMatch(match: HttpMatch): JsonObject {
  const headers = [
    ...byName(match.headers).map(([name, value]) => headerMatch(name, value)),
    ...byName(match.withoutHeaders).map(([name, value]) => withoutHeader(name, value)),
    ...[
      ["method", match.method] as const,
      ["authority", match.authority] as const,
      ["scheme", match.scheme] as const,
    ].flatMap(([name, value]) => (value === undefined ? [] : [headerMatch(`:${name}`, value)])),
  ];
  const queryParameters = byName(match.queryParams).map(([name, value]) => ({
    name,
    ...(isPresence(value) ? { presentMatch: true } : { stringMatch: stringMatch(value) }),
  }));
  return {
    ...pathMatch(match.uri),
    ...(match.ignoreUriCase === true && { caseSensitive: false }),
    ...(headers.length > 0 && { headers }),
    ...(queryParameters.length > 0 && { queryParameters }),
  };
}

function byName(matches: Readonly<Record<string, StringMatch>> = {}): [string, StringMatch][] {
  return Object.entries(matches).sort(([left], [right]) => compare(left, right));
}

function pathMatch(uri: StringMatch | undefined): JsonObject {
  if (uri?.exact !== undefined) return { path: uri.exact };
  if (uri?.regex !== undefined) return { safeRegex: { regex: uri.regex } };
  return { prefix: uri?.prefix ?? "/" };
}

function isPresence(match: StringMatch): boolean {
  return match.exact === undefined && match.prefix === undefined && match.regex === undefined;
}

function stringMatch(match: StringMatch): JsonObject {
  if (match.exact !== undefined) return { exact: match.exact };
  if (match.prefix !== undefined) return { prefix: match.prefix };
  return { safeRegex: { regex: match.regex ?? "" } };
}

function headerMatch(name: string, match: StringMatch): JsonObject {
  return isPresence(match) ? { name, presentMatch: true } : { name, stringMatch: stringMatch(match) };
}

/** A request without the header counts as one without that value. */
function withoutHeader(name: string, match: StringMatch): JsonObject {
  const positive = headerMatch(name, match);
  return isPresence(match)
    ? { ...positive, invertMatch: true }
    : { ...positive, invertMatch: true, treatMissingHeaderAsEmpty: true };
}

function target(
  rule: HttpRule,
  namespace: string,
  context: RouteContext,
): Pick<Route, "route" | "redirect" | "directResponse"> {
  if (rule.redirect !== undefined) return { redirect: redirectAction(rule.redirect) };
  if (rule.directResponse !== undefined) {
    const { status, body } = rule.directResponse;
    return { directResponse: { status, ...(body?.string !== undefined && { body: { inlineString: body.string } }) } };
  }
  return { route: routeAction(rule, namespace, context) };
}

function redirectAction(redirect: NonNullable<HttpRule["redirect"]>): JsonObject {
  const codes: Readonly<Record<number, string>> = {
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
  };
  const code = codes[redirect.redirectCode ?? 301];
  return {
    ...(redirect.uri !== undefined && { pathRedirect: redirect.uri }),
    ...(redirect.authority !== undefined && { hostRedirect: redirect.authority }),
    ...(redirect.scheme !== undefined && { schemeRedirect: redirect.scheme }),
    ...(code !== undefined && { responseCode: code }),
  };
}

function routeAction(rule: HttpRule, namespace: string, context: RouteContext): RouteAction {
  const destinations = rule.route ?? [];
  const hashPolicy = destinations.flatMap(({ destination }) => {
    const host = resolveHost(destination.host, namespace);
    const port = destination.port?.number ?? context.onlyPortOf(host) ?? context.listenerPort;
    return context.hashPolicies(host, destination.subset, port);
  });
  const mirrors = mirrorPolicies(rule, namespace, context);
  return {
    ...clusterChoice(destinations, namespace, context),
    ...commonAction(rule, hashPolicy),
    ...(mirrors.length > 0 && { requestMirrorPolicies: mirrors }),
    ...rewriteAction(rule),
  };
}

/** One destination is a plain cluster whatever its weight; of several, those without weight are dropped. */
function clusterChoice(
  destinations: readonly RouteDestination[],
  namespace: string,
  context: RouteContext,
): RouteAction {
  const [only, ...more] = destinations;
  if (only === undefined) return {};
  if (more.length === 0) return { cluster: destinationCluster(only.destination, namespace, context) };
  const clusters = destinations
    .filter(({ weight = 0 }) => weight > 0)
    .map(({ destination, weight = 0, headers }): WeightedCluster => ({
      name: destinationCluster(destination, namespace, context),
      weight,
      ...headerChanges(headers),
    }));
  return { weightedClusters: { clusters } };
}

function commonAction(rule: Pick<HttpRule, "timeout" | "retries">, hashPolicy: readonly JsonObject[]): RouteAction {
  const retryPolicy = retries(rule.retries);
  return {
    timeout: rule.timeout === undefined ? "0s" : protoDuration(rule.timeout),
    ...(retryPolicy && { retryPolicy }),
    ...(hashPolicy.length > 0 && { hashPolicy }),
  };
}

/** Istio's default: two retries of what never reached the application, on another host. */
function retries(asked: Retries | undefined): JsonObject | undefined {
  const { attempts = 2, perTryTimeout, retryOn = "" } = asked ?? {};
  if (attempts === 0) return undefined;
  const words = retryOn.split(",").filter((word) => word !== "");
  const codes = words.filter((word) => /^\d+$/.test(word)).map(Number);
  const policies = words.filter((word) => !/^\d+$/.test(word));
  if (codes.length > 0 && !policies.includes("retriable-status-codes")) policies.push("retriable-status-codes");
  return {
    retryOn: words.length === 0 ? defaultRetryOn : policies.join(","),
    numRetries: attempts,
    ...(perTryTimeout !== undefined && { perTryTimeout: protoDuration(perTryTimeout) }),
    ...(codes.length > 0 && { retriableStatusCodes: codes }),
    retryHostPredicate: [
      {
        name: "envoy.retry_host_predicates.previous_hosts",
        typedConfig: { "@type": `${typeUrl}/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate` },
      },
    ],
    hostSelectionRetryMaxAttempts: "5",
  };
}

function mirrorPolicies(rule: HttpRule, namespace: string, context: RouteContext): JsonObject[] {
  const single = rule.mirror && [
    { destination: rule.mirror, ...(rule.mirrorPercentage && { percentage: rule.mirrorPercentage }) },
  ];
  return (single ?? rule.mirrors ?? [])
    .filter(({ percentage }) => percentage === undefined || (percentage.value ?? 0) > 0)
    .map(({ destination, percentage }) => ({
      cluster: destinationCluster(destination, namespace, context),
      runtimeFraction: {
        defaultValue: { numerator: Math.round((percentage?.value ?? 100) * 10_000), denominator: "MILLION" },
      },
      traceSampled: false,
      disableShadowHostSuffixAppend: true,
    }));
}

function rewriteAction(rule: HttpRule): RouteAction {
  const { uri, authority, uriRegexRewrite } = rule.rewrite ?? {};
  return {
    ...(uri !== undefined && { prefixRewrite: uri }),
    ...(uriRegexRewrite && {
      regexRewrite: { pattern: { regex: uriRegexRewrite.match }, substitution: uriRegexRewrite.rewrite },
    }),
    ...(authority !== undefined && { hostRewriteLiteral: authority }),
  };
}

function headerChanges(rules: HeaderRules | undefined): HeaderChanges {
  const requestAdd = headerValues(rules?.request);
  const responseAdd = headerValues(rules?.response);
  return {
    ...(requestAdd.length > 0 && { requestHeadersToAdd: requestAdd }),
    ...(rules?.request?.remove && { requestHeadersToRemove: rules.request.remove }),
    ...(responseAdd.length > 0 && { responseHeadersToAdd: responseAdd }),
    ...(rules?.response?.remove && { responseHeadersToRemove: rules.response.remove }),
  };
}

function headerValues(operations: HeaderRules["request"]): HeaderValueOption[] {
  const list = (
    values: Readonly<Record<string, string>> = {},
    appendAction: HeaderValueOption["appendAction"],
  ): HeaderValueOption[] => Object.entries(values).map(([key, value]) => ({ header: { key, value }, appendAction }));
  return [...list(operations?.set, "OVERWRITE_IF_EXISTS_OR_ADD"), ...list(operations?.add, "APPEND_IF_EXISTS_OR_ADD")];
}

function filterConfig(rule: HttpRule): Pick<Route, "typedPerFilterConfig"> {
  const filters: JsonObject = {
    ...(rule.fault && { "envoy.filters.http.fault": faultConfig(rule.fault) }),
    ...(rule.corsPolicy && { "envoy.filters.http.cors": corsConfig(rule.corsPolicy) }),
  };
  return Object.keys(filters).length === 0 ? {} : { typedPerFilterConfig: filters };
}

export function originOf(meta: { readonly name: string; readonly namespace?: string }, kind: string): string {
  return `${namespaceOf(meta)}/${kind}/${meta.name}`;
}
