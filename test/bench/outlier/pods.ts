// Pods that fail a share of their requests, and what calls them.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "undici";

export interface PlayedPod {
  readonly port: number;
  /** Requests answered so far. */
  requests(): number;
  stop(): Promise<void>;
}

/** A pod that fails each request with a chance of `share`. */
export async function playPod(share: number, random: () => number): Promise<PlayedPod> {
  let requests = 0;
  const server: Server = createServer((_request, response) => {
    requests += 1;
    response.writeHead(random() < share ? 503 : 200).end();
  });
  await new Promise<void>((resolve) => server.listen({ host: "127.0.0.1", port: 0, exclusive: true }, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    requests: () => requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export interface Calling {
  readonly url: string;
  readonly callers: number;
  /** Milliseconds between an answer and the next request. */
  readonly pause: number;
  readonly isEnough: () => boolean;
  readonly signal: AbortSignal;
}

/** Each caller makes one request at a time until it is enough. */
export async function callAll({ url, callers, pause, isEnough, signal }: Calling): Promise<void> {
  const pool = new Pool(url, { connections: callers, pipelining: 1 });
  const call = async (caller: string) => {
    while (!isEnough()) {
      signal.throwIfAborted();
      const { body } = await pool.request({ path: "/", method: "GET", headers: { "x-caller": caller } });
      await body.dump();
      if (pause > 0) await delay(pause);
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, (_none, index) => call(`caller-${index}`)));
  } finally {
    await pool.close();
  }
}
