import { hasLabels, mostSpecific, namespaceOf, oldestFirst, resolveHost, visibleIn } from "./hosts.ts";
import type { Client, HttpMatch, HttpRule, L4Match, StringMatch, VirtualService } from "./objects.ts";

/** A VirtualService as one client sees it: hosts in full, delegates merged in. */
export interface EffectiveVirtualService {
  readonly source: VirtualService;
  readonly namespace: string;
  readonly hosts: readonly string[];
  readonly http: readonly HttpRule[];
}

/** The VirtualServices that count for a client, oldest first. */
export function effectiveVirtualServices(all: readonly VirtualService[], client: Client): EffectiveVirtualService[] {
  return oldestFirst(all)
    .filter((each) => (each.spec.hosts ?? []).length > 0)
    .filter((each) => visibleIn(client.namespace, each.spec.exportTo, namespaceOf(each.metadata)))
    .filter((each) => boundTo(client, each.spec.gateways))
    .map((source) => {
      const namespace = namespaceOf(source.metadata);
      const hosts = [...new Set((source.spec.hosts ?? []).map((host) => resolveHost(host, namespace)))];
      return { source, namespace, hosts, http: withDelegates(source, all) };
    });
}

function boundTo(client: Client, gateways: readonly string[] | undefined): boolean {
  const names = gateways === undefined || gateways.length === 0 ? ["mesh"] : gateways;
  return client.kind === "sidecar" ? names.includes("mesh") : names.some((name) => name !== "mesh");
}

/** The one VirtualService that decides for a host: the oldest with the most specific matching host. */
export function virtualServiceFor(
  host: string,
  ordered: readonly EffectiveVirtualService[],
): EffectiveVirtualService | undefined {
  const best = mostSpecific(
    ordered.flatMap((each) => each.hosts),
    host,
  );
  return best === undefined ? undefined : ordered.find((each) => each.hosts.includes(best));
}

/** Whether a match block concerns this client and port at all; Istio decides this before Envoy sees anything. */
export function concerns(match: HttpMatch, client: Client, port: number): boolean {
  if (match.gateways !== undefined && match.gateways.length > 0 && !boundTo(client, match.gateways)) return false;
  if (match.port !== undefined && match.port !== port) return false;
  if (match.sourceNamespace !== undefined && match.sourceNamespace !== "" && match.sourceNamespace !== client.namespace)
    return false;
  return hasLabels(client.labels, match.sourceLabels ?? {});
}

export function concernsL4(match: L4Match, client: Client, port: number): boolean {
  return concerns(
    { ...(match.gateways && { gateways: match.gateways }), ...(match.port !== undefined && { port: match.port }) },
    client,
    port,
  );
}

function withDelegates(root: VirtualService, all: readonly VirtualService[]): HttpRule[] {
  return (root.spec.http ?? []).flatMap((rule) => {
    if (rule.delegate === undefined) return [rule];
    const { name, namespace = namespaceOf(root.metadata) } = rule.delegate;
    const part = all.find((each) => each.metadata.name === name && namespaceOf(each.metadata) === namespace);
    // A VirtualService with hosts is no delegate; the rule that names it disappears without a word.
    if (part === undefined || (part.spec.hosts ?? []).length > 0) return [];
    if (!visibleIn(namespaceOf(root.metadata), part.spec.exportTo, namespace)) return [];
    return (part.spec.http ?? []).flatMap((leaf) => mergeRules(rule, leaf, namespace));
  });
}

function mergeRules(root: HttpRule, leaf: HttpRule, leafNamespace: string): HttpRule[] {
  const match = mergeMatches(root.match ?? [], leaf.match ?? []);
  if (match === undefined) return [];
  const { delegate: _, ...inherited } = root;
  const name = [root.name, leaf.name].filter((part) => part !== undefined && part !== "").join("-");
  const route = leaf.route?.map((each) => ({
    ...each,
    destination: { ...each.destination, host: resolveHost(each.destination.host, leafNamespace) },
  }));
  return [{ ...inherited, ...leaf, ...(route && { route }), ...(name !== "" && { name }), match }];
}

/** Every pair that does not contradict itself; undefined when none is left. */
function mergeMatches(roots: readonly HttpMatch[], leaves: readonly HttpMatch[]): readonly HttpMatch[] | undefined {
  if (roots.length === 0) return leaves;
  if (leaves.length === 0) return roots;
  const merged = roots.flatMap((root) => leaves.flatMap((leaf) => mergeMatch(root, leaf) ?? []));
  return merged.length === 0 ? undefined : merged;
}

function mergeMatch(root: HttpMatch, leaf: HttpMatch): HttpMatch | undefined {
  const within =
    stringWithin(root.uri, leaf.uri) &&
    stringWithin(root.method, leaf.method) &&
    stringWithin(root.authority, leaf.authority) &&
    stringWithin(root.scheme, leaf.scheme) &&
    mapWithin(root.headers, leaf.headers) &&
    mapWithin(root.queryParams, leaf.queryParams) &&
    (root.port === undefined || leaf.port === undefined || root.port === leaf.port);
  if (!within) return undefined;
  return {
    ...root,
    ...leaf,
    headers: { ...root.headers, ...leaf.headers },
    withoutHeaders: { ...root.withoutHeaders, ...leaf.withoutHeaders },
    queryParams: { ...root.queryParams, ...leaf.queryParams },
    sourceLabels: { ...root.sourceLabels, ...leaf.sourceLabels },
  };
}

function mapWithin(
  root: Readonly<Record<string, StringMatch>> = {},
  leaf: Readonly<Record<string, StringMatch>> = {},
): boolean {
  return Object.entries(leaf).every(([name, match]) => stringWithin(root[name], match));
}

/** A delegate may narrow what its root matches, never widen it. */
function stringWithin(root: StringMatch | undefined, leaf: StringMatch | undefined): boolean {
  if (root === undefined || leaf === undefined) return true;
  if (root.prefix !== undefined) return (leaf.prefix ?? leaf.exact)?.startsWith(root.prefix) ?? false;
  if (root.exact !== undefined) return leaf.exact === root.exact;
  return leaf.regex === root.regex;
}
