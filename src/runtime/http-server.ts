import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf } from "./errors.ts";
import type { Metrics } from "./metrics.ts";
import { pathOf } from "./request-path.ts";

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly metrics: Pick<Metrics, "render" | "contentType">;
  /** What is not ready yet; empty when all is. */
  readonly notReady: () => readonly string[];
  /** What is broken beyond repair; empty while the process is of use. */
  readonly unhealthy?: () => readonly string[];
}

export interface HttpServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

interface Answer {
  readonly code: number;
  readonly body: string;
  readonly type?: string;
}

/** Serves /metrics, /healthz and /readyz. Rejects when the port is taken. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer((request, response) => {
    void answer(request, options).then((one) => write(response, one));
  });
  // A scraper that stalls must not hold a connection for ever.
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    host: address,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, options: HttpServerOptions): Promise<Answer> {
  if (request.method !== "GET" && request.method !== "HEAD") return { code: 405, body: "only GET\n" };
  switch (pathOf(request)) {
    case "/healthz":
      return verdict(options.unhealthy?.() ?? []);
    case "/readyz":
      return verdict(options.notReady());
    case "/metrics":
      return renderMetrics(options);
    default:
      return { code: 404, body: "not found; there are /metrics, /healthz and /readyz\n" };
  }
}

async function renderMetrics({ metrics }: HttpServerOptions): Promise<Answer> {
  try {
    return { code: 200, body: await metrics.render(), type: metrics.contentType };
  } catch (error) {
    return { code: 500, body: `${messageOf(error)}\n` };
  }
}

function verdict(problems: readonly string[]): Answer {
  if (problems.length === 0) return { code: 200, body: "ok\n" };
  return { code: 503, body: `${problems.join("\n")}\n` };
}

function write(response: ServerResponse, { code, body, type = "text/plain; charset=utf-8" }: Answer): void {
  response.writeHead(code, { "content-type": type }).end(body);
}
