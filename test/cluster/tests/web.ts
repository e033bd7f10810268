import { kind, type KubernetesClient, type KubernetesObject } from "../kubernetes.ts";
import type { DestinationRule, EndpointSlice, HttpRule, VirtualService } from "../mesh/objects.ts";

/** A small application in two versions. */

export interface PodView extends KubernetesObject {
  readonly status?: {
    readonly podIP?: string;
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly restartCount: number;
      readonly state?: { readonly waiting?: { readonly reason?: string } };
      readonly lastState?: { readonly terminated?: { readonly reason?: string } };
    }[];
  };
}

export const Pods = kind<PodView>("v1", "Pod");
export const Deployments = kind<KubernetesObject & { readonly status?: { readonly readyReplicas?: number } }>(
  "apps/v1",
  "Deployment",
);
export const VirtualServices = kind<VirtualService & KubernetesObject>("networking.istio.io/v1", "VirtualService");
export const DestinationRules = kind<DestinationRule & KubernetesObject>("networking.istio.io/v1", "DestinationRule");

export interface WebOptions {
  readonly replicas?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly image?: string;
}

export function deployment(
  app: string,
  version: string,
  { replicas = 2, env = {}, image = `${app}:${version}` }: WebOptions = {},
): KubernetesObject {
  const labels = { app, version };
  const variables = Object.entries({ VERSION: version, ...env }).map(([name, value]) => ({ name, value }));
  const container = { name: "web", image, ports: [{ containerPort: 8080 }], env: variables };
  const spec = {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [container] } },
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: `${app}-${version}`, namespace: "default" },
    spec,
  } as KubernetesObject;
}

export function service(app: string): KubernetesObject {
  const spec = { selector: { app }, ports: [{ name: "http", port: 8080, targetPort: 8080 }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name: app, namespace: "default" }, spec } as KubernetesObject;
}

export function destinationRule(app: string, versions: readonly string[], trafficPolicy?: object): KubernetesObject {
  const subsets = versions.map((version) => ({ name: version, labels: { version } }));
  const spec = { host: app, subsets, ...(trafficPolicy && { trafficPolicy }) };
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: app, namespace: "default" },
    spec,
  } as KubernetesObject;
}

export function split(app: string, weights: Readonly<Record<string, number>>): HttpRule {
  return {
    name: "primary",
    route: Object.entries(weights).map(([subset, weight]) => ({ destination: { host: app, subset }, weight })),
  };
}

export function virtualService(app: string, http: readonly HttpRule[], more: object = {}): KubernetesObject {
  const spec = { hosts: [app], http, ...more };
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: app, namespace: "default" },
    spec,
  } as KubernetesObject;
}

/** Creates the objects and waits until every Deployment among them is ready. */
export async function install(
  client: KubernetesClient,
  objects: readonly KubernetesObject[],
  readyReplicas = 2,
): Promise<void> {
  for (const object of objects) await client.apply(object);
  const names = objects.filter((object) => object.kind === "Deployment").map((object) => object.metadata?.name);
  await client.watchUntil(
    { kind: Deployments, namespace: "default", what: `the readiness of ${names.join(", ")}` },
    (all) =>
      names.every(
        (name) => all.find(({ metadata }) => metadata?.name === name)?.status?.readyReplicas === readyReplicas,
      ),
  );
  const apps = objects.filter((object) => object.kind === "Service").map((object) => object.metadata?.name);
  const perApp = (names.length / Math.max(1, apps.length)) * readyReplicas;
  const query = { kind: EndpointSlices, namespace: "default", what: `the endpoints of ${apps.join(", ")}` };
  await client.watchUntil(query, (slices) => apps.every((app) => readyEndpoints(slices, app) >= perApp));
}

const EndpointSlices = kind<KubernetesObject & EndpointSlice>("discovery.k8s.io/v1", "EndpointSlice");

function readyEndpoints(slices: readonly EndpointSlice[], app: string | undefined): number {
  const own = slices.filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === app);
  return own.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready === true).length;
}

export async function setWeights(
  client: KubernetesClient,
  app: string,
  weights: Readonly<Record<string, number>>,
): Promise<void> {
  await client.patch(VirtualServices, { name: app, namespace: "default" }, { spec: { http: [split(app, weights)] } });
}

/** Whether a count is within three standard deviations of what a fair draw gives. */
export function withinThreeSigma(count: number, total: number, share: number): boolean {
  return Math.abs(count - total * share) <= 3 * Math.sqrt(total * share * (1 - share));
}
