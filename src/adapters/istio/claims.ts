import { storedServiceName, type Rollout } from "../../api/rollout.ts";
import type { Problem } from "../../domain/observation.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { covers, fullName, gatewayNames, isVisibleIn, resolveHost, type ServiceHost } from "./hosts.ts";
import { isRecord, textIn, textsIn, type JsonRecord } from "./json-value.ts";
import { renderObject } from "./mesh-resources.ts";

/**
 * Why a generated VirtualService would not be alone: another one already takes a host of it at one of its gateways.
 * Of two in the mesh the older wins whole (istiod 1.28, golden cases 053 to 055), of a wildcard and a host the host.
 */
export function hostClaimed(
  wanted: KubernetesObject,
  others: readonly KubernetesObject[],
  service: ServiceHost,
): Problem | undefined {
  const hosts = textsIn(wanted.spec, "hosts").map((host) => resolveHost(host, service.namespace, service.domain));
  const gateways = gatewayNames(textsIn(wanted.spec, "gateways"), service.namespace);
  for (const other of others) {
    const own = other.metadata.namespace ?? "";
    if (!isVisibleIn(textsIn(other.spec, "exportTo"), own, service.namespace)) continue;
    const shared = gatewayNames(textsIn(other.spec, "gateways"), own).find((name) => gateways.includes(name));
    if (shared === undefined) continue;
    const claim = textsIn(other.spec, "hosts").find((host) =>
      hosts.some((ours) => covers(resolveHost(host, own, service.domain), ours)),
    );
    if (claim === undefined) continue;
    const where = renderObject("VirtualService", other);
    const way =
      own === service.namespace
        ? `Write ${other.metadata.name} in spec.traffic.istio.virtualService.name to split its routes`
        : "Write another spec.traffic.istio.hosts or gateways";
    return {
      problem: "HostClaimed",
      message: `${where}, spec.hosts: already routes ${claim} for the gateway ${shared}, so a second VirtualService would not do what it says. ${way}, or take the host out of it.`,
    };
  }
  return undefined;
}

/** For whom a generated VirtualService takes its hosts, and what is known of other Services. */
export interface Reach {
  /** Whether sidecars follow it, and not gateways alone. */
  readonly isForMesh: boolean;
  /** Whether there is such a Service; undefined where the operator does not see the namespace. */
  readonly isService: (namespace: string, name: string) => boolean | undefined;
}

/**
 * A host of spec.traffic.istio.hosts that is, or may be, a name of a Service in another namespace, or a wildcard over
 * such names or, for sidecars, over any. The operator may write VirtualServices that whoever writes the Rollout may not, and
 * callers of all that would be sent to this Service.
 */
export function foreignHost(hosts: readonly string[], service: ServiceHost, reach: Reach): Problem | undefined {
  const foreign = hosts.find((host) => isForeign(host.toLowerCase().replace(/\.$/, ""), service, reach));
  if (foreign === undefined) return undefined;
  const what = foreign.startsWith("*") ? "covers hosts of others" : "names Services of other namespaces";
  return {
    problem: "HostClaimed",
    message: `spec.traffic.istio.hosts: ${foreign} ${what}, whose callers would be sent to Service ${service.namespace}/${service.name}. Write a name of this Service, or a host that a gateway serves, with spec.traffic.istio.gateways naming that gateway and not mesh.`,
  };
}

function isForeign(host: string, service: ServiceHost, reach: Reach): boolean {
  const all = `.svc.${service.domain}`;
  if (host.startsWith("*")) return reach.isForMesh || all.endsWith(host.slice(1)) || host.endsWith(all);
  return isOfAnotherNamespace(host, service, reach);
}

function isOfAnotherNamespace(host: string, { namespace: own, domain }: ServiceHost, reach: Reach): boolean {
  const [name = "", namespace = "", svc, ...rest] = host.split(".");
  const isInternal = svc === "svc" && (rest.length === 0 || rest.join(".") === domain);
  if (isInternal || host.endsWith(`.${domain}`)) return namespace !== own;
  const isShort = svc === undefined && namespace !== "" && namespace !== own;
  return isShort && (reach.isService(namespace, name) ?? reach.isForMesh);
}

/**
 * Why a user's VirtualService would not be asked by sidecars: an older one has the same host (golden cases 053 to 055;
 * of equal age to the second, the first by name). Gateways merge the two, so there it does no harm.
 */
export function shadowed(
  own: KubernetesObject,
  others: readonly KubernetesObject[],
  service: ServiceHost,
): Problem | undefined {
  if (!isForMesh(own)) return undefined;
  const hosts = hostsOf(own, service);
  const older = others
    .filter((other) => isVisibleIn(textsIn(other.spec, "exportTo"), other.metadata.namespace ?? "", service.namespace))
    .filter((other) => isForMesh(other) && isOlder(other, own))
    .find((other) => hostsOf(other, service).some((host) => hosts.includes(host)));
  if (older === undefined) return undefined;
  const shared = hostsOf(older, service).filter((host) => hosts.includes(host));
  return {
    problem: "HostClaimed",
    message: `${renderObject("VirtualService", older)}, spec.hosts: routes ${shared.join(", ")} too and is older, so sidecars follow it and not ${renderObject("VirtualService", own)}. Leave the host in one of them.`,
  };
}

function isForMesh(object: KubernetesObject): boolean {
  return gatewayNames(textsIn(object.spec, "gateways"), object.metadata.namespace ?? "").includes("mesh");
}

