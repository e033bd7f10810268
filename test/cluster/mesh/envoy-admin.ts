import { readFile } from "node:fs/promises";
import { request } from "undici";

/** What one Envoy says about itself. */
export interface EnvoyAdmin {
  readonly url: string;
  /** Statistics whose whole name matches the regular expression. */
  stats(filter: string): Promise<Readonly<Record<string, number | string>>>;
  /** Opens the access logs anew, under their names. */
  reopenLogs(): Promise<void>;
  clusters(): Promise<unknown>;
}

export function createEnvoyAdmin(address: string): EnvoyAdmin {
  const url = `http://${address}`;
  return {
    url,
    async stats(filter) {
      const { body } = await request(`${url}/stats?format=json&filter=${encodeURIComponent(filter)}`);
      const { stats } = (await body.json()) as { stats: readonly { name?: string; value?: number | string }[] };
      return Object.fromEntries(
        stats.flatMap(({ name, value }) => (name === undefined || value === undefined ? [] : [[name, value]])),
      );
    },
    async reopenLogs() {
      const { body } = await request(`${url}/reopen_logs`, { method: "POST" });
      await body.dump();
    },
    async clusters() {
      const { body } = await request(`${url}/clusters?format=json`);
      return body.json();
    },
  };
}

/** The admin address that Envoy has written, once it has; undefined before. */
export async function readAdminAddress(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  return /^[\d.]+:\d+$/.test(text.trim()) ? text.trim() : undefined;
}
