import { hashPolicies, passthroughCluster, serviceCluster } from "./clusters.ts";
import { destinationRuleFor, policyFor, type EffectiveDestinationRule } from "./destination-rules.ts";
import { clusterEndpoints, serviceEndpoints } from "./endpoints.ts";
import type {
  ClusterEndpoints,
  EnvoyConfig,
  ListenerIntent,
  RouteConfiguration,
  TcpChain,
  VirtualHost,
} from "./envoy-types.ts";
import { hostMatches, isHeadless, namespaceOf, protocolOf, serviceDomains, serviceHost } from "./hosts.ts";
import type { Client, L4Rule, MeshObjects, ObjectMeta, Service, ServicePort } from "./objects.ts";
import { clusterName, defaultRoute, destinationCluster, virtualServiceRoutes, type RouteContext } from "./routes.ts";
import {
  concernsL4,
  effectiveVirtualServices,
  virtualServiceFor,
  type EffectiveVirtualService,
} from "./virtual-services.ts";

interface Registered {
  readonly service: Service;
  readonly host: string;
  readonly rule: EffectiveDestinationRule | undefined;
}

interface View {
  readonly client: Client;
  readonly services: readonly Registered[];
  readonly virtualServices: readonly EffectiveVirtualService[];
}

/** What one client proxy is given for these objects, by the rules recorded from istiod 1.28. Pure. */
export function renderEnvoyConfig(all: MeshObjects, client: Client): EnvoyConfig {
  const objects = client.egress === undefined ? all : importedFrom(all, client.egress);
  const services = objects.services
    .map((service) => ({
      service,
      host: serviceHost(service),
      rule: destinationRuleFor(service, objects.destinationRules, client),
    }))
    .sort((left, right) => (left.host < right.host ? -1 : 1));
  const view: View = { client, services, virtualServices: effectiveVirtualServices(objects.virtualServices, client) };
  if (client.kind === "sidecar") return { ...sidecarListeners(view), ...clustersOf(view, objects) };
  return onlyNamed({ ...gatewayListener(view), ...clustersOf(view, objects) });
}

/** What a Sidecar whose egress hosts are all of some namespaces leaves of the mesh. */
function importedFrom(objects: MeshObjects, namespaces: readonly string[]): MeshObjects {
  const isImported = ({ metadata }: { readonly metadata: ObjectMeta }) => namespaces.includes(namespaceOf(metadata));
  return {
    ...objects,
    services: objects.services.filter(isImported),
    virtualServices: objects.virtualServices.filter(isImported),
  };
}

/** A gateway is given only the clusters that its routes name (Istio's PILOT_FILTER_GATEWAY_CLUSTER_CONFIG). */
function onlyNamed(config: EnvoyConfig): EnvoyConfig {
  const routes = config.routeConfigs.flatMap((each) => each.virtualHosts).flatMap((each) => each.routes);
  const named = new Set(
    routes.flatMap(({ route }) => [
      route?.cluster,
      ...(route?.weightedClusters?.clusters ?? []).map(({ name }) => name),
      ...(route?.requestMirrorPolicies ?? []).map((mirror) => mirror["cluster"]),
    ]),
  );
  return {
    ...config,
    clusters: config.clusters.filter(({ name }) => named.has(name)),
    endpoints: config.endpoints.filter(({ cluster }) => named.has(cluster)),
  };
}

function portsOf(service: Service): readonly ServicePort[] {
  return service.spec.ports ?? [];
}

function clustersOf(view: View, objects: MeshObjects): Pick<EnvoyConfig, "clusters" | "endpoints"> {
  const clusters = [passthroughCluster];
  const endpoints: ClusterEndpoints[] = [];
  const all = view.services.flatMap((registered) =>
    portsOf(registered.service).map((port) => ({ ...registered, port })),
  );
  for (const { service, host, rule, port } of all) {
    const candidates = isHeadless(service) ? [] : serviceEndpoints(service, port, objects);
    for (const subset of [undefined, ...(rule?.subsets ?? [])]) {
      const name = clusterName(host, subset?.name, port.port);
      const cluster = serviceCluster(service, port, rule, subset);
      clusters.push(cluster);
      if (cluster.type !== "EDS") continue;
      endpoints.push(clusterEndpoints(name, candidates, subset, policyFor(rule, subset, port.port), view.client));
    }
  }
  return { clusters, endpoints };
}

function routeContext(view: View, listenerPort: number): RouteContext {
  const registered = (host: string): Registered | undefined => view.services.find((each) => each.host === host);
  return {
    client: view.client,
    listenerPort,
    onlyPortOf: (host) => {
      const ports = portsOf(registered(host)?.service ?? { metadata: { name: "" }, spec: {} });
      return ports.length === 1 ? ports[0]?.port : undefined;
    },
    hashPolicies: (host, subset, port) => {
      const rule = registered(host)?.rule;
      const named = rule?.subsets.find((each) => each.name === subset);
      return hashPolicies(policyFor(rule, named, port).loadBalancer);
    },
  };
}

