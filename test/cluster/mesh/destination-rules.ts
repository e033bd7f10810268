import {
  hasLabels,
  mostSpecific,
  namespaceOf,
  oldestFirst,
  resolveHost,
  rootNamespace,
  serviceHost,
  visibleIn,
} from "./hosts.ts";
import type { Client, DestinationRule, PolicyBlocks, Service, Subset, TrafficPolicy } from "./objects.ts";

/** All DestinationRules for one Service and client, as one. */
export interface EffectiveDestinationRule {
  /** The oldest one: Istio names it as the origin of everything. */
  readonly origin: DestinationRule;
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
}

/**
 * Looks in three places, and uses the first that has any: the client's namespace, the Service's, the root namespace.
 * Within one place the most specific host is used alone; rules for the same host are joined.
 */
export function destinationRuleFor(
  service: Service,
  all: readonly DestinationRule[],
  client: Client,
): EffectiveDestinationRule | undefined {
  const host = serviceHost(service);
  const places = [...new Set([client.namespace, namespaceOf(service.metadata), rootNamespace])];
  for (const place of places) {
    const here = all.filter(
      (rule) => namespaceOf(rule.metadata) === place && visibleIn(client.namespace, rule.spec.exportTo, place),
    );
    const found = joined(mostSpecificRules(here, host), client);
    if (found !== undefined) return found;
  }
  return undefined;
}

function ruleHost(rule: DestinationRule): string {
  return resolveHost(rule.spec.host, namespaceOf(rule.metadata));
}

function mostSpecificRules(rules: readonly DestinationRule[], host: string): DestinationRule[] {
  const best = mostSpecific(rules.map(ruleHost), host);
  return best === undefined ? [] : rules.filter((rule) => ruleHost(rule) === best);
}

function joined(rules: readonly DestinationRule[], client: Client): EffectiveDestinationRule | undefined {
  const selected = rules.filter((rule) => {
    const labels = rule.spec.workloadSelector?.matchLabels;
    return labels !== undefined && namespaceOf(rule.metadata) === client.namespace && hasLabels(client.labels, labels);
  });
  const general = rules.filter((rule) => rule.spec.workloadSelector === undefined);
  const ordered = oldestFirst(selected.length > 0 ? selected : general);
  const [origin] = ordered;
  if (origin === undefined) return undefined;
  const subsets = new Map<string, Subset>();
  for (const subset of ordered.flatMap((rule) => rule.spec.subsets ?? [])) {
    if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
  }
  const trafficPolicy = ordered.find((rule) => rule.spec.trafficPolicy !== undefined)?.spec.trafficPolicy;
  return { origin, trafficPolicy, subsets: [...subsets.values()] };
}

/** The policy of one port: a port-level entry stands alone, nothing is inherited by it. */
function ofPort(policy: TrafficPolicy | undefined, port: number): PolicyBlocks {
  return policy?.portLevelSettings?.find((each) => each.port?.number === port) ?? policy ?? {};
}

/** A subset's policy replaces the top level block by block; whole blocks, never fields within. */
export function policyFor(
  rule: EffectiveDestinationRule | undefined,
  subset: Subset | undefined,
  port: number,
): PolicyBlocks {
  const top = ofPort(rule?.trafficPolicy, port);
  const own = subset?.trafficPolicy;
  if (own === undefined) return top;
  const ownPort = own.portLevelSettings?.find((each) => each.port?.number === port);
  if (ownPort !== undefined) return ownPort;
  const blocks = {
    outlierDetection: own.outlierDetection ?? top.outlierDetection,
    connectionPool: own.connectionPool ?? top.connectionPool,
    loadBalancer: own.loadBalancer ?? top.loadBalancer,
  };
  return Object.fromEntries(Object.entries(blocks).filter(([, block]) => block !== undefined));
}
