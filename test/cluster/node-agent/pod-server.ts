import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { drawLatency, standardNormal, type Behaviour } from "./behaviour.ts";

/** What the pod did with one request; status 0 when the caller went away first. */
export interface Answered {
  readonly authority: string;
  readonly remoteAddress: string;
  readonly status: number;
  readonly durationMs: number;
}

export interface PodServerOptions {
  readonly pod: string;
  readonly address: string;
  readonly ports: readonly number[];
  readonly behaviour: () => Behaviour;
  readonly isDown: (dependency: string) => boolean;
  readonly onAnswered: (answered: Answered) => void;
}

export interface PodServer {
  /** Ends connections that are idle at once and the rest after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

const none = -1;

/** Serves a pod's containers over HTTP/1.1 at its loopback address. */
export async function startPodServer(options: PodServerOptions): Promise<PodServer> {
  const servers: Server[] = [];
  try {
    for (const port of options.ports) servers.push(await serve(options, port));
  } catch (error) {
    await Promise.all(servers.map((server) => close(server, 0)));
    throw error;
  }
  return {
    async stop(graceMs) {
      await Promise.all(servers.map((server) => close(server, graceMs)));
    },
  };
}

function serve(options: PodServerOptions, port: number): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (request, response) =>
    answer(options, request, response),
  );
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.address, port, exclusive: true }, () => resolve(server));
  });
}

function close(server: Server, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function answer(options: PodServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const began = performance.now();
  const behaviour = options.behaviour();
  const remoteAddress = request.socket.remoteAddress ?? "";
  request.resume();
  response.once("close", () => {
    const status = response.writableFinished ? response.statusCode : 0;
    options.onAnswered({
      authority: request.headers.host ?? "",
      remoteAddress,
      status,
      durationMs: performance.now() - began,
    });
  });
  const status = statusFor(behaviour, options.isDown);
  if (status === none) return;
  const wait = drawLatency(behaviour, standardNormal);
  if (wait < 1) reply(response, status, options.pod, behaviour.version);
  else setTimeout(() => reply(response, status, options.pod, behaviour.version), wait);
}

function statusFor(behaviour: Behaviour, isDown: (dependency: string) => boolean): number {
  if (Math.random() < behaviour.hangRate) return none;
  if (behaviour.dependencies.some(isDown)) return 503;
  return Math.random() < behaviour.errorRate ? behaviour.errorStatus : 200;
}

function reply(response: ServerResponse, status: number, pod: string, version: string): void {
  if (response.destroyed) return;
  response.writeHead(status, { "content-type": "text/plain", "x-version": version, "x-pod": pod });
  response.end(`${version} ${pod}\n`);
}
