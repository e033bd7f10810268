import { readFile } from "node:fs/promises";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import axios, { isAxiosError } from "axios";
import type { AxiosInstance } from "axios";
import type { Instant } from "../../api/instant.ts";
import type { Answer } from "./answers.ts";
import { readAnswer } from "./answers.ts";

/** Where Prometheus is and how to be let in. Secrets are files where they rotate; none of this is ever logged. */
export interface QueryApiOptions {
  /** `https://prometheus.example:9090`, a path in front of `/api/v1` included. */
  readonly address: string;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** Read before every query, so that a rotated token is used at once. */
  readonly bearerTokenFile?: string | undefined;
  readonly basicAuth?: { readonly username: string; readonly password: string } | undefined;
  /** For tenants: `X-Scope-OrgID` and the like. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Asks Prometheus for the value of an expression. Never rejects. */
export interface QueryApi {
  /** `at` on Prometheus's clock; undefined means its own now. */
  query(expression: string, at: Instant | undefined, signal: AbortSignal): Promise<Answer>;
}

/** A series of 1,000 samples is about 30 kB: this is room for thousands of them, and a stop for what is not an answer. */
const largestAnswer = 128 * 1024 * 1024;

/** The one place that talks HTTP to Prometheus; connections are kept and shared. */
export function createQueryApi(options: QueryApiOptions): QueryApi {
  const http = connect(options);
  const place = displayAddress(options.address);
  return {
    async query(expression, at, signal) {
      const params = { query: expression, ...(at === undefined ? {} : { time: (at / 1_000).toFixed(3) }) };
      try {
        const headers = await bearerToken(options.bearerTokenFile);
        const { status, data } = await http.get<string>("api/v1/query", { params, headers, signal });
        return placed(place, readAnswer(status, data));
      } catch (error) {
        return placed(place, { kind: "Problem", problem: whatWentWrong(error, signal) });
      }
    },
  };
}

function connect({ address, ca, basicAuth, headers }: QueryApiOptions): AxiosInstance {
  return axios.create({
    baseURL: address.endsWith("/") ? address : `${address}/`,
    httpAgent: new HttpAgent({ keepAlive: true }),
    httpsAgent: new HttpsAgent({ keepAlive: true, ...(ca === undefined ? {} : { ca }) }),
    ...(basicAuth === undefined ? {} : { auth: { ...basicAuth } }),
    headers: { Accept: "application/json", ...headers },
    // The environment's proxy is for the world outside the cluster.
    proxy: false,
    // A redirect would carry the credentials to another place.
    maxRedirects: 0,
    maxContentLength: largestAnswer,
    responseType: "text",
    transformResponse: (body: string) => body,
    validateStatus: () => true,
  });
}

async function bearerToken(file: string | undefined): Promise<Record<string, string>> {
  if (file === undefined) return {};
  return { Authorization: `Bearer ${(await readFile(file, "utf8")).trim()}` };
}

function placed(place: string, answer: Answer): Answer {
  if (answer.kind !== "Problem") return answer;
  return { kind: "Problem", problem: `Prometheus at ${place} ${answer.problem}` };
}

/** Error objects of axios carry the request with its headers: only their code goes into the sentence. */
function whatWentWrong(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) {
    const late = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError";
    return late ? "did not answer in time" : "was not waited for, because the operator is stopping";
  }
  const code = error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
  if (!isAxiosError(error))
    return `could not be asked: the bearer token file cannot be read (${code ?? "unknown error"})`;
  return `cannot be reached (${code ?? error.name})`;
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
