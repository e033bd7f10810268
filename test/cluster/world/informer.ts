import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Connection } from "../kubernetes.ts";

export interface WatchedObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion?: string };
}

export type InformerEvent<T> =
  | { readonly type: "set"; readonly object: T; readonly before: T | undefined }
  | { readonly type: "gone"; readonly object: T };

export interface Informer<T> {
  readonly objects: ReadonlyMap<string, T>;
  /** Resolves after the first list. */
  readonly synced: Promise<void>;
  stop(): Promise<void>;
}

export interface InformerOptions<T> {
  readonly connection: Connection;
  /** The collection, such as `/api/v1/pods`. It may not exist yet: then it counts as empty and is asked for again. */
  readonly path: string;
  readonly onEvent: (event: InformerEvent<T>) => void;
  readonly onTrouble?: (error: unknown) => void;
}

/** The server ends a watch after this long; one that stays silent for longer is dead and is replaced. */
const watchSeconds = 60;
const silenceMs = (watchSeconds + 15) * 1000;
const retryMs = 200;

interface WatchLine<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

class Expired extends Error {}

/**
 * Keeps a copy of a collection. It survives restarts of the API server: a watch goes on at the last version seen, and
 * is preceded by a fresh list whenever that version is no longer known.
 */
export function startInformer<T extends WatchedObject>(options: InformerOptions<T>): Informer<T> {
  const { connection, path, onEvent, onTrouble } = options;
  const dispatcher = new Agent({ connect: { ca: connection.ca }, bodyTimeout: silenceMs, headersTimeout: silenceMs });
  const abort = new AbortController();
  const objects = new Map<string, T>();
  const { promise: synced, resolve: markSynced } = Promise.withResolvers<undefined>();
  const headers = { authorization: `Bearer ${connection.token}`, accept: "application/json" };

  const ask = async (query: Readonly<Record<string, string>>) => {
    const url = new URL(path, connection.server);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const response = await request(url, { dispatcher, headers, signal: abort.signal });
    if (response.statusCode === 200) return response.body;
    const text = await response.body.text();
    if (response.statusCode === 410) throw new Expired(text);
    throw new Error(`GET ${path}: ${response.statusCode} ${text.trim().slice(0, 200)}`);
  };
  const set = (object: T): void => {
    const before = objects.get(keyOf(object));
    objects.set(keyOf(object), object);
    onEvent({ type: "set", object, before });
  };
  const drop = (object: T): void => {
    if (objects.delete(keyOf(object))) onEvent({ type: "gone", object });
  };
  const list = async (): Promise<string> => {
    const body = (await (await ask({})).json()) as { items: T[]; metadata: { resourceVersion: string } };
    const present = new Set(body.items.map(keyOf));
    for (const object of [...objects.values()]) if (!present.has(keyOf(object))) drop(object);
    for (const object of body.items) {
      const version = objects.get(keyOf(object))?.metadata.resourceVersion;
      if (version === undefined || version !== object.metadata.resourceVersion) set(object);
    }
    markSynced(undefined);
    return body.metadata.resourceVersion;
  };
  const watch = async (from: string, seen: (version: string) => void): Promise<void> => {
    const query = {
      watch: "true",
      resourceVersion: from,
      allowWatchBookmarks: "true",
      timeoutSeconds: `${watchSeconds}`,
    };
    for await (const line of createInterface({ input: await ask(query) })) {
      const { type, object } = JSON.parse(line) as WatchLine<T>;
      if (type === "ERROR") throw new Expired(line);
      if (type === "DELETED") drop(object);
      else if (type !== "BOOKMARK") set(object);
      seen(object.metadata.resourceVersion ?? from);
    }
  };

  const run = async (): Promise<void> => {
    let version: string | undefined;
    while (!abort.signal.aborted) {
      try {
        version ??= await list();
        await watch(version, (seen) => void (version = seen));
      } catch (error) {
        if (error instanceof Expired) version = undefined;
        else if (!isAbort(error)) onTrouble?.(error);
        // A server that refuses connections or a collection that is not there yet needs a moment.
        await delay(retryMs, undefined, { signal: abort.signal }).catch(() => undefined);
      }
    }
  };
  const running = run();
  return {
    objects,
    synced,
    async stop() {
      abort.abort();
      await running;
      await dispatcher.destroy();
    },
  };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

export function keyOf({ metadata }: WatchedObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
