import { hostname } from "node:os";
import { createCluster } from "./adapters/kubernetes/cluster.ts";
import { createEventAnnouncer } from "./adapters/kubernetes/event-announcer.ts";
import { createIstioRouter } from "./adapters/istio/istio-router.ts";
import { releasesSubsets } from "./adapters/istio/subset-original.ts";
import { createSubsetRouter } from "./adapters/istio/subset-router.ts";
import { readSecret } from "./adapters/kubernetes/secret-reader.ts";
import { credentialsFrom, tokenFile, type ReadCredentials } from "./adapters/prometheus/credentials.ts";
import { createPrometheusProvider } from "./adapters/prometheus/prometheus-provider.ts";
import type { QueryObserver } from "./adapters/prometheus/query-api.ts";
import type { Config } from "./config.ts";
import type { Dependencies } from "./controller/dependencies.ts";
import { Obstacles } from "./controller/obstacles.ts";
import { Sightings } from "./controller/sightings.ts";
import type { Settings } from "./domain/observation.ts";
import type { KubernetesObjects } from "./ports/kubernetes-objects.ts";
import type { Logger } from "./runtime/logger.ts";
import { version } from "./version.ts";

/** What a reconcile is put together from. */
export interface Composition {
  readonly config: Config;
  /** Must watch what the adapters read from caches. */
  readonly objects: KubernetesObjects;
  /** The hold in use, which may change while the operator runs. */
  readonly hold: () => Settings["hold"];
  readonly releaseMetrics: Dependencies["releaseMetrics"];
  /** Told about every query to Prometheus. */
  readonly onQuery?: QueryObserver;
  readonly log: Logger;
}

/** Everything that a reconcile reaches, made of the real adapters. */
export function composeDependencies(composition: Composition): Dependencies {
  const { config, objects, hold, releaseMetrics, onQuery, log } = composition;
  const clock = { now: () => Date.now() };
  const ordered = {
    debug: (fields: object, message: string) => log.debug(message, { ...fields }),
    warn: (fields: object, message: string) => log.warn(message, { ...fields }),
  };
  const mesh = {
    objects,
    rootNamespace: config.istioNamespace,
    clusterDomain: config.clusterDomain,
    namespaces: config.namespace,
  };
  const istio = createIstioRouter(mesh);
  const subsets = createSubsetRouter(mesh);
  return {
    cluster: createCluster({ objects, clock, log }),
    routerFor: (rollout) => (releasesSubsets(rollout) ? subsets : istio),
    metrics: createPrometheusProvider({
      address: config.prometheusAddress,
      headers: headersOf(config.prometheusHeader),
      credentials: credentialsOf(config, objects),
      seriesBudget: config.seriesBudget,
      observe: onQuery,
      clock,
      log: ordered,
    }),
    announcer: createEventAnnouncer({ objects, instance: identity(), log }),
    clock,
    get settings() {
      return {
        propagation: config.propagation,
        rollbackDeadline: config.rollbackDeadline,
        shiftDeadline: config.shiftDeadline,
        evidencePeriod: config.evidencePeriod,
        hold: hold(),
        engineVersion: version,
      };
    },
    releaseMetrics,
    obstacles: new Obstacles(),
    sightings: new Sightings(),
    log,
  };
}

/** What `--prometheus-secret` or `--prometheus-token-file` names, read whenever it is needed. */
function credentialsOf(config: Config, objects: KubernetesObjects): ReadCredentials | undefined {
  const { prometheusSecret: named, prometheusTokenFile, leaderElectNamespace } = config;
  if (named === undefined) return prometheusTokenFile === undefined ? undefined : tokenFile(prometheusTokenFile);
  const [name = "", namespace = leaderElectNamespace] = named.split("/").reverse();
  return async (signal) => credentialsFrom(await readSecret(objects, { namespace, name }, signal));
}

/** `X-Scope-OrgID: team-a` → its name and its value. */
function headersOf(lines: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
  );
}

/** This process, as leases and events name it. */
export function identity(): string {
  return `${hostname()}_${process.pid}`;
}
