import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Handler = (body: unknown) => unknown;

export interface ControlServer {
  readonly address: string;
  stop(): Promise<void>;
}

/** JSON over HTTP on loopback: `GET /name` and `POST /name` call the handler of that name. */
export async function startControlServer(handlers: Readonly<Record<string, Handler>>): Promise<ControlServer> {
  const server = createServer((request, response) => void respond(handlers, request, response));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function respond(
  handlers: Readonly<Record<string, Handler>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const handler = handlers[(request.url ?? "").slice(1)];
  if (handler === undefined) return void response.writeHead(404).end();
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const answer = await handler(text === "" ? undefined : JSON.parse(text));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer ?? null));
  } catch (error) {
    response.writeHead(400).end(error instanceof Error ? error.message : String(error));
  }
}
