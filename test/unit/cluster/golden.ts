import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import type {
  Client,
  DestinationRule,
  EndpointSlice,
  MeshObjects,
  NodeLike,
  PodLike,
  Service,
  VirtualService,
} from "../../cluster/mesh/objects.ts";

/** Reads the recorded cases of `test/golden/istiod-1.28` and turns each into what the mesh is given. */

const folder = fileURLToPath(new URL("../../golden/istiod-1.28/", import.meta.url));

export interface CasePod {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ready: boolean;
  readonly terminating?: boolean;
  readonly zone?: string;
}

interface CaseHead {
  readonly client: {
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly zone: string;
  };
  readonly pods: readonly CasePod[];
  readonly secondsBetweenObjects?: number;
}

export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: unknown;
}

export interface Refusal {
  readonly by: string;
  readonly object: string;
  readonly message: string;
}

export interface Expected {
  readonly refused: Refusal | null;
  readonly virtualHosts: unknown;
  readonly tcp: unknown;
  readonly clusters: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface GoldenCase {
  readonly name: string;
  readonly client: Client;
  readonly pods: readonly CasePod[];
  readonly manifests: readonly KubernetesObject[];
  readonly objects: MeshObjects;
  readonly expected: Expected;
}

export function goldenCases(): GoldenCase[] {
  return readdirSync(folder)
    .filter((name) => /^\d{3}-/.test(name))
    .sort()
    .map(readCase);
}

function readCase(name: string): GoldenCase {
  const documents = parseAllDocuments(readFileSync(`${folder}${name}/input.yaml`, "utf8")).map(
    (each) => each.toJS() as unknown,
  );
  const head = documents[0] as CaseHead;
  const manifests = documents.slice(1) as KubernetesObject[];
  const expected = JSON.parse(readFileSync(`${folder}${name}/expected.json`, "utf8")) as Expected;
  const { namespace, labels, zone } = head.client;
  const client: Client = { kind: "sidecar", namespace, labels, locality: { region: "sim", zone } };
  return { name, client, pods: head.pods, manifests, objects: objectsOf(head, manifests), expected };
}

function objectsOf(head: CaseHead, manifests: readonly KubernetesObject[]): MeshObjects {
  const aged = manifests.map((each, index) => ({
    ...each,
    metadata: {
      ...each.metadata,
      creationTimestamp: new Date(index * (head.secondsBetweenObjects ?? 0) * 1000).toISOString(),
    },
  }));
  const ofKind = <T>(kind: string): T[] => aged.filter((each) => each.kind === kind) as T[];
  const services = ofKind<Service>("Service");
  return {
    services,
    endpointSlices: services.map((service) => sliceOf(service, head.pods)),
    pods: head.pods.map((pod): PodLike => ({
      metadata: { name: pod.name, namespace: "default", labels: pod.labels },
      spec: { nodeName: nodeOf(pod) },
    })),
    nodes: ["sim-a", "sim-b"].map((zone): NodeLike => ({
      metadata: { name: zone, labels: { "topology.kubernetes.io/region": "sim", "topology.kubernetes.io/zone": zone } },
    })),
    virtualServices: ofKind<VirtualService>("VirtualService"),
    destinationRules: ofKind<DestinationRule>("DestinationRule"),
  };
}

function nodeOf(pod: CasePod): string {
  return pod.zone === "b" ? "sim-b" : "sim-a";
}

/** What the EndpointSlice controller writes for these pods. */
function sliceOf(service: Service, pods: readonly CasePod[]): EndpointSlice {
  const selected = pods.filter((pod) =>
    Object.entries(service.spec.selector ?? {}).every(([key, value]) => pod.labels[key] === value),
  );
  return {
    metadata: {
      name: `${service.metadata.name}-1`,
      namespace: service.metadata.namespace ?? "default",
      labels: { "kubernetes.io/service-name": service.metadata.name },
    },
    endpoints: selected.map((pod, index) => {
      const terminating = pod.terminating === true;
      const ready = service.spec.publishNotReadyAddresses === true || (pod.ready && !terminating);
      return {
        addresses: [`10.1.0.${index + 1}`],
        conditions: { ready, serving: pod.ready, terminating },
        targetRef: { kind: "Pod", name: pod.name, namespace: "default" },
        nodeName: nodeOf(pod),
      };
    }),
    ports: (service.spec.ports ?? []).map(({ name, targetPort }) => ({
      ...(name !== undefined && { name }),
      port: Number(targetPort),
    })),
  };
}
