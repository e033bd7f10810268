import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
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
/** Envoys of a cluster that share this user's inotify instances; each takes one per file that it watches. */
const envoys = 3;
const reservedInstances = 20;

/** Envoy ends with an assertion when it cannot watch a file: refuse before that, and say what helps. */
function checkWatchable(clusters: number): void {
  const limit = Number(readFileSync("/proc/sys/fs/inotify/max_user_instances", "utf8"));
  const each = Math.floor((limit - reservedInstances) / envoys);
  if (clusters <= each) return;
  const needed = clusters * envoys + reservedInstances;
  throw new Error(
    `${clusters} clusters of the mesh need more inotify instances: sysctl fs.inotify.max_user_instances=${needed}`,
  );
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
      checkWatchable(config.endpoints.length);
      version += 1;
      const { clusters, listeners, routes, endpoints } = xdsResources(config, address, files);
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
