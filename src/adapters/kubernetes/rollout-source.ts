import { KubeConfig } from "@kubernetes/client-node";
import dotk8s, {
  ResourceEventType,
  ResourceMetaImpl,
  type OperatorLogger,
  type ResourceEvent,
  type ResourceMeta,
} from "@dot-i/k8s-operator";
import { group, plural, version } from "../../api/names.ts";
import { renderKey } from "../../api/object-key.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Informers, ObjectChange } from "./informers.ts";

export interface RolloutSourceOptions {
  readonly informers: Pick<Informers, "watch">;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  /** Called with the key of every Rollout that came, changed or went. */
  readonly onKey: (key: string) => void;
  readonly log: Logger;
}

/** Tells about Rollouts. Nothing else in the operator watches them. */
export interface RolloutSource {
  /** Begins to watch; resolves at once, what is there already is told as it is found. */
  start(): Promise<void>;
  /** Ends the watch. */
  stop(): void;
}

type OperatorClass = typeof dotk8s.default;

/** A CommonJS module: Node hands over its exports, a bundler or test runner its default. */
const Operator: OperatorClass = typeof dotk8s === "function" ? dotk8s : dotk8s.default;

/** Connects the Rollouts of @dot-i/k8s-operator with a work queue. */
export function createRolloutSource(options: RolloutSourceOptions): RolloutSource {
  return withoutDefaultKubeConfig(() => new RolloutOperator(options));
}

/**
 * The package's Operator, confined: it says what to watch and takes the events; how is watched, and every request, is
 * the operator's own. As it comes the class ends the process on any error of a watch, and after 30 s without events.
 */
class RolloutOperator extends Operator implements RolloutSource {
  readonly #options: RolloutSourceOptions;
  readonly #stopped = new AbortController();

  constructor(options: RolloutSourceOptions) {
    super(loggerFor(options.log));
    this.#options = options;
  }

  override stop(): void {
    this.#stopped.abort(new DOMException("the source of Rollouts was stopped", "AbortError"));
  }

  protected override async init(): Promise<void> {
    await this.watchResource(group, version, plural, (event) => {
      const { namespace = "", name } = event.meta;
      this.#options.onKey(renderKey({ namespace, name }));
      return Promise.resolve();
    });
  }

  /** `namespace` limits what `namespaces` of the options allow. */
  protected override watchResource(
    resourceGroup: string,
    resourceVersion: string,
    resourcePlural: string,
    onEvent: (event: ResourceEvent) => Promise<void>,
    namespace?: string,
  ): Promise<void> {
    const resource = { group: resourceGroup, version: resourceVersion, plural: resourcePlural };
    const namespaces = namespace === undefined ? this.#options.namespaces : [namespace];
    const deliver = async (event: ResourceEvent) => {
      try {
        await onEvent(event);
      } catch (error) {
        this.#options.log.error("an event of a watch could not be handled", { event: event.meta, error });
      }
    };
    this.#options.informers.watch(
      { resource, optional: false, namespaces },
      (change) => void deliver(eventOf(resourcePlural, change)),
      this.#stopped.signal,
    );
    return Promise.resolve();
  }

  // All below write to the API server in ways that lose other people's changes or end the process.

  protected override registerCustomResourceDefinition(): Promise<never> {
    return refuse("definitions are installed by the chart");
  }

  protected override setResourceStatus(_meta: ResourceMeta): Promise<never> {
    return refuse("the status is written through ports/cluster.ts");
  }

  protected override patchResourceStatus(_meta: ResourceMeta): Promise<never> {
    return refuse("the status is written through ports/cluster.ts");
  }

  protected override handleResourceFinalizer(_event: ResourceEvent): Promise<never> {
    return refuse("finalizers are written through ports/cluster.ts");
  }

  protected override setResourceFinalizers(_meta: ResourceMeta): Promise<never> {
    return refuse("finalizers are written through ports/cluster.ts");
  }

  protected override getCustomResourceApiUri(): never {
    throw new Error("paths are built in resource-path.ts");
  }

  protected override applyAxiosKubeConfigAuth(): Promise<never> {
    return refuse("requests are sent by transport.ts");
  }

  protected override applyGaxiosKubeConfigAuth(): Promise<never> {
    return refuse("requests are sent by transport.ts");
  }
}

function refuse(instead: string): Promise<never> {
  return Promise.reject(new Error(`not through the package: ${instead}`));
}

function eventOf(pluralName: string, change: ObjectChange): ResourceEvent {
  const object = withCoordinates(change.object);
  return { meta: ResourceMetaImpl.createWithPlural(pluralName, object), type: typeOf(change), object };
}

function typeOf(change: ObjectChange): ResourceEventType {
  if (change.kind === "deleted") return ResourceEventType.Deleted;
  return change.before === undefined ? ResourceEventType.Added : ResourceEventType.Modified;
}

/** The package throws for objects without these; its type of an object is ours with dates in words. */
function withCoordinates(object: KubernetesObject): ResourceEvent["object"] {
  const complete = {
    ...object,
    apiVersion: object.apiVersion ?? `${group}/${version}`,
    kind: object.kind ?? "Rollout",
    metadata: { ...object.metadata, resourceVersion: object.metadata.resourceVersion ?? "0" },
  };
  return complete as unknown as ResourceEvent["object"];
}

function loggerFor(log: Logger): OperatorLogger {
  const line = (write: Logger["info"]) => (text: string) => write("the operator package says", { text });
  return { debug: line(log.debug), info: line(log.info), warn: line(log.warn), error: line(log.error) };
}

/**
 * The package's constructor reads kubectl's default configuration, which may be missing, broken or another cluster's;
 * what it reads is never used.
 */
function withoutDefaultKubeConfig<T>(build: () => T): T {
  const original = Object.getOwnPropertyDescriptor(KubeConfig.prototype, "loadFromDefault");
  KubeConfig.prototype.loadFromDefault = function nowhere(this: KubeConfig) {
    this.loadFromClusterAndUser(
      { name: "nowhere", server: "http://127.0.0.1:9", skipTLSVerify: true },
      { name: "nobody" },
    );
  };
  try {
    return build();
  } finally {
    if (original !== undefined) Object.defineProperty(KubeConfig.prototype, "loadFromDefault", original);
  }
}
