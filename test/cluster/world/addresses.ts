import { createServer, type Server } from "node:net";

/**
 * The addresses of one local cluster. The API server refuses loopback addresses for pods, so a pod has 10.a.b.c and is
 * served at 127.a.b.c. `a` is the cluster's own: two clusters on one machine never meet.
 */

/** Whoever listens here on 127.a.0.1 owns the /16. */
const claimPort = 47361;
const firstNetwork = 16;
const lastNetwork = 239;
/** Ports below need privileges on most machines. */
const firstFreePort = 1024;
const privilegedShift = 20_000;

export interface AddressSpace {
  readonly network: number;
  /** The 127.a.0.x addresses of proxies and of the world itself. */
  infrastructure(index: number): string;
  /** A pod address that nobody has, or the one it had before if that is still free. */
  takePodIP(before?: string): string;
  givePodIP(podIP: string): void;
  release(): Promise<void>;
}

/** Where a pod's address is really served. */
export function servedAddress(podIP: string): string {
  return podIP.replace(/^10\./, "127.");
}

/** The pod address behind a served one. */
export function podAddress(served: string): string {
  return served.replace(/^127\./, "10.");
}

/** Where a port is really served: privileged ports are shifted up. */
export function servedPort(port: number): number {
  return port < firstFreePort ? privilegedShift + port : port;
}

/** Claims the first free /16; it stays ours for as long as this process lives. */
export async function claimAddressSpace(): Promise<AddressSpace> {
  for (let network = firstNetwork; network <= lastNetwork; network += 1) {
    const claim = await listen(`127.${network}.0.1`);
    if (claim !== undefined) return addressSpace(network, claim);
  }
  throw new Error(`no free network among 127.${firstNetwork}.0.0/16 to 127.${lastNetwork}.0.0/16`);
}

function listen(host: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve) => {
    server.once("error", () => resolve(undefined));
    server.listen({ host, port: claimPort, exclusive: true }, () => {
      server.unref();
      resolve(server);
    });
  });
}

function addressSpace(network: number, claim: Server): AddressSpace {
  const taken = new Set<string>();
  let last = 0;
  const next = (): string => {
    // 10.a.1.1 to 10.a.255.254; 10.a.0.x is infrastructure.
    last = (last + 1) % (255 * 254);
    return `10.${network}.${1 + Math.floor(last / 254)}.${1 + (last % 254)}`;
  };
  return {
    network,
    infrastructure: (index) => `127.${network}.0.${index}`,
    takePodIP(before) {
      let podIP = before?.startsWith(`10.${network}.`) === true ? before : next();
      while (taken.has(podIP)) podIP = next();
      taken.add(podIP);
      return podIP;
    },
    givePodIP: (podIP) => void taken.delete(podIP),
    release: () => new Promise((resolve) => claim.close(() => resolve())),
  };
}
