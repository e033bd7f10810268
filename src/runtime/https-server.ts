import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Identity } from "./certificate.ts";
import { messageOf } from "./errors.ts";
import { pathOf } from "./request-path.ts";

export interface HttpsServerOptions {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly identity: Identity;
  /** Answers by path: what a JSON body that was posted there is answered with, as JSON. One that throws is a 400. */
  readonly routes: Readonly<Record<string, (body: unknown) => unknown>>;
}

export interface HttpsServer {
  readonly host: string;
  readonly port: number;
  /** New connections get this certificate; those that are open stay. */
  readonly use: (identity: Identity) => void;
  close(): Promise<void>;
}

/** More than the API server ever sends: two versions of an object of the largest size. Bytes. */
const largestBody = 16 * 1024 * 1024;

/** Serves JSON answers to JSON requests. Rejects when the port is taken. */
export async function startHttpsServer({ host, port, identity, routes }: HttpsServerOptions): Promise<HttpsServer> {
  const server = createServer({ ...secrets(identity), minVersion: "TLSv1.2" }, (request, response) => {
    answer(request, routes).then(
      (one) => write(response, one),
      // The caller went away in the middle of its request.
      () => response.destroy(),
    );
  });
  server.requestTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    host: address.address,
    port: address.port,
    use: (renewed) => {
      server.setSecureContext({ ...secrets(renewed), minVersion: "TLSv1.2" });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeIdleConnections();
        // What is being answered takes milliseconds; a connection that hangs must not keep the process.
        setTimeout(() => server.closeAllConnections(), 1_000).unref();
      }),
  };
}

function secrets({ certificate, key }: Identity) {
  return { cert: certificate, key };
}

interface Answer {
  readonly code: number;
  readonly body: unknown;
}

async function answer(request: IncomingMessage, routes: HttpsServerOptions["routes"]): Promise<Answer> {
  const respond = routes[pathOf(request)];
  if (respond === undefined) return { code: 404, body: "not found" };
  if (request.method !== "POST") return { code: 405, body: "only POST" };
  const text = await readBody(request);
  if (text === undefined) return { code: 413, body: "too large" };
  try {
    return { code: 200, body: respond(JSON.parse(text)) };
  } catch (error) {
    return { code: 400, body: messageOf(error) };
  }
}

/** Undefined when it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largestBody) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function write(response: ServerResponse, { code, body }: Answer): void {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
}
