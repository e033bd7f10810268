import type { KubernetesObject, Resource } from "../../ports/kubernetes-objects.ts";
import { Informer, type Change, type WatchProblemKind } from "../../runtime/informer.ts";
import type { Timers } from "../../runtime/timers.ts";
import { renderResource } from "./resource-path.ts";
import type { Transport } from "./transport.ts";
import { createWatchSource } from "./watch-source.ts";

/** What is to be watched. */
export interface WatchedResource {
  readonly resource: Resource;
  /** The operator works without it: a CRD that may not be installed. */
  readonly optional: boolean;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
}

export type ObjectChange = Change<KubernetesObject>;

/** A problem that is being dealt with: for the log and a counter. */
export interface WatchProblem {
  readonly resource: string;
  readonly kind: WatchProblemKind;
  readonly message: string;
  readonly error?: unknown;
}

/** The copies of one resource that are kept. */
export interface ResourceCache {
  readonly resource: Resource;
  /** `none` until every namespace was listed once. */
  readonly knowledge: "none" | "objects" | "unserved";
  find(namespace: string, name: string): KubernetesObject | undefined;
  all(namespace?: string): readonly KubernetesObject[];
}

/** All that is watched. */
export interface Informers {
  /**
   * Keeps a copy of a resource from now on until the signal is aborted. A resource that the API server does not serve
   * is asked for again every half minute. Throws for a resource that is watched already.
   */
  watch(watched: WatchedResource, onChange: (change: ObjectChange) => void, signal: AbortSignal): void;
  /** Undefined for a resource that is not watched. */
  find(resource: Resource): ResourceCache | undefined;
  /** Names of the resources without which there is no work, and that are not known yet. */
  missing(): readonly string[];
  /** For every watched resource the milliseconds since the API server was last heard; Infinity before the first time. */
  ages(): ReadonlyMap<string, number>;
}

export interface InformersOptions {
  readonly transport: Transport;
  readonly timers: Timers;
  readonly random?: () => number;
  readonly onProblem?: (problem: WatchProblem) => void;
}

interface Entry extends ResourceCache {
  readonly watched: WatchedResource;
  readonly informers: readonly Informer<KubernetesObject>[];
}

/** Nothing is watched at first. */
export function createInformers({ transport, timers, random = Math.random, onProblem }: InformersOptions): Informers {
  const entries = new Map<string, Entry>();

  return {
    watch(watched, onChange, signal) {
      const { resource, namespaces } = watched;
      const name = renderResource(resource);
      if (entries.has(keyOf(resource))) throw new Error(`${name} is watched already`);
      const scopes = namespaces.length === 0 ? [undefined] : [...new Set(namespaces)];
      const informers = scopes.map((namespace) => {
        const source = createWatchSource(transport, { resource, namespace }, random);
        return new Informer({
          source,
          timers,
          random,
          onChange,
          onProblem: (problem) => onProblem?.({ resource: name, ...problem }),
        });
      });
      entries.set(keyOf(resource), createEntry(watched, informers));
      for (const informer of informers) informer.start(signal);
    },

    find: (resource) => entries.get(keyOf(resource)),

    missing() {
      const unknown = [...entries.values()].filter(
        ({ watched, knowledge }) => knowledge === "none" || (knowledge === "unserved" && !watched.optional),
      );
      return unknown.map(({ resource }) => renderResource(resource));
    },

    ages() {
      const oldest = ({ informers }: Entry) => Math.max(...informers.map(({ age }) => age ?? Number.POSITIVE_INFINITY));
      const served = [...entries.values()].filter(({ knowledge }) => knowledge !== "unserved");
      return new Map(served.map((entry) => [renderResource(entry.resource), oldest(entry)]));
    },
  };
}

function createEntry(watched: WatchedResource, informers: readonly Informer<KubernetesObject>[]): Entry {
  return {
    watched,
    informers,
    resource: watched.resource,
    get knowledge() {
      if (informers.some(({ knowledge }) => knowledge === "none")) return "none";
      return informers.some(({ knowledge }) => knowledge === "unserved") ? "unserved" : "objects";
    },
    find: (namespace, name) =>
      informers.map((informer) => informer.find(namespace, name)).find((object) => object !== undefined),
    all: (namespace) => informers.flatMap((informer) => informer.all(namespace)),
  };
}

function keyOf({ group, version, plural }: Resource): string {
  return `${group}/${version}/${plural}`;
}
