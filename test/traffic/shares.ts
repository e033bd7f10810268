import type { EnvoyConfig, Route } from "../cluster/mesh/envoy-types.ts";

/** Where one route of a proxy sends its requests: percent by cluster. */
interface RouteShares {
  readonly where: string;
  readonly shares: ReadonlyMap<string, number>;
}

/** Shares of every route that a proxy has, weights of TCP chains included. */
export function sharesIn(config: EnvoyConfig): readonly RouteShares[] {
  const http = config.routeConfigs.flatMap(({ name, virtualHosts }) =>
    virtualHosts.flatMap((host) =>
      host.routes.map((route, index) => ({ where: `${name} ${host.name} ${index}`, shares: sharesOf(route) })),
    ),
  );
  const tcp = config.listeners.flatMap((listener) =>
    listener.tcp.map(({ clusters }, index) => ({ where: `${listener.name} ${index}`, shares: parts(clusters) })),
  );
  return [...http, ...tcp];
}

/** Clusters with somebody to answer. */
export function clustersWithEndpoints(config: EnvoyConfig): ReadonlySet<string> {
  const known = new Set(config.clusters.map(({ name }) => name));
  const served = config.endpoints.filter(({ localities }) => localities.some(({ endpoints }) => endpoints.length > 0));
  return new Set(served.map(({ cluster }) => cluster).filter((name) => known.has(name)));
}

/** The configuration without what goes to the clusters of a release: nothing of the rest may change in one. */
export function withoutShares(config: EnvoyConfig, isOurs: (cluster: string) => boolean): unknown {
  const foreign = ({ shares }: Pick<RouteShares, "shares">) => [...shares].filter(([cluster]) => !isOurs(cluster));
  return {
    ...config,
    shares: sharesIn(config).map((each) => [each.where, foreign(each)]),
    routeConfigs: config.routeConfigs.map(({ name, virtualHosts }) => ({
      name,
      virtualHosts: virtualHosts.map((host) => ({ ...host, routes: host.routes.map(withoutClusters) })),
    })),
  };
}

function withoutClusters(route: Route): unknown {
  const { cluster: _cluster, weightedClusters: _weighted, ...action } = route.route ?? {};
  return { ...route, route: action };
}

function sharesOf({ route }: Route): ReadonlyMap<string, number> {
  if (route?.cluster !== undefined) return new Map([[route.cluster, 100]]);
  return parts(route?.weightedClusters?.clusters ?? []);
}

function parts(clusters: readonly { readonly name: string; readonly weight: number | null }[]): Map<string, number> {
  const weightOf = (weight: number | null) => weight ?? (clusters.length === 1 ? 100 : 0);
  const sum = clusters.reduce((total, { weight }) => total + weightOf(weight), 0);
  const shares = new Map<string, number>();
  for (const { name, weight } of clusters)
    shares.set(name, (shares.get(name) ?? 0) + (sum === 0 ? 0 : (100 * weightOf(weight)) / sum));
  return shares;
}
