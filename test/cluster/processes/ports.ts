import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { ProcessFailed, lastLines } from "./supervised.ts";

async function listen(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return server;
}

/** As many different loopback ports as asked for, all free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const ATTEMPTS = 5;

/** Starts something on free ports, and again on others when somebody else was faster to take one. */
export async function onFreePorts<T>(count: number, start: (ports: readonly number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePorts(count));
    } catch (error) {
      const lost = error instanceof ProcessFailed && lastLines(error.log, 100).includes("address already in use");
      if (!lost || attempt === ATTEMPTS) throw error;
    }
  }
}