function hostsOf(object: KubernetesObject, service: ServiceHost): readonly string[] {
  return textsIn(object.spec, "hosts").map((host) =>
    resolveHost(host, object.metadata.namespace ?? "", service.domain),
  );
}

function isOlder(one: KubernetesObject, other: KubernetesObject): boolean {
  const [left, right] = [one.metadata.creationTimestamp ?? "", other.metadata.creationTimestamp ?? ""];
  return left === right ? one.metadata.name < other.metadata.name : left < right;
}

/**
 * Why the Rollout may not divide the Service's requests: another one of its namespace does. Whichever has a release under
 * way goes on with it; else the older one has the Service.
 */
export function serviceClaimed(
  { key, status }: Rollout,
  rollouts: readonly KubernetesObject[],
  service: ServiceHost,
): Problem | undefined {
  const near = rollouts.filter(({ metadata }) => metadata.namespace === key.namespace);
  const itself = near.find(({ metadata }) => metadata.name === key.name);
  const rival = near
    .filter((other) => other !== itself && storedServiceName(other.spec) === service.name)
    .find((other) => isDividing(other.status) || (itself !== undefined && isOlder(other, itself)));
  if (rival === undefined || isDividing(status)) return undefined;
  return {
    problem: "HostClaimed",
    message: `Service ${service.namespace}/${service.name}: Rollout ${rival.metadata.name} already divides its requests, and two releases would each take the other's pods out of them. Delete one of the two Rollouts, or write a Service of its own in spec.service.name.`,
  };
}

/** Whether a release has recorded the routes, as the status is stored. */
function isDividing(status: object | undefined): boolean {
  return status !== undefined && "release" in status && isRecord(status.release) && isRecord(status.release["traffic"]);
}

/** Why a generated object cannot be made: one of its name is there and is not the Rollout's. */
export function nameTaken(objectKind: "VirtualService" | "DestinationRule", object: KubernetesObject): Problem {
  const field = objectKind === "VirtualService" ? "virtualService" : "destinationRule";
  return {
    problem: "HostClaimed",
    message: `${renderObject(objectKind, object)}: is there and does not belong to this Rollout. Write its name in spec.traffic.istio.${field}.name to use it, or remove it.`,
  };
}

/**
 * Why the subsets would not be seen by all callers: another DestinationRule for the host. In the Service's namespace
 * the two would be merged, the oldest trafficPolicy for all; in another namespace it would hide ours from the callers
 * there.
 */
export function secondDestinationRule(
  others: readonly KubernetesObject[],
  service: ServiceHost,
  rootNamespace: string,
): Problem | undefined {
  const rival = others.find((rule) => {
    const { namespace } = rule.metadata;
    // The one in the root namespace counts only where there is no other; its policy is carried over.
    if (namespace === rootNamespace && namespace !== service.namespace) return false;
    return hostOf(rule, service) === fullName(service);
  });
  if (rival === undefined) return undefined;
  const effect =
    rival.metadata.namespace === service.namespace
      ? "and two for one host are merged, the older one's trafficPolicy for all"
      : `and callers in ${rival.metadata.namespace ?? ""} would know no subset of another`;
  return {
    problem: "HostClaimed",
    message: `${renderObject("DestinationRule", rival)}, spec.host: is ${fullName(service)} too, ${effect}. Leave one: remove it, or write it in spec.traffic.istio.destinationRule.name.`,
  };
}

/** Namespaces whose callers would get 503 for a subset, because a wildcard DestinationRule there hides ours from them. */
export function hiddenFrom(
  all: readonly KubernetesObject[],
  service: ServiceHost,
  rootNamespace: string,
): readonly string[] {
  const hiding = all.filter((rule) => {
    const { namespace } = rule.metadata;
    if (namespace === service.namespace || namespace === rootNamespace) return false;
    const host = hostOf(rule, service);
    return host.startsWith("*") && covers(host, fullName(service));
  });
  return hiding.map(
    (rule) =>
      `${renderObject("DestinationRule", rule)}, spec.host: ${textIn(rule.spec, "host") ?? ""} hides the subsets from callers in ${rule.metadata.namespace ?? ""}, who would get 503`,
  );
}

/**
 * The trafficPolicy that holds for the host now and would not beside a DestinationRule of its own: that of the most
 * specific rule in the Service's namespace, else in the root namespace (golden cases 155 to 157).
 */
export function cancelledPolicy(
  all: readonly KubernetesObject[],
  service: ServiceHost,
  rootNamespace: string,
): JsonRecord | undefined {
  for (const namespace of [service.namespace, rootNamespace]) {
    const [inForce] = all
      .filter((rule) => rule.metadata.namespace === namespace)
      .filter((rule) => isVisibleIn(textsIn(rule.spec, "exportTo"), namespace, service.namespace))
      .filter((rule) => !("workloadSelector" in (rule.spec ?? {})) && covers(hostOf(rule, service), fullName(service)))
      .sort((left, right) => specificity(right, service) - specificity(left, service));
    const policy = inForce?.spec?.["trafficPolicy"];
    if (inForce !== undefined) return isRecord(policy) ? policy : undefined;
  }
  return undefined;
}

function specificity(rule: KubernetesObject, service: ServiceHost): number {
  const host = hostOf(rule, service);
  return host.startsWith("*") ? host.length : Number.POSITIVE_INFINITY;
}

function hostOf(rule: KubernetesObject, service: ServiceHost): string {
  return resolveHost(textIn(rule.spec, "host") ?? "", rule.metadata.namespace ?? "", service.domain);
}
