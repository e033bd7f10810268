import type { Connection } from "../kubernetes.ts";
import { startInformer, type Informer, type WatchedObject } from "../world/informer.ts";
import { createDebounce, type DebounceTimes } from "./debounce.ts";
import { createDelivery, type Delivery } from "./delivery.ts";
import type { EnvoyConfig } from "./envoy-types.ts";
import type {
  Client,
  DestinationRule,
  EndpointSlice,
  MeshObjects,
  NodeLike,
  PodLike,
  Service,
  VirtualService,
} from "./objects.ts";
import { renderEnvoyConfig } from "./render.ts";
import type { XdsWriter } from "./xds-files.ts";

/** A proxy that the mesh controls. */
export interface ControlledProxy {
  readonly name: string;
  readonly client: Client;
  readonly writer: XdsWriter;
}

export interface ProxyState {
  readonly delayMs: number;
  readonly frozen: boolean;
  /** The generation that Envoy uses, and since when (epoch milliseconds). */
  readonly generation: number;
  readonly deliveredAt: number;
  readonly error: string | undefined;
}

export interface MeshState {
  /** Counts the pushes; each has its time. */
  readonly generation: number;
  readonly pushedAt: number;
  /** No change waits for the end of the debounce. */
  readonly quiet: boolean;
  readonly proxies: Readonly<Record<string, ProxyState>>;
}

export interface MeshControl {
  state(): MeshState;
  objects(): MeshObjects;
  /** The resourceVersion of every object that has been seen, by kind, namespace and name. */
  versions(): Readonly<Record<string, string>>;
  /** Resolves when every collection has been listed (a missing CRD is waited for). */
  readonly synced: Promise<void>;
  /** Something outside the watched collections has changed (pods are watched by the node agent). */
  changed(): void;
  setDelay(proxy: string, ms: number): void;
  setFrozen(proxy: string, frozen: boolean): void;
  setDebounce(ms: number): void;
  stop(): Promise<void>;
}

export interface MeshControlOptions {
  readonly connection: Connection;
  readonly proxies: readonly ControlledProxy[];
  readonly pods: () => readonly PodLike[];
  readonly debounce: DebounceTimes;
  readonly onTrouble: (error: unknown) => void;
}

interface Snapshot {
  readonly generation: number;
  readonly config: EnvoyConfig;
}

interface Served {
  readonly proxy: ControlledProxy;
  readonly delivery: Delivery<Snapshot>;
  state: ProxyState;
}

/** The API server's own Service has no pods; every proxy would watch a file for nothing. */
function isOfTheMesh({ metadata }: Service): boolean {
  return !(metadata.name === "kubernetes" && metadata.namespace === "default");
}

interface WatchedMesh {
  readonly objects: () => MeshObjects;
  /** The resourceVersion of every object that has been seen, by collection, namespace and name. */
  readonly versions: () => Readonly<Record<string, string>>;
  readonly informers: readonly Informer<WatchedObject>[];
}

const istioApi = "/apis/networking.istio.io/v1";

function watchMesh(options: MeshControlOptions, onEvent: () => void): WatchedMesh {
  const { connection, onTrouble } = options;
  const inform = <T extends WatchedObject>(path: string, act: () => void = onEvent): Informer<T> =>
    startInformer<T>({ connection, path, onEvent: act, onTrouble });
  const services = inform<Service>("/api/v1/services");
  const endpointSlices = inform<EndpointSlice>("/apis/discovery.k8s.io/v1/endpointslices");
  const virtualServices = inform<VirtualService>(`${istioApi}/virtualservices`);
  const destinationRules = inform<DestinationRule>(`${istioApi}/destinationrules`);
  const nodes = inform<NodeLike>("/api/v1/nodes", () => undefined);
  const named: Readonly<Record<string, Informer<WatchedObject>>> = {
    Service: services,
    EndpointSlice: endpointSlices,
    VirtualService: virtualServices,
    DestinationRule: destinationRules,
  };
  return {
    objects: () => ({
      services: [...services.objects.values()].filter(isOfTheMesh),
      endpointSlices: [...endpointSlices.objects.values()],
      pods: options.pods(),
      nodes: [...nodes.objects.values()],
      virtualServices: [...virtualServices.objects.values()],
      destinationRules: [...destinationRules.objects.values()],
    }),
    versions: () =>
      Object.fromEntries(
        Object.entries(named).flatMap(([kind, { objects }]) =>
          [...objects].map(([key, { metadata }]) => [`${kind}/${key}`, metadata.resourceVersion ?? ""]),
        ),
      ),
    informers: [...Object.values(named), nodes],
  };
}

/** Plays istiod: watches, waits for quiet, renders for every proxy and delivers. */
export function startMeshControl(options: MeshControlOptions): MeshControl {
  let generation = 0;
  let pushedAt = 0;
  const served = options.proxies.map((proxy) => serve(proxy, options.onTrouble));
  const debounce = createDebounce(() => push(), options.debounce);

  const watched = watchMesh(options, () => debounce.event());
  const { objects } = watched;

  function push(): void {
    generation += 1;
    pushedAt = Date.now();
    const now = objects();
    for (const { proxy, delivery } of served)
      delivery.push({ generation, config: renderEnvoyConfig(now, proxy.client) });
  }

  const named = (name: string): Served => {
    const found = served.find(({ proxy }) => proxy.name === name);
    if (found === undefined)
      throw new Error(`no proxy ${name}; there are ${served.map(({ proxy }) => proxy.name).join(", ")}`);
    return found;
  };

  return {
    state: () => ({
      generation,
      pushedAt,
      quiet: debounce.quiet,
      proxies: Object.fromEntries(served.map(({ proxy, state }) => [proxy.name, state])),
    }),
    objects,
    versions: watched.versions,
    synced: Promise.all(watched.informers.map((informer) => informer.synced)).then(() => undefined),
    changed: () => debounce.event(),
    setDelay(name, delayMs) {
      const found = named(name);
      found.delivery.setDelay(delayMs);
      found.state = { ...found.state, delayMs };
    },
    setFrozen(name, frozen) {
      const found = named(name);
      if (frozen) found.delivery.freeze();
      else found.delivery.unfreeze();
      found.state = { ...found.state, frozen };
    },
    setDebounce: (ms) => debounce.setQuiet(ms),
    async stop() {
      debounce.stop();
      await Promise.all([
        ...watched.informers.map((informer) => informer.stop()),
        ...served.map(({ delivery }) => delivery.stop()),
      ]);
    },
  };
}

function serve(proxy: ControlledProxy, onTrouble: (error: unknown) => void): Served {
  const entry: Served = {
    proxy,
    delivery: createDelivery<Snapshot>(async ({ generation, config }) => {
      try {
        await proxy.writer.deliver(config);
        entry.state = { ...entry.state, generation, deliveredAt: Date.now(), error: undefined };
      } catch (error) {
        entry.state = { ...entry.state, error: error instanceof Error ? error.message : String(error) };
        onTrouble(error);
      }
    }),
    state: { delayMs: 0, frozen: false, generation: 0, deliveredAt: 0, error: undefined },
  };
  return entry;
}
