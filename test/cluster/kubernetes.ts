// The Kubernetes client of the tests: small, typed by the caller, and true to what the server says.
import { readFileSync } from "node:fs";
import { Agent, request } from "undici";
import type { Dispatcher } from "undici";
import { parse } from "yaml";
import { createDiscovery } from "./kubernetes-discovery.ts";
import { watchUntil } from "./kubernetes-watch.ts";
import type { WatchQuery } from "./kubernetes-watch.ts";

/** What every object has. */
export interface KubernetesObject {
  apiVersion?: string | undefined;
  kind?: string | undefined;
  metadata?: ObjectMeta | undefined;
}

interface ObjectMeta {
  name?: string | undefined;
  namespace?: string | undefined;
  uid?: string | undefined;
  resourceVersion?: string | undefined;
}

/** A kind and the type of its objects: `const Deployments = kind<V1Deployment>("apps/v1", "Deployment")`. */
export interface Kind<T> {
  readonly apiVersion: string;
  readonly kind: string;
  /** Never set; it carries the type. */
  readonly example?: T;
}

export function kind<T extends KubernetesObject>(apiVersion: string, name: string): Kind<T> {
  return { apiVersion, kind: name };
}

export interface Place {
  readonly name: string;
  readonly namespace?: string;
}

export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface Listed<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** The server refused; `message` and `reason` are its own words. */
export class KubernetesError extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = "KubernetesError";
    this.status = status;
    this.reason = reason;
  }
}

export interface PatchOptions {
  readonly type?: "merge" | "strategic" | "json";
  readonly subresource?: string;
}

export interface ApplyOptions {
  readonly manager?: string;
  readonly force?: boolean;
  readonly subresource?: string;
}

export interface RawRequest {
  readonly method?: Dispatcher.HttpMethod;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

export interface KubernetesClient {
  readonly server: string;
  /** Any path; rejects with `KubernetesError` unless the answer is 2xx. */
  raw(path: string, request?: RawRequest): Promise<unknown>;
  /** The object, or undefined when there is none. */
  get<T>(kind: Kind<T>, place: Place): Promise<T | undefined>;
  list<T>(kind: Kind<T>, selection?: Selection): Promise<Listed<T>>;
  create<T extends KubernetesObject>(object: T): Promise<T>;
  /** PUT: the object replaces what is there, if its resourceVersion still fits. */
  replace<T extends KubernetesObject>(object: T, subresource?: string): Promise<T>;
  /** Server-side apply; takes fields over from other managers unless `force` is false. */
  apply<T extends KubernetesObject>(object: T, options?: ApplyOptions): Promise<T>;
  patch<T>(kind: Kind<T>, place: Place, patch: unknown, options?: PatchOptions): Promise<T>;
  /** Nothing happens when it is gone already. */
  delete(kind: Kind<unknown>, place: Place, propagation?: "Background" | "Foreground" | "Orphan"): Promise<void>;
  /** Follows the objects of a kind until `answer` says something about them, and returns that. */
  watchUntil<T extends KubernetesObject, A>(query: WatchQuery<T>, answer: Answer<T, A>): Promise<A>;
  close(): Promise<void>;
}

/** Asked again at each change; undefined or false means: not yet. */
export type Answer<T, A> = (objects: readonly T[]) => A | undefined | false;

export interface Connection {
  readonly server: string;
  readonly ca: string;
  readonly token: string;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; "certificate-authority-data": string } }[];
  readonly users: readonly { readonly user: { readonly token: string } }[];
}

/** Reads a kubeconfig as the local cluster writes it: one cluster, one user with a token. */
export function readConnection(path: string): Connection {
  const config = parse(readFileSync(path, "utf8")) as Kubeconfig;
  const cluster = config.clusters[0]?.cluster;
  const user = config.users[0]?.user;
  if (cluster === undefined || user === undefined) throw new Error(`${path} has no cluster or no user`);
  const ca = Buffer.from(cluster["certificate-authority-data"], "base64").toString("utf8");
  return { server: cluster.server, ca, token: user.token };
}

const CONTENT_TYPES = {
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  json: "application/json-patch+json",
} as const;

type Respond = (path: string, request?: RawRequest) => Promise<Dispatcher.ResponseData>;

