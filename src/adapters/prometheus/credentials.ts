import { readFile } from "node:fs/promises";

/** How to be let in. */
export interface Credentials {
  readonly bearerToken?: string | undefined;
  readonly basicAuth?: { readonly username: string; readonly password: string } | undefined;
  /** PEM certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** What the client shows itself, PEM. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

/** Reads credentials afresh, so that rotated ones are used soon; rejects with a sentence that holds none of them. */
export type ReadCredentials = (signal: AbortSignal) => Promise<Credentials>;

/** The members of a Secret that are understood, named as the types of Secrets in Kubernetes name them. */
export function credentialsFrom(members: Readonly<Record<string, string>>): Credentials {
  const { token, username, password = "", "ca.crt": ca, "tls.crt": certificate, "tls.key": key } = members;
  return {
    ...(token === undefined ? {} : { bearerToken: token.trim() }),
    ...(username === undefined ? {} : { basicAuth: { username, password } }),
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
  };
}

/** A token that is kept in a file, as Kubernetes mounts those of service accounts. */
export function tokenFile(path: string): ReadCredentials {
  return async () => {
    try {
      return { bearerToken: (await readFile(path, "utf8")).trim() };
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
      throw new Error(`the bearer token file cannot be read (${code})`, { cause: error });
    }
  };
}

/** How long credentials are used without being read again. */
const goodFor = 60_000;

export interface KeptCredentials {
  current(signal: AbortSignal): Promise<Credentials>;
  /** They were not accepted: the next time they are read afresh. */
  refused(): void;
}

/** Keeps credentials for a minute, and the old ones where new ones cannot be read. */
export function keepCredentials(read: ReadCredentials, now: () => number): KeptCredentials {
  let known: { readonly credentials: Credentials; readonly readAt: number } | undefined;
  let isRefused = false;
  return {
    async current(signal) {
      if (known !== undefined && !isRefused && now() - known.readAt < goodFor) return known.credentials;
      try {
        known = { credentials: await read(signal), readAt: now() };
        isRefused = false;
      } catch (error) {
        if (known === undefined) throw error;
      }
      return known.credentials;
    },
    refused() {
      isRefused = true;
    },
  };
}
