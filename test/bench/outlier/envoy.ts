// One Envoy that plays many calling proxies: a cluster for each, of the same hosts; each counts errors for itself.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createEnvoyAdmin, readAdminAddress } from "../../cluster/mesh/envoy-admin.ts";
import { onFreePorts } from "../../cluster/processes/ports.ts";
import type { Supervisor } from "../../cluster/processes/supervisor.ts";
import { until } from "../../cluster/processes/until.ts";

export interface PlayedProxies {
  /** Where all of them listen; the header `x-caller` chooses one: `caller-0` and so on. */
  readonly url: string;
  /** Ejections so far, of all hosts by all proxies, and hosts that are ejected now. */
  ejections(): Promise<{ readonly all: number; readonly now: number }>;
  stop(): Promise<void>;
}

export interface ProxyOptions {
  readonly supervisor: Supervisor;
  readonly envoyPath: string;
  readonly callers: number;
  /** Ports of the pods on 127.0.0.1, each with the part of the requests that it is to get. */
  readonly pods: readonly { readonly port: number; readonly weight: number }[];
  readonly inARow: number;
  readonly maxEjectionPercent: number;
  /** How long a pod stays away, and how often that is looked at; milliseconds. */
  readonly baseEjectionTime: number;
  readonly interval: number;
}

let started = 0;

/** Starts it; it belongs to the supervisor. */
export async function playProxies(options: ProxyOptions): Promise<PlayedProxies> {
  const { supervisor, envoyPath } = options;
  started += 1;
  const name = `envoy-outlier-${started}`;
  return onFreePorts(1, async ([port = 0]) => {
    const bootstrap = join(supervisor.folder, `${name}.json`);
    const adminFile = join(supervisor.folder, `${name}-admin`);
    writeFileSync(bootstrap, JSON.stringify(configuration(options, port)));
    const once = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"];
    const process = await supervisor.start({
      name,
      command: envoyPath,
      args: ["-c", bootstrap, "--admin-address-path", adminFile, ...once],
      ready: async () => (await readAdminAddress(adminFile)) !== undefined,
    });
    const admin = createEnvoyAdmin((await readAdminAddress(adminFile)) ?? "");
    const total = async (stat: string) => {
      const stats = await admin.stats(`^cluster\\.caller-\\d+\\.outlier_detection\\.${stat}$`);
      return Object.values(stats).reduce<number>((sum, value) => sum + Number(value), 0);
    };
    await until(async () => Object.keys(await admin.stats("^listener_manager.total_listeners_active$")).length > 0, {
      timeout: 10_000,
      what: "the listener of an Envoy",
    });
    return {
      url: `http://127.0.0.1:${port}`,
      ejections: async () => ({
        all: await total("ejections_enforced_consecutive_5xx"),
        now: await total("ejections_active"),
      }),
      stop: () => process.stop(),
    };
  });
}

function configuration(options: ProxyOptions, port: number): object {
  const callers = Array.from({ length: options.callers }, (_none, index) => `caller-${index}`);
  const types = "type.googleapis.com/envoy.extensions.filters";
  return {
    admin: { address: { socketAddress: { address: "127.0.0.1", portValue: 0 } } },
    staticResources: {
      listeners: [
        {
          name: "callers",
          address: { socketAddress: { address: "127.0.0.1", portValue: port } },
          filterChains: [
            {
              filters: [
                {
                  name: "envoy.filters.network.http_connection_manager",
                  typedConfig: {
                    "@type": `${types}.network.http_connection_manager.v3.HttpConnectionManager`,
                    statPrefix: "callers",
                    generateRequestId: false,
                    routeConfig: {
                      virtualHosts: [
                        {
                          name: "all",
                          domains: ["*"],
                          routes: [{ match: { prefix: "/" }, route: { clusterHeader: "x-caller" } }],
                        },
                      ],
                    },
                    httpFilters: [
                      {
                        name: "envoy.filters.http.router",
                        typedConfig: { "@type": `${types}.http.router.v3.Router`, suppressEnvoyHeaders: true },
                      },
                    ],
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: callers.map((name) => clusterOf(name, options)),
    },
  };
}

/** As Istio configures it, but for how long a pod stays away. */
function clusterOf(name: string, options: ProxyOptions): object {
  const { pods, inARow, maxEjectionPercent, baseEjectionTime, interval } = options;
  const seconds = (milliseconds: number) => `${milliseconds / 1_000}s`;
  return {
    name,
    type: "STATIC",
    connectTimeout: "10s",
    lbPolicy: "ROUND_ROBIN",
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
    outlierDetection: {
      consecutive5xx: inARow,
      enforcingConsecutive5xx: 100,
      enforcingSuccessRate: 0,
      maxEjectionPercent,
      baseEjectionTime: seconds(baseEjectionTime),
      maxEjectionTime: seconds(Math.max(baseEjectionTime, interval)),
      interval: seconds(interval),
    },
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: pods.map(({ port, weight }) => ({
            endpoint: { address: { socketAddress: { address: "127.0.0.1", portValue: port } } },
            loadBalancingWeight: weight,
          })),
        },
      ],
    },
  };
}