function responder({ server, token }: Connection, dispatcher: Agent): Respond {
  return async (path, { method = "GET", query = {}, body, contentType = "application/json", signal } = {}) => {
    const url = new URL(path, server);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const response = await request(url, {
      dispatcher,
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: "application/json",
        ...(body === undefined ? {} : { "content-type": contentType }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (response.statusCode < 300) return response;
    throw errorOf(response.statusCode, await response.body.text(), `${method} ${path}`);
  };
}

function errorOf(status: number, text: string, what: string): KubernetesError {
  try {
    const { reason, message } = JSON.parse(text) as { reason?: string; message?: string };
    return new KubernetesError(status, reason ?? "", message ?? `${what}: ${status}`);
  } catch {
    return new KubernetesError(status, "", `${what}: ${status} ${text.trim()}`);
  }
}

function selectors(selection: Selection): Record<string, string> {
  const query: Record<string, string> = {};
  if (selection.labelSelector !== undefined) query["labelSelector"] = selection.labelSelector;
  if (selection.fieldSelector !== undefined) query["fieldSelector"] = selection.fieldSelector;
  return query;
}

export function createKubernetesClient(connection: Connection): KubernetesClient {
  const dispatcher = new Agent({ connect: { ca: connection.ca }, bodyTimeout: 0, connections: 64 });
  const respond = responder(connection, dispatcher);
  const raw: KubernetesClient["raw"] = async (path, options) => {
    const { body } = await respond(path, options);
    const text = await body.text();
    return text.startsWith("{") ? (JSON.parse(text) as unknown) : text;
  };
  const discovery = createDiscovery((path) => raw(path));
  const pathOf: typeof discovery.pathOf = (of, parts) => discovery.pathOf(of, parts);

  async function list<T>(of: Kind<T>, selection: Selection = {}): Promise<Listed<T>> {
    const body = await raw(await pathOf(of, selection), { query: selectors(selection) });
    const { items, metadata } = body as { items: T[]; metadata: { resourceVersion: string } };
    const typed = items.map((item) => ({ apiVersion: of.apiVersion, kind: of.kind, ...item }));
    return { items: typed, resourceVersion: metadata.resourceVersion };
  }

  async function send<T extends KubernetesObject>(object: T, options: RawRequest, subresource?: string): Promise<T> {
    return (await raw(await discovery.pathOfObject(object, subresource), { body: object, ...options })) as T;
  }

  return {
    server: connection.server,
    raw,
    list,
    async get(of, place) {
      try {
        return (await raw(await pathOf(of, place))) as typeof of.example;
      } catch (error) {
        if (error instanceof KubernetesError && error.status === 404) return undefined;
        throw error;
      }
    },
    async create<T extends KubernetesObject>(object: T) {
      const of = { apiVersion: object.apiVersion ?? "", kind: object.kind ?? "" };
      const { namespace } = object.metadata ?? {};
      const path = await pathOf(of, namespace === undefined ? {} : { namespace });
      return (await raw(path, { method: "POST", body: object })) as T;
    },
    replace: (object, subresource) => send(object, { method: "PUT" }, subresource),
    apply(object, { manager = "serin-test", force = true, subresource } = {}) {
      const query = { fieldManager: manager, force: String(force) };
      return send(object, { method: "PATCH", query, contentType: "application/apply-patch+yaml" }, subresource);
    },
    async patch<T>(of: Kind<T>, place: Place, patch: unknown, { type = "merge", subresource }: PatchOptions = {}) {
      const path = await pathOf(of, { ...place, ...(subresource === undefined ? {} : { subresource }) });
      return (await raw(path, { method: "PATCH", body: patch, contentType: CONTENT_TYPES[type] })) as T;
    },
    async delete(of, place, propagationPolicy = "Background") {
      try {
        await raw(await pathOf(of, place), { method: "DELETE", body: { propagationPolicy } });
      } catch (error) {
        if (!(error instanceof KubernetesError && error.status === 404)) throw error;
      }
    },
    watchUntil: (query, answer) => watchUntil({ list, pathOf, respond, selectors }, query, answer),
    close: () => dispatcher.destroy(),
  };
}
