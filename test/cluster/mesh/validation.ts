import { namespaceOf, resolveHost } from "./hosts.ts";
import type {
  DestinationRule,
  HttpMatch,
  HttpRule,
  OutlierDetection,
  RouteDestination,
  StringMatch,
  Subset,
  VirtualService,
} from "./objects.ts";

/**
 * Why istiod's validating webhook would refuse an object, in its words (or their beginning); undefined when it would
 * not. Only the refusals that were recorded: whatever else istiod refuses is accepted here.
 */
export function validationError(object: {
  readonly kind: string;
  readonly metadata: unknown;
  readonly spec: unknown;
}): string | undefined {
  if (object.kind === "VirtualService") return virtualServiceErrors(object as unknown as VirtualService).next().value;
  if (object.kind === "DestinationRule")
    return destinationRuleErrors(object as unknown as DestinationRule).next().value;
  return undefined;
}

function* virtualServiceErrors({ metadata, spec }: VirtualService): Generator<string, undefined> {
  const { hosts = [], gateways = ["mesh"], http = [], tcp = [], tls = [] } = spec;
  if (hosts.includes("*") && gateways.includes("mesh")) {
    yield "wildcard host * is not allowed for virtual services bound to the mesh gateway";
  }
  if (http.length + tcp.length + tls.length === 0) yield "http, tcp or tls must be provided in virtual service";
  for (const rule of http) yield* httpRuleErrors(rule);
  const namespace = namespaceOf(metadata);
  for (const sni of tls.flatMap((rule) => rule.match ?? []).flatMap((match) => match.sniHosts ?? [])) {
    const known = hosts.some(
      (host) => host === sni || (host.startsWith("*") && resolveHost(sni, namespace).endsWith(host.slice(1))),
    );
    if (!known)
      yield `SNI host "${sni}" is not a compatible subset of any of the virtual service hosts: [${hosts.join(" ")}]`;
  }
  return undefined;
}

function* httpRuleErrors(rule: HttpRule): Generator<string, undefined> {
  const routes = rule.route ?? [];
  if (rule.delegate !== undefined && routes.length > 0) yield "root HTTP route  must not specify route";
  if (rule.redirect !== undefined && routes.length > 0) yield "HTTP route cannot contain both route and redirect";
  if (rule.mirror !== undefined && (rule.mirrors ?? []).length > 0)
    yield "HTTP route cannot contain both mirror and mirrors";
  const acts = [rule.route?.[0], rule.redirect, rule.directResponse, rule.delegate];
  if (acts.every((each) => each === undefined)) yield "HTTP route, redirect or direct_response is required";
  yield* weightErrors(routes);
  yield* matchErrors(rule.match ?? []);
  return undefined;
}

function* matchErrors(matches: readonly HttpMatch[]): Generator<string, undefined> {
  for (const match of matches) yield* regexErrors({ ...match.headers, ...match.withoutHeaders });
  return undefined;
}

function* weightErrors(routes: readonly RouteDestination[]): Generator<string, undefined> {
  const weights = routes.map(({ weight = 0 }) => weight);
  for (const weight of weights) if (weight < 0) yield `weight ${weight} < 0`;
  if (weights.length > 1 && weights.every((weight) => weight === 0)) yield "total destination weight = 0";
  return undefined;
}

/** RE2 and JavaScript differ in detail; what neither can read is what matters here. */
function* regexErrors(matches: Readonly<Record<string, StringMatch>>): Generator<string, undefined> {
  for (const { regex } of Object.values(matches)) {
    if (regex === undefined) continue;
    try {
      new RegExp(regex.replace(/^\(\?[ims]+\)/, ""));
    } catch {
      yield '"headers": error parsing regexp: ';
    }
  }
  return undefined;
}

function* destinationRuleErrors({ spec }: DestinationRule): Generator<string, undefined> {
  if (spec.host === "") yield "empty domain name not allowed";
  const subsets = spec.subsets ?? [];
  const names = subsets.map(({ name }) => name);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (twice.length > 0) yield `duplicate subset names: ${twice.join(", ")}`;
  for (const subset of subsets) yield* subsetErrors(subset);
  for (const policy of [spec.trafficPolicy, ...subsets.map((subset) => subset.trafficPolicy)]) {
    yield* outlierErrors(policy?.outlierDetection);
    for (const port of policy?.portLevelSettings ?? []) yield* outlierErrors(port.outlierDetection);
  }
  return undefined;
}

function* subsetErrors({ name, labels = {} }: Subset): Generator<string, undefined> {
  if (!/^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/.test(name)) yield `subset name is invalid: ${name}`;
  for (const value of Object.values(labels)) {
    if (!/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/.test(value))
      yield `1 error occurred:\n\t* invalid tag value: "${value}"\n\n`;
  }
  return undefined;
}

function* outlierErrors(asked: OutlierDetection | undefined): Generator<string, undefined> {
  const { maxEjectionPercent = 0, minHealthPercent = 0, consecutiveLocalOriginFailures = 0 } = asked ?? {};
  for (const percentage of [maxEjectionPercent, minHealthPercent]) {
    if (percentage < 0 || percentage > 100) yield `percentage ${percentage} is not in range 0..100`;
  }
  if (consecutiveLocalOriginFailures > 0 && asked?.splitExternalLocalOriginErrors !== true) {
    yield "outlier detection consecutive local origin failures is specified, but split external local origin errors is set to false";
  }
  return undefined;
}
