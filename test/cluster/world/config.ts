import type { BehaviourOverrides } from "../node-agent/behaviour.ts";
import type { DebounceTimes } from "../mesh/debounce.ts";
import type { PodSelector } from "../node-agent/node-agent.ts";
import type { Client } from "../mesh/objects.ts";

/** A proxy of the mesh and the workload that it belongs to. */
export interface ProxySpec {
  readonly name: string;
  readonly workload: string;
  readonly client: Client;
}

/** The file that the world process is started with. */
export interface WorldConfig {
  readonly kubeconfig: string;
  readonly runFolder: string;
  readonly proxies: readonly ProxySpec[];
  readonly debounce: DebounceTimes;
  readonly drainMs: number;
  /** Whether what pods' proxies report says which pod it was, as a scrape configuration with the label `pod` does. */
  readonly podsApart: boolean;
}

/** The line that the world prints once its addresses are known; Envoys can be started then. */
export interface WorldReady {
  readonly control: string;
  readonly metrics: string;
  readonly proxies: readonly {
    readonly name: string;
    readonly address: string;
    readonly folder: string;
    readonly metrics: string;
  }[];
}

/** Requests to the world's control address: POST /<name> with one of these bodies. */
export interface WorldRequests {
  readonly proxy: { readonly name: string; readonly delayMs?: number; readonly frozen?: boolean };
  readonly pods: { readonly selector: PodSelector; readonly overrides: BehaviourOverrides | null };
  readonly dependency: { readonly name: string; readonly down: boolean };
  readonly debounce: { readonly ms: number };
}

/** The three callers that every cluster has. */
export const standardProxies: readonly ProxySpec[] = [
  {
    name: "gateway",
    workload: "gateway",
    client: { kind: "gateway", namespace: "istio-system", labels: { app: "gateway" }, gatewayPort: 8080 },
  },
  { name: "client", workload: "client", client: { kind: "sidecar", namespace: "default", labels: { app: "client" } } },
  {
    name: "delayed",
    workload: "delayed-client",
    client: { kind: "sidecar", namespace: "default", labels: { app: "delayed-client" } },
  },
];
