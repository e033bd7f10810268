import { readFileSync, writeFileSync } from "node:fs";
import { parse, stringify } from "yaml";

/** Writes the kubeconfig of somebody else of the same cluster: as `source`, with nothing but this token. Returns its path. */
export function writeKubeconfigWithToken(source: string, token: string, target: string): string {
  const config = parse(readFileSync(source, "utf8")) as { users: { user: object }[] };
  for (const entry of config.users) entry.user = { token };
  writeFileSync(target, stringify(config), { mode: 0o600 });
  return target;
}
