import { setTimeout as delay } from "node:timers/promises";
import type { Answer, Kind, KubernetesObject, Listed, RawRequest, Selection } from "./kubernetes.ts";
import type { PathParts } from "./kubernetes-discovery.ts";
import type { Dispatcher } from "undici";

export interface WatchQuery<T> extends Selection {
  readonly kind: Kind<T>;
  readonly timeout?: number;
  /** What is awaited, for the message when it does not come. */
  readonly what?: string;
}

interface Server {
  list<T>(kind: Kind<T>, selection?: Selection): Promise<Listed<T>>;
  pathOf(kind: Kind<unknown>, parts: PathParts): Promise<string>;
  respond(path: string, request?: RawRequest): Promise<Dispatcher.ResponseData>;
  selectors(selection: Selection): Record<string, string>;
}

interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: T;
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** A server that has just been stopped needs a moment before it is asked again. */
const RETRY_MS = 200;

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;
}

async function* lines(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}

/** The objects now and after each change, until the server ends the watch. */
async function* changes<T extends KubernetesObject>(
  server: Server,
  query: WatchQuery<T>,
  signal: AbortSignal,
): AsyncGenerator<readonly T[]> {
  const { items, resourceVersion } = await server.list(query.kind, query);
  const objects = new Map(items.map((item) => [keyOf(item), item]));
  yield [...objects.values()];
  const path = await server.pathOf(query.kind, query.namespace === undefined ? {} : { namespace: query.namespace });
  const parameters = { ...server.selectors(query), watch: "true", resourceVersion };
  const { body } = await server.respond(path, { query: parameters, signal });
  for await (const line of lines(body)) {
    const { type, object } = JSON.parse(line) as WatchEvent<T>;
    if (type === "ERROR") return;
    if (type === "BOOKMARK") continue;
    if (type === "DELETED") objects.delete(keyOf(object));
    else objects.set(keyOf(object), object);
    yield [...objects.values()];
  }
}

/** The same, begun anew whenever the server goes away. */
async function* follow<T extends KubernetesObject>(
  server: Server,
  query: WatchQuery<T>,
  signal: AbortSignal,
  onTrouble: (error: unknown) => void,
): AsyncGenerator<readonly T[]> {
  while (!signal.aborted) {
    try {
      yield* changes(server, query, signal);
    } catch (error) {
      onTrouble(error);
    }
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

/** Lists, then watches, and again when the server goes away in between, until there is an answer or time is up. */
export async function watchUntil<T extends KubernetesObject, A>(
  server: Server,
  query: WatchQuery<T>,
  answer: Answer<T, A>,
): Promise<A> {
  const { timeout = DEFAULT_TIMEOUT_MS, what = `the awaited ${query.kind.kind}` } = query;
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeout);
  let seen: readonly T[] = [];
  let trouble = "";
  const note = (error: unknown): void => {
    if (!abort.signal.aborted) trouble = `; last error: ${error instanceof Error ? error.message : String(error)}`;
  };
  try {
    for await (seen of follow(server, query, abort.signal, note)) {
      const given = answer(seen);
      if (given !== undefined && given !== false) return given;
    }
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  const state = JSON.stringify(seen.map((object) => ({ name: object.metadata?.name, status: statusOf(object) })));
  throw new Error(`${what} did not appear within ${timeout / 1000} s${trouble}; last seen: ${state}`);
}

function statusOf(object: KubernetesObject): unknown {
  return "status" in object ? object.status : undefined;
}
