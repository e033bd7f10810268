import { createHash } from "node:crypto";
import type { KubeConfig } from "@kubernetes/client-node";
import { Agent, type Dispatcher } from "undici";

/** All that a request needs besides its own content. */
export interface Access {
  /** URL of the API server, without a slash at the end. */
  readonly server: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
}

/** Keeps the way to the API server: one connection pool, headers that follow rotated tokens and certificates. */
export interface Credentials {
  /** Rejects when a credential cannot be read or its plugin fails. */
  access(): Promise<Access>;
  /** Forgets everything that was read: the API server did not accept it. */
  refresh(): void;
  close(): Promise<void>;
}

/** Files are looked at again this often; their own refresh (60 s for token files) applies on top. */
const lifetime = 10_000;

/** Longer than the API server's requests are apart, shorter than the 90 s after which it closes a quiet connection. */
const keepAlive = 60_000;

interface TlsMaterial {
  readonly ca?: unknown;
  readonly cert?: unknown;
  readonly key?: unknown;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

type RequestOptions = TlsMaterial & { headers?: Record<string, unknown>; auth?: string };

/** Credentials as the kubeconfig that `load` reads has them; `load` is called again after a refusal. */
export function createCredentials(load: () => KubeConfig): Credentials {
  let config: KubeConfig | undefined;
  let current: { readonly access: Promise<Access>; readonly until: number } | undefined;
  let pool: { readonly fingerprint: string; readonly dispatcher: Dispatcher } | undefined;

  async function read(): Promise<Access> {
    config ??= load();
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options as Parameters<KubeConfig["applyToHTTPSOptions"]>[0]);
    const server = config.getCurrentCluster()?.server ?? "";
    const tls = tlsMaterial(options);
    const fingerprint = fingerprintOf(server, tls);
    if (pool?.fingerprint !== fingerprint) {
      void pool?.dispatcher.close();
      pool = { fingerprint, dispatcher: await createDispatcher(config, tls) };
    }
    return { server, headers: headersOf(options), dispatcher: pool.dispatcher };
  }

  return {
    access() {
      const now = performance.now();
      if (current === undefined || current.until < now) {
        const access = read();
        const mine = { access, until: now + lifetime };
        current = mine;
        access.catch(() => {
          if (current === mine) current = undefined;
        });
      }
      return current.access;
    },
    refresh() {
      config = undefined;
      current = undefined;
    },
    async close() {
      current = undefined;
      await pool?.dispatcher.destroy();
    },
  };
}

function tlsMaterial(options: RequestOptions): TlsMaterial {
  const names = ["ca", "cert", "key", "passphrase", "servername", "rejectUnauthorized"] as const;
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
}

function fingerprintOf(server: string, tls: TlsMaterial): string {
  return createHash("sha256")
    .update(JSON.stringify([server, tls]))
    .digest("hex");
}

function headersOf(options: RequestOptions): Record<string, string> {
  const basic =
    options.auth === undefined ? {} : { authorization: `Basic ${Buffer.from(options.auth).toString("base64")}` };
  // A token file may end with a line break, which no header can carry.
  const given = Object.entries(options.headers ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    String(value).trim(),
  ]);
  return { ...basic, ...(Object.fromEntries(given) as Record<string, string>) };
}

/**
 * HTTP/1.1 on purpose: each watch has a connection of its own, so that a dead one takes nothing else with it. TCP
 * keep-alive finds a peer that vanished without a word.
 */
async function createDispatcher(config: KubeConfig, tls: TlsMaterial): Promise<Dispatcher> {
  if (config.getCurrentCluster()?.proxyUrl) return proxyOf(config);
  return new Agent({
    allowH2: false,
    keepAliveTimeout: keepAlive,
    keepAliveMaxTimeout: keepAlive,
    headersTimeout: 60_000,
    bodyTimeout: 0,
    connect: { ...(tls as object), timeout: 5_000, keepAlive: true, keepAliveInitialDelay: 15_000 },
  });
}

/** client-node knows HTTP and SOCKS proxies; it makes a pool for each call, of which we keep one. */
async function proxyOf(config: KubeConfig): Promise<Dispatcher> {
  let made: Dispatcher | undefined;
  const context = {
    setHeaderParam: () => undefined,
    setDispatcher: (dispatcher: Dispatcher) => {
      made = dispatcher;
    },
  };
  await config.applySecurityAuthentication(
    context as unknown as Parameters<KubeConfig["applySecurityAuthentication"]>[0],
  );
  return made ?? new Agent({ allowH2: false });
}
