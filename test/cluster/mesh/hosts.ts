import type { ObjectMeta, Service, ServicePort } from "./objects.ts";

export const clusterDomain = "svc.cluster.local";
export const rootNamespace = "istio-system";

export function namespaceOf(meta: ObjectMeta): string {
  return meta.namespace ?? "default";
}

export function serviceHost(service: Service): string {
  return `${service.metadata.name}.${namespaceOf(service.metadata)}.${clusterDomain}`;
}

/** A host without a dot belongs to the namespace of the object that names it; any other is taken as it is. */
export function resolveHost(host: string, namespace: string): string {
  return host.includes(".") || host.startsWith("*") ? host : `${host}.${namespace}.${clusterDomain}`;
}

export function hostMatches(pattern: string, host: string): boolean {
  return pattern.startsWith("*") ? host.endsWith(pattern.slice(1)) : pattern === host;
}

/** The most specific pattern that matches: an exact host, else the longest wildcard. */
export function mostSpecific(patterns: readonly string[], host: string): string | undefined {
  if (patterns.includes(host)) return host;
  const matching = patterns.filter((pattern) => hostMatches(pattern, host));
  return matching.sort((left, right) => right.length - left.length)[0];
}

export function visibleIn(
  clientNamespace: string,
  exportTo: readonly string[] | undefined,
  ownNamespace: string,
): boolean {
  if (exportTo === undefined || exportTo.length === 0) return true;
  return exportTo.some((to) => to === "*" || (to === "." ? ownNamespace === clientNamespace : to === clientNamespace));
}

export function hasLabels(
  labels: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels?.[name] === value);
}

/** Oldest first; within one second (the API server's resolution) by name, then by namespace. */
export function oldestFirst<T extends { readonly metadata: ObjectMeta }>(objects: readonly T[]): T[] {
  const seconds = (object: T): number =>
    Math.floor(Date.parse(object.metadata.creationTimestamp ?? "1970-01-01T00:00:00Z") / 1000);
  return [...objects].sort(
    (left, right) =>
      seconds(left) - seconds(right) ||
      compare(left.metadata.name, right.metadata.name) ||
      compare(namespaceOf(left.metadata), namespaceOf(right.metadata)),
  );
}

export function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}

export type Protocol = "http" | "http2" | "tcp" | "tls" | "auto";

/** Istio's protocol selection: appProtocol, else the part of the port's name before the first dash. */
export function protocolOf(port: ServicePort): Protocol {
  const word = (port.appProtocol ?? port.name ?? "").toLowerCase().replace("kubernetes.io/", "");
  const known: Readonly<Record<string, Protocol>> = {
    http: "http",
    ws: "http",
    http2: "http2",
    h2c: "http2",
    grpc: "http2",
    "grpc-web": "http2",
    tcp: "tcp",
    mongo: "tcp",
    mysql: "tcp",
    redis: "tcp",
    tls: "tls",
    https: "tls",
  };
  return known[word] ?? known[word.split("-")[0] ?? ""] ?? "auto";
}

/** The names by which a client in that namespace may call the Service, as Istio lists them. */
export function serviceDomains(service: Service, clientNamespace: string): string[] {
  const { name } = service.metadata;
  const namespace = namespaceOf(service.metadata);
  const host = serviceHost(service);
  const short = namespace === clientNamespace ? [name] : [];
  const names = [host, `${host}.`, ...short, `${name}.${namespace}.svc`, `${name}.${namespace}`];
  if (isHeadless(service)) return [...names, ...names.map((each) => `*.${each}`)];
  return service.spec.clusterIP === undefined || service.spec.clusterIP === ""
    ? names
    : [...names, service.spec.clusterIP];
}

export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === "None";
}

/** Go's duration strings (`1m30s`, `0.5ms`) as protobuf's JSON duration (`90s`, `0.0005s`). */
export function protoDuration(text: string): string {
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, ns: 1e-9 };
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9.]+)(h|ms|m|s|us|ns)/g))
    total += Number(amount) * (units[unit ?? ""] ?? 0);
  return `${Number(total.toFixed(9))}s`;
}
