import type { Client } from "../cluster/mesh/objects.ts";
import type { CasePod, GoldenCase, KubernetesObject } from "../unit/cluster/golden.ts";
import { brisk } from "../workload/bench.ts";

/** A recorded case, moved into namespaces of its own so that it can be played beside the others. */
export interface MovedCase {
  readonly namespace: string;
  /** The namespaces that hold its objects, less the one that is the mesh's root. */
  readonly namespaces: readonly string[];
  readonly client: Client;
  /** As the record has them, in its order. */
  readonly objects: readonly KubernetesObject[];
  /** The two versions of its pods. */
  readonly deployments: readonly object[];
  /** The subset that its routes serve first, and the one that is released. */
  readonly stable: string;
  readonly canary: string;
  rollout(subset: string): object;
  /** The text with the case's own names taken out of it. */
  readonly anonymous: (text: string) => string;
}

const rootNamespace = "istio-system";
const versions = ["v1", "v2"] as const;

export function moved(recorded: GoldenCase): MovedCase {
  const number = recorded.name.slice(0, 3);
  const namespace = `golden-${number}`;
  const places: Readonly<Record<string, string>> = {
    default: namespace,
    other: `${namespace}-other`,
    [rootNamespace]: rootNamespace,
  };
  const objects = recorded.manifests.map((object) => relocate(object, places, number));
  const { client } = recorded;
  const stable = servedFirst(objects, namespace);
  return {
    namespace,
    namespaces: [namespace, `${namespace}-other`],
    client: { ...client, namespace: places[client.namespace] ?? client.namespace },
    objects,
    deployments: versions.map((version) => deploymentOf(namespace, version, recorded.pods)),
    stable,
    canary: versions.find((version) => version !== stable) ?? "v2",
    rollout: (subset) => rolloutOf(namespace, subset, objects),
    anonymous: (text) => text.replaceAll(namespace, "NAMESPACE").replaceAll(`-${number}`, "-NUMBER"),
  };
}

/** The object with every namespace that it names exchanged. */
function relocate(
  object: KubernetesObject,
  places: Readonly<Record<string, string>>,
  number: string,
): KubernetesObject {
  const own = places[object.metadata.namespace ?? "default"] ?? "";
  // The root namespace is shared by all cases.
  const name = own === rootNamespace ? `${object.metadata.name}-${number}` : object.metadata.name;
  const spec = exchanged(object.spec, "", places) as Readonly<Record<string, unknown>>;
  return { ...object, metadata: { ...object.metadata, name, namespace: own }, spec: withoutAddress(spec) };
}

const fieldsOfNamespaces = new Set(["namespace", "sourceNamespace", "exportTo"]);

function exchanged(value: unknown, field: string, places: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((entry) => exchanged(entry, field, places));
  if (typeof value === "string") {
    if (fieldsOfNamespaces.has(field)) return places[value] ?? value;
    return value.replace(/\.(default|other)(?=\.svc\.|$)/, (_, name: string) => `.${places[name] ?? name}`);
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, exchanged(entry, key, places)]));
}

/** A Service's own address is given out by the API server, where it has one at all. */
function withoutAddress(spec: Readonly<Record<string, unknown>>): unknown {
  const { clusterIP, ...rest } = spec;
  return clusterIP === undefined || clusterIP === "None" ? spec : rest;
}

interface RouteLike {
  readonly http?: readonly {
    readonly match?: unknown;
    readonly route?: readonly {
      readonly destination?: { readonly host?: string; readonly subset?: string };
      readonly weight?: number;
    }[];
  }[];
}

/** The VirtualService or DestinationRule that a user would name: that of the Service's own name, else the first. */
function named(objects: readonly KubernetesObject[], kind: string, namespace: string): KubernetesObject | undefined {
  const own = objects.filter((object) => object.kind === kind && object.metadata.namespace === namespace);
  return own.find(({ metadata }) => metadata.name === "web") ?? own[0];
}

function servedFirst(objects: readonly KubernetesObject[], namespace: string): string {
  const { http = [] } = (named(objects, "VirtualService", namespace)?.spec ?? {}) as RouteLike;
  // Routes with a match are for some callers only.
  const inOrder = [...http.filter(({ match }) => match === undefined), ...http.filter(({ match }) => match)];
  const subsets = inOrder.flatMap(({ route = [] }) =>
    route.filter(({ weight }) => weight !== 0).map(({ destination }) => destination?.subset),
  );
  return subsets.find((subset) => versions.some((version) => version === subset)) ?? "v1";
}

function rolloutOf(namespace: string, subset: string, objects: readonly KubernetesObject[]): object {
  const nameOf = (kind: string) => named(objects, kind, namespace)?.metadata.name ?? "web";
  const istio = {
    virtualService: { name: nameOf("VirtualService") },
    destinationRule: { name: nameOf("DestinationRule") },
  };
  return {
    apiVersion: "serin.dev/v1alpha1",
    kind: "Rollout",
    metadata: { name: "web", namespace },
    spec: { subset, service: { name: "web" }, traffic: { istio }, ...brisk },
  };
}

/** As many pods as were recorded, less those that were on their way out. */
function deploymentOf(namespace: string, version: string, pods: readonly CasePod[]): object {
  const own = pods.filter(({ labels, terminating }) => labels["version"] === version && terminating !== true);
  const isNeverReady = own.length > 0 && own.every(({ ready }) => !ready);
  const labels = { app: "web", version };
  const env = isNeverReady ? [{ name: "NEVER_READY", value: "true" }] : [];
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `web-${version}`, namespace },
    spec: {
      replicas: own.length,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: "app", image: `web:${version}`, ports: [{ name: "http", containerPort: 8080 }], env }],
        },
      },
    },
  };
}