function sidecarListeners(view: View): Pick<EnvoyConfig, "listeners" | "routeConfigs"> {
  const listeners: ListenerIntent[] = [];
  const shared = new Map<number, VirtualHost[]>();
  const routeConfigs: RouteConfiguration[] = [];
  const all = view.services.flatMap(({ service, host }) => portsOf(service).map((port) => ({ service, host, port })));
  for (const { service, host, port } of all) {
    const protocol = protocolOf(port);
    const virtualHosts = protocol === "tcp" || protocol === "tls" ? [] : serviceVirtualHosts(view, service, port);
    if (protocol === "http" || protocol === "http2") {
      shared.set(port.port, [...(shared.get(port.port) ?? []), ...virtualHosts]);
      continue;
    }
    const name = `${service.spec.clusterIP ?? "0.0.0.0"}_${port.port}`;
    const tcp = tcpChains(view, service, port);
    const own = virtualHosts.at(-1);
    if (own === undefined) {
      listeners.push({ name, port: port.port, tcp });
      continue;
    }
    // Without a protocol the proxy looks at the first bytes: a listener of the Service's own, with both.
    const routeConfig = `${host}:${port.port}`;
    routeConfigs.push({ name: routeConfig, virtualHosts: [{ ...own, domains: ["*"], localDomains: own.domains }] });
    listeners.push({ name, port: port.port, routeConfig, tcp });
  }
  for (const [port, virtualHosts] of shared) {
    routeConfigs.push({ name: `${port}`, virtualHosts: distinct(virtualHosts) });
    listeners.push({ name: `0.0.0.0_${port}`, port, routeConfig: `${port}`, tcp: [] });
  }
  return { listeners, routeConfigs };
}

/** Envoy refuses a domain that occurs twice: the first virtual host keeps it. */
function distinct(virtualHosts: readonly VirtualHost[]): VirtualHost[] {
  const taken = new Set<string>();
  return virtualHosts.flatMap((each) => {
    const domains = each.domains.filter((domain) => !taken.has(domain));
    for (const domain of domains) taken.add(domain);
    return domains.length === 0 ? [] : [{ ...each, domains }];
  });
}

/** The Service's own virtual host, and one for every further host of its VirtualService that is no Service. */
function serviceVirtualHosts(view: View, service: Service, port: ServicePort): VirtualHost[] {
  const host = serviceHost(service);
  const context = routeContext(view, port.port);
  const source = virtualServiceFor(host, view.virtualServices);
  const routes =
    source === undefined || source.http.length === 0
      ? [defaultRoute(clusterName(host, undefined, port.port), context.hashPolicies(host, undefined, port.port))]
      : virtualServiceRoutes(source, context);
  const own: VirtualHost = {
    name: `${host}:${port.port}`,
    domains: serviceDomains(service, view.client.namespace),
    routes,
  };
  const aliases = (source?.hosts ?? []).filter((alias) => !view.services.some((each) => hostMatches(alias, each.host)));
  return [...aliases.map((alias) => ({ name: `${alias}:${port.port}`, domains: [alias], routes })), own];
}

function tcpChains(view: View, service: Service, port: ServicePort): TcpChain[] {
  const host = serviceHost(service);
  const source = virtualServiceFor(host, view.virtualServices);
  const plain = { serverNames: [], clusters: [{ name: clusterName(host, undefined, port.port), weight: null }] };
  if (source === undefined) return [plain];
  const { tls = [], tcp = [] } = source.source.spec;
  const bySni = tls.flatMap((rule) => l4Chains(rule, source, view, port));
  // A name that no route knows is passed on, not refused.
  if (bySni.length > 0)
    return [...bySni, { serverNames: [], clusters: [{ name: passthroughCluster.name, weight: null }] }];
  const chains = tcp.flatMap((rule) => l4Chains(rule, source, view, port));
  return chains.length > 0 ? chains.slice(0, 1) : [plain];
}

function l4Chains(rule: L4Rule, source: EffectiveVirtualService, view: View, port: ServicePort): TcpChain[] {
  const matches = rule.match ?? [{}];
  const kept = matches.filter((match) => concernsL4(match, view.client, port.port));
  const context = routeContext(view, port.port);
  const destinations = rule.route ?? [];
  const several = destinations.length > 1;
  const clusters = destinations
    .filter(({ weight = 0 }) => !several || weight > 0)
    .map(({ destination, weight = 0 }) => ({
      name: destinationCluster(destination, source.namespace, context),
      weight: several ? weight : null,
    }));
  return kept.map((match) => ({ serverNames: match.sniHosts ?? [], clusters }));
}

/** A gateway serves the hosts of the VirtualServices bound to it; several for one host are joined, oldest first. */
function gatewayListener(view: View): Pick<EnvoyConfig, "listeners" | "routeConfigs"> {
  const port = view.client.gatewayPort ?? 8080;
  const context = routeContext(view, port);
  const routes = new Map<string, VirtualHost["routes"]>();
  for (const source of view.virtualServices) {
    for (const host of source.hosts) {
      routes.set(host, [...(routes.get(host) ?? []), ...virtualServiceRoutes(source, context)]);
    }
  }
  const virtualHosts = [...routes].map(([host, own]) => ({ name: `${host}:${port}`, domains: [host], routes: own }));
  const routeConfig = `http.${port}`;
  return {
    listeners: [{ name: `0.0.0.0_${port}`, port, routeConfig, tcp: [] }],
    routeConfigs: [{ name: routeConfig, virtualHosts }],
  };
}
