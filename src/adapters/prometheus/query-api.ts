import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isDeepStrictEqual } from "node:util";
import axios, { isAxiosError } from "axios";
import type { AxiosInstance } from "axios";
import { renderDuration, type Instant, type Milliseconds } from "../../api/instant.ts";
import { givenUp, type Answer, type Problem } from "./answers.ts";
import { keepCredentials, type Credentials, type ReadCredentials } from "./credentials.ts";
import { createParser } from "./parser.ts";

/** Where Prometheus is and how to be let in. None of this is ever logged. */
export interface QueryApiOptions {
  /** `https://prometheus.example:9090`, a path in front of `/api/v1` included. */
  readonly address: string;
  readonly credentials?: ReadCredentials | undefined;
  /** For tenants: `X-Scope-OrgID` and the like. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Prometheus is told to give up a query after as long; it decides when undefined. */
  readonly queryTimeout?: Milliseconds | undefined;
  /** Told about every query that was sent, or could not be. */
  readonly observe?: QueryObserver | undefined;
}

export interface QueryObserver {
  (query: { readonly result: "answered" | "refused" | "away" | "late" | "stopped"; readonly seconds: number }): void;
}

/** Asks Prometheus for the value of an expression. Never rejects. */
export interface QueryApi {
  /** `at` on Prometheus's clock; undefined means its own now. */
  query(expression: string, at: Instant | undefined, signal: AbortSignal): Promise<Answer>;
}

/** A series of 1,000 samples is about 30 kB: this is room for thousands of them, and a stop for what is not an answer. */
const largestAnswer = 128 * 1024 * 1024;
/** Servers and proxies take addresses of 8 kB at least. */
const longestInAddress = 4_000;

const noCredentials: ReadCredentials = () => Promise.resolve({});

/** The one place that talks HTTP to Prometheus; connections are kept and shared. */
export function createQueryApi(options: QueryApiOptions): QueryApi {
  const kept = keepCredentials(options.credentials ?? noCredentials, () => performance.now());
  const place = displayAddress(options.address);
  const parse = createParser();
  let connection: { readonly to: Credentials; readonly http: AxiosInstance } | undefined;
  const connected = (to: Credentials) => {
    // Read again every minute, they are usually the same.
    if (connection === undefined || !isDeepStrictEqual(connection.to, to))
      connection = { to, http: connect(options, to) };
    return connection.http;
  };
  const ask = async (expression: string, at: Instant | undefined, signal: AbortSignal): Promise<Answer> => {
    try {
      const http = connected(await kept.current(signal));
      const { status, data } = await send(http, parameters(expression, at, options), signal);
      if (status === 401 || status === 403) kept.refused();
      return await parse(status, data);
    } catch (error) {
      return whatWentWrong(error, signal);
    }
  };
  return {
    async query(expression, at, signal) {
      const began = performance.now();
      const answer = await ask(expression, at, signal);
      options.observe?.({ result: resultOf(answer), seconds: (performance.now() - began) / 1_000 });
      return placed(place, answer);
    },
  };
}

const results = { Refused: "refused", Away: "away", Late: "late", Stopped: "stopped" } as const;

function resultOf(answer: Answer): Parameters<QueryObserver>[0]["result"] {
  return answer.kind === "Problem" ? results[answer.cause] : "answered";
}

function parameters(query: string, at: Instant | undefined, { queryTimeout }: QueryApiOptions): Record<string, string> {
  return {
    query,
    ...(at === undefined ? {} : { time: (at / 1_000).toFixed(3) }),
    ...(queryTimeout === undefined ? {} : { timeout: renderDuration(queryTimeout) }),
  };
}

/** Asked by address, which every proxy lets through; a long question in a form. */
function send(http: AxiosInstance, params: Record<string, string>, signal: AbortSignal) {
  const path = "api/v1/query";
  const form = new URLSearchParams(params);
  if (form.toString().length <= longestInAddress) return http.get<Buffer>(path, { params, signal });
  return http.post<Buffer>(path, form, { signal });
}

function connect({ address, headers }: QueryApiOptions, credentials: Credentials): AxiosInstance {
  const { basicAuth, bearerToken, ca, certificate, key } = credentials;
  const tls = { ...(ca === undefined ? {} : { ca }), ...(certificate === undefined ? {} : { cert: certificate, key }) };
  return axios.create({
    baseURL: address.endsWith("/") ? address : `${address}/`,
    httpAgent: new HttpAgent({ keepAlive: true }),
    httpsAgent: new HttpsAgent({ keepAlive: true, ...tls }),
    ...(basicAuth === undefined ? {} : { auth: { ...basicAuth } }),
    headers: {
      Accept: "application/json",
      // Packing and unpacking would take longer than the way.
      "Accept-Encoding": "identity",
      ...(bearerToken === undefined ? {} : { Authorization: `Bearer ${bearerToken}` }),
      ...headers,
    },
    // The environment's proxy is for the world outside the cluster.
    proxy: false,
    // A redirect would carry the credentials to another place.
    maxRedirects: 0,
    maxContentLength: largestAnswer,
    responseType: "arraybuffer",
    validateStatus: () => true,
  });
}

function placed(place: string, answer: Answer): Answer {
  if (answer.kind !== "Problem") return answer;
  return { ...answer, problem: `Prometheus at ${place} ${answer.problem}` };
}

/** Error objects of axios carry the request with its headers: only their code goes into the sentence. */
function whatWentWrong(error: unknown, signal: AbortSignal): Problem {
  if (signal.aborted) return givenUp(signal);
  if (!isAxiosError(error)) {
    const why = error instanceof Error ? error.message : "unknown error";
    return { kind: "Problem", cause: "Away", problem: `could not be asked: ${why}` };
  }
  if (/maxContentLength/.test(error.message))
    return { kind: "Problem", cause: "Refused", problem: "answered with more than 128 MiB" };
  return { kind: "Problem", cause: "Away", problem: `cannot be reached (${error.code ?? error.name})` };
}

/** An address may hold a user's name and password. */
function displayAddress(address: string): string {
  try {
    const { origin, pathname } = new URL(address);
    return `${origin}${pathname === "/" ? "" : pathname}`;
  } catch {
    return "an address that is not a URL";
  }
}
