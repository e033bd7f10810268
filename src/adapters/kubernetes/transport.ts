import { request as send, type Dispatcher } from "undici";
import { createCredentials, type Access, type Credentials } from "./credentials.ts";
import { toReconcileError } from "./errors.ts";
import { loadKubeConfig, type KubeConfigSource } from "./kubeconfig.ts";

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From the root of the API server, without a query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Of the body; a JSON object unless told. */
  readonly contentType?: string;
  /** Milliseconds; 10 s unless told. */
  readonly timeout?: number;
}

export interface ApiStream {
  readonly code: number;
  /** Milliseconds. */
  readonly retryAfter: number | undefined;
  /** The body line by line, as it comes; a cut connection rejects. Not read: call `end`. */
  lines(): AsyncIterable<string>;
  end(): void;
}

/** HTTP to one API server. */
export interface Transport {
  /** Where the API server is. Rejects when the configuration cannot be read. */
  server(): Promise<string>;
  /**
   * The parsed body of a 2xx answer. Rejects with an error of runtime/errors.ts, or with the signal's reason when it
   * is aborted.
   */
  request(request: ApiRequest, signal: AbortSignal): Promise<unknown>;
  /** Opens a stream, whatever the answer's code; its time-out covers the wait for the headers only. */
  stream(request: ApiRequest, signal: AbortSignal): Promise<ApiStream>;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** Told about every answer, and about every request that got none. */
export interface RequestObserver {
  (request: { readonly verb: string; readonly code: string; readonly seconds: number }): void;
}

/** What a request may take unless it says otherwise. */
const defaultTimeout = 10_000;

/** A transport for the API server of a kubeconfig. Throws when that cannot be read. */
export function connect(source: KubeConfigSource, observe: RequestObserver = () => undefined): Transport {
  const first = loadKubeConfig(source);
  let unused: typeof first | undefined = first;
  const load = () => {
    const config = unused ?? loadKubeConfig(source);
    unused = undefined;
    return config;
  };
  return createTransport(createCredentials(load), observe);
}

/** A transport that asks `credentials` before every request. */
export function createTransport(credentials: Credentials, observe: RequestObserver = () => undefined): Transport {
  const open = createOpener(credentials, observe);
  return {
    async server() {
      return (await credentials.access()).server;
    },

    async request(request, signal) {
      signal.throwIfAborted();
      const limited = AbortSignal.any([signal, AbortSignal.timeout(request.timeout ?? defaultTimeout)]);
      const { answer, text } = await translating(request, signal, async () => {
        const opened = await open(request, limited);
        return { answer: opened, text: await opened.body.text() };
      });
      const body = parseBody(text);
      if (answer.statusCode >= 200 && answer.statusCode < 300) return body;
      throw toReconcileError({
        kind: "answer",
        request: describe(request),
        code: answer.statusCode,
        body,
        retryAfter: retryAfterOf(answer.headers),
        jsonPatch: request.contentType === "application/json-patch+json",
      });
    },

    async stream(request, signal) {
      signal.throwIfAborted();
      const late = new AbortController();
      const timer = setTimeout(() => {
        late.abort(new Error("no answer in time"));
      }, request.timeout ?? defaultTimeout);
      try {
        const limited = AbortSignal.any([signal, late.signal]);
        return streamOf(await translating(request, signal, () => open(request, limited)));
      } finally {
        clearTimeout(timer);
      }
    },

    close: () => credentials.close(),
  };
}

type Opener = (request: ApiRequest, signal: AbortSignal) => Promise<Dispatcher.ResponseData>;

/** Sends one request; once more, with fresh credentials, when the first ones are not accepted. */
function createOpener(credentials: Credentials, observe: RequestObserver): Opener {
  async function attempt(access: Access, request: ApiRequest, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const began = performance.now();
    const report = (code: string) => {
      observe({ verb: verbOf(request), code, seconds: (performance.now() - began) / 1_000 });
    };
    try {
      const answer = await send(urlOf(access, request), optionsOf(access, request, signal));
      report(String(answer.statusCode));
      return answer;
    } catch (error) {
      report("none");
      throw error;
    }
  }

  return async (request, signal) => {
    const answer = await attempt(await credentials.access(), request, signal);
    if (answer.statusCode !== 401) return answer;
    await answer.body.dump();
    credentials.refresh();
    return attempt(await credentials.access(), request, signal);
  };
}

function streamOf({ statusCode, headers, body }: Dispatcher.ResponseData): ApiStream {
  // Nobody may be reading when the stream is ended.
  body.on("error", () => undefined);
  return {
    code: statusCode,
    retryAfter: retryAfterOf(headers),
    lines: () => readLines(body),
    end: () => {
      body.destroy();
    },
  };
}

/** Rejects with the signal's reason when the caller gave up, else with what the failure means. */
async function translating<T>(request: ApiRequest, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    signal.throwIfAborted();
    throw toReconcileError({ kind: "network", request: describe(request), cause });
  }
}

function describe(request: ApiRequest): string {
  return `${request.method} ${request.path}`;
}

function verbOf({ method, query }: ApiRequest): string {
  return query?.["watch"] === undefined ? method : "WATCH";
}

function urlOf(access: Access, { path, query }: ApiRequest): string {
  const search = new URLSearchParams(query).toString();
  return `${access.server}${path}${search === "" ? "" : `?${search}`}`;
}

function optionsOf(access: Access, request: ApiRequest, signal: AbortSignal) {
  const content = request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" };
  return {
    dispatcher: access.dispatcher,
    method: request.method,
    headers: { accept: "application/json", "user-agent": "serin", ...content, ...access.headers },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    signal,
  };
}

/** Retry-After as the API server sends it: whole seconds. */
function retryAfterOf(headers: Readonly<Record<string, string | string[] | undefined>>): number | undefined {
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined;
}

function parseBody(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // A proxy in between answers in HTML or plain words; the code says enough.
    return text;
  }
}

async function* readLines(body: AsyncIterable<Buffer>): AsyncIterable<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
  // What is left is half a line: the connection was cut, or the last line had no break.
  if (rest.trim() !== "") yield rest;
}
