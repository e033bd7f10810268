import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { until } from "../processes/until.ts";
import type { EnvoyAdmin } from "./envoy-admin.ts";
import { bootstrap, discoveryResponse, xdsResources, type ProxyFiles } from "./local-envoy.ts";
import type { EnvoyConfig } from "./envoy-types.ts";

/** Writes the configuration of one Envoy in istiod's order and knows when it is in use. */
export interface XdsWriter {
  /** Clusters and endpoints first; routes only once Envoy has the clusters. Resolves when Envoy uses all of it. */
  deliver(config: EnvoyConfig): Promise<void>;
}

const applyTimeoutMs = 10_000;
/** Instances that are left for those who take one meanwhile. */
const spareInstances = 8;

/**
 * Envoy takes one of this user's inotify instances for each file that it watches, and ends with an assertion when none is
 * left: refuse before that, and say what helps.
 */
function checkWatchable(files: number): void {
  const limit = Number(readFileSync("/proc/sys/fs/inotify/max_user_instances", "utf8"));
  const needed = inotifyInstances() + files + spareInstances;
  if (needed <= limit) return;
  throw new Error(
    `${files} more files of the mesh need more inotify instances: sysctl fs.inotify.max_user_instances=${2 * needed}`,
  );
}

/** How many are in use by processes that may be looked at, which those of this user are. */
function inotifyInstances(): number {
  const isInstance = (path: string) => readlinkSync(path) === "anon_inode:inotify";
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const descriptors = processes.flatMap((id) =>
    orNone(() => readdirSync(`/proc/${id}/fd`)).map((fd) => `${id}/fd/${fd}`),
  );
  return descriptors.filter((path) => orNone(() => [isInstance(`/proc/${path}`)]).includes(true)).length;
}

/** Processes end and files are closed while one looks, and others' may not be looked at. */
function orNone<T>(look: () => T[]): T[] {
  try {
    return look();
  } catch {
    return [];
  }
}

/** Writes what Envoy needs to start: an empty configuration. */
export function prepareProxy(name: string, address: string, files: ProxyFiles): void {
  mkdirSync(files.folder, { recursive: true });
  writeFileSync(files.bootstrap, JSON.stringify(bootstrap(name, address, files), undefined, 2));
  writeFileSync(files.cds, discoveryResponse(0, []));
  writeFileSync(files.lds, discoveryResponse(0, []));
  writeFileSync(files.accessLog, "");
}

export function createXdsWriter(address: string, files: ProxyFiles, admin: EnvoyAdmin): XdsWriter {
  const written = new Map<string, string>();
  let version = 0;

  /** Returns whether there was something to write. Envoy watches for files that are moved to a name. */
  const write = (path: string, resources: readonly object[]): boolean => {
    const content = JSON.stringify(resources);
    if (written.get(path) === content) return false;
    writeFileSync(`${path}.new`, discoveryResponse(version, resources));
    renameSync(`${path}.new`, path);
    written.set(path, content);
    return true;
  };

  const applied = async (what: string, rejected: string, versions: readonly string[]): Promise<void> => {
    const names = [...versions, rejected, "cluster_manager.warming_clusters"];
    const filter = `^(${names.map((name) => name.replaceAll(".", "\\.")).join("|")})$`;
    const before = (await admin.stats(filter))[rejected];
    await until(
      async () => {
        const stats = await admin.stats(filter);
        if (stats[rejected] !== before) throw new Rejected(`Envoy refused ${what}; see its log`);
        return (
          stats["cluster_manager.warming_clusters"] === 0 && versions.every((name) => stats[name] === `${version}`)
        );
      },
      { timeout: applyTimeoutMs, every: 10, what: `the use of ${what} version ${version}` },
    );
  };

  return {
    async deliver(config) {
      const { clusters, listeners, routes, endpoints } = xdsResources(config, address, files);
      const unwatched = [...endpoints.keys(), ...routes.keys()].filter((path) => !written.has(path)).length;
      if (unwatched > 0) checkWatchable(unwatched);
      version += 1;
      for (const [path, resource] of endpoints) write(path, [resource]);
      if (write(files.cds, clusters)) {
        await applied("clusters", "cluster_manager.cds.update_rejected", ["cluster_manager.cds.version_text"]);
      }
      const changed = [...routes].filter(([path, { resource }]) => write(path, [resource])).map(([, route]) => route);
      if (write(files.lds, listeners)) {
        await applied("listeners", "listener_manager.lds.update_rejected", ["listener_manager.lds.version_text"]);
      }
      for (const { name, listener } of changed) {
        const prefix = `http.outbound_${listener}.rds.${name.replaceAll(":", "_")}`;
        await applied(`routes ${name}`, `${prefix}.update_rejected`, [`${prefix}.version_text`]);
      }
      for (const path of written.keys()) {
        if (path === files.cds || path === files.lds || routes.has(path) || endpoints.has(path)) continue;
        rmSync(path, { force: true });
        written.delete(path);
      }
    },
  };
}

class Rejected extends Error {}
