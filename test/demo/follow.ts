import { setTimeout as delay } from "node:timers/promises";
import { createInterface } from "node:readline";
import { Agent, request } from "undici";
import { readConnection } from "../cluster/kubernetes.ts";

export interface Change<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

interface WatchLine<T> {
  readonly type: Change<T>["type"] | "BOOKMARK" | "ERROR";
  readonly object: T;
}

interface List<T> {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly T[];
}

export interface Follower {
  /** Calls back with every object of that path as it is now, and then with every version that is stored. */
  follow<T>(path: string, onChange: (change: Change<T>) => void): void;
  /** Ends all watches. */
  stop(): void;
}

/** A server that does not answer is asked again after a moment. */
const RETRY_MS = 500;

/** Watches the API server on connections of its own, until it is stopped. */
export function createFollower(kubeconfig: string): Follower {
  const { server, ca, token } = readConnection(kubeconfig);
  const dispatcher = new Agent({ connect: { ca }, bodyTimeout: 0, headersTimeout: 0 });
  const abort = new AbortController();
  const { signal } = abort;

  async function get(path: string, query: Readonly<Record<string, string>>) {
    const url = new URL(path, server);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
    const response = await request(url, { dispatcher, headers, signal });
    if (response.statusCode !== 200) throw new Error(`${path}: ${response.statusCode} ${await response.body.text()}`);
    return response.body;
  }

  async function once<T>(path: string, onChange: (change: Change<T>) => void): Promise<void> {
    const { items, metadata } = (await (await get(path, {})).json()) as List<T>;
    for (const object of items) onChange({ type: "ADDED", object });
    const body = await get(path, { watch: "true", resourceVersion: metadata.resourceVersion });
    for await (const line of createInterface({ input: body })) {
      const { type, object } = JSON.parse(line) as WatchLine<T>;
      if (type === "ERROR") return;
      if (type !== "BOOKMARK") onChange({ type, object });
    }
  }

  async function again<T>(path: string, onChange: (change: Change<T>) => void): Promise<void> {
    while (!signal.aborted) {
      await once(path, onChange).catch(() => undefined);
      await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  return {
    follow: (path, onChange) => void again(path, onChange),
    stop() {
      abort.abort();
      void dispatcher.destroy();
    },
  };
}
