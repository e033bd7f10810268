import { distributes } from "./clusters.ts";
import type { ClusterEndpoints, EnvoyEndpoint, LocalityEndpoints } from "./envoy-types.ts";
import { compare, hasLabels, namespaceOf } from "./hosts.ts";
import type { Client, Endpoint, MeshObjects, PodLike, PolicyBlocks, Service, ServicePort, Subset } from "./objects.ts";

interface Locality {
  readonly region: string;
  readonly zone: string;
}

interface Candidate extends EnvoyEndpoint {
  readonly locality: Locality;
  readonly labels: Readonly<Record<string, string>>;
}

/** Ready pods of one Service port, with the labels that subsets select by. */
export function serviceEndpoints(service: Service, port: ServicePort, objects: MeshObjects): Candidate[] {
  const namespace = namespaceOf(service.metadata);
  const found = objects.endpointSlices
    .filter((slice) => slice.metadata.labels?.["kubernetes.io/service-name"] === service.metadata.name)
    .filter((slice) => namespaceOf(slice.metadata) === namespace)
    .flatMap((slice) => {
      const target = (slice.ports ?? []).find((each) => (each.name ?? "") === (port.name ?? ""))?.port;
      if (target === undefined) return [];
      return (slice.endpoints ?? [])
        .filter(isReady)
        .flatMap((endpoint) => candidate(endpoint, target, namespace, objects));
    });
  return found.sort((left, right) => compare(left.pod, right.pod));
}

/** Unready and terminating pods are not sent at all, unless the Service publishes them (then `ready` is true). */
function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions?.ready !== false && endpoint.conditions?.terminating !== true;
}

function candidate(endpoint: Endpoint, port: number, namespace: string, objects: MeshObjects): Candidate[] {
  const [address] = endpoint.addresses;
  const name = endpoint.targetRef?.name;
  if (address === undefined) return [];
  const pod = objects.pods.find((each) => each.metadata.name === name && namespaceOf(each.metadata) === namespace);
  const labels = pod?.metadata.labels ?? {};
  return [{ pod: name ?? address, address, port, labels, locality: localityOf(endpoint, pod, objects) }];
}

function localityOf(endpoint: Endpoint, pod: PodLike | undefined, objects: MeshObjects): Locality {
  const [region, zone] = (pod?.metadata.labels?.["istio-locality"] ?? "").split(".");
  if (region !== undefined && region !== "") return { region, zone: zone ?? "" };
  const labels = objects.nodes.find((node) => node.metadata.name === (endpoint.nodeName ?? pod?.spec?.nodeName))
    ?.metadata.labels;
  return {
    region: labels?.["topology.kubernetes.io/region"] ?? "",
    zone: labels?.["topology.kubernetes.io/zone"] ?? "",
  };
}

/** The endpoints of one cluster, by zone; zones get priorities only where outlier detection allows failing over. */
export function clusterEndpoints(
  cluster: string,
  candidates: readonly Candidate[],
  subset: Subset | undefined,
  policy: PolicyBlocks,
  client: Client,
): ClusterEndpoints {
  const selected = candidates.filter((each) => hasLabels(each.labels, subset?.labels ?? {}));
  const zones = [...Map.groupBy(selected, ({ locality }) => `${locality.region}/${locality.zone}`)].sort(
    ([left], [right]) => compare(left, right),
  );
  const localities = zones.map(([, members]): LocalityEndpoints => {
    const { region, zone } = members[0]?.locality ?? { region: "", zone: "" };
    const endpoints = members.map(({ pod, address, port }) => ({ pod, address, port }));
    return { region, zone, priority: 0, weight: members.length, endpoints };
  });
  return { cluster, localities: arranged(localities, policy, client) };
}

function arranged(
  localities: readonly LocalityEndpoints[],
  policy: PolicyBlocks,
  client: Client,
): readonly LocalityEndpoints[] {
  const setting = policy.loadBalancer?.localityLbSetting;
  if (client.locality === undefined || setting?.enabled === false) return localities;
  if (distributes(policy.loadBalancer)) return weighted(localities, policy, client.locality);
  return policy.outlierDetection === undefined ? localities : byPriority(localities, client.locality);
}

/** Same zone first, then same region, then the rest; numbered without gaps. */
function byPriority(localities: readonly LocalityEndpoints[], own: Locality): LocalityEndpoints[] {
  const distance = (each: Locality): number => {
    if (each.region !== own.region) return 2;
    return each.zone === own.zone ? 0 : 1;
  };
  const present = [...new Set(localities.map(distance))].sort();
  return localities.map((each) => ({ ...each, priority: present.indexOf(distance(each)) }));
}

function weighted(
  localities: readonly LocalityEndpoints[],
  policy: PolicyBlocks,
  own: Locality,
): readonly LocalityEndpoints[] {
  const covers = (pattern: string, each: Locality): boolean => {
    const [region, zone = "*"] = pattern.split("/");
    return (region === "*" || region === each.region) && (zone === "*" || zone === each.zone);
  };
  const entry = policy.loadBalancer?.localityLbSetting?.distribute?.find(({ from }) => covers(from, own));
  if (entry === undefined) return localities;
  return localities.flatMap((each) => {
    const weight = Object.entries(entry.to).find(([to]) => covers(to, each))?.[1] ?? 0;
    return weight > 0 ? [{ ...each, weight }] : [];
  });
}
