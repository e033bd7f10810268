import { onTestFinished } from "vitest";
import { createInformers, type Informers, type WatchProblem } from "../../../src/adapters/kubernetes/informers.ts";
import { createKubernetesObjects } from "../../../src/adapters/kubernetes/objects.ts";
import { connect, type Transport } from "../../../src/adapters/kubernetes/transport.ts";
import type { KubernetesObjects } from "../../../src/ports/kubernetes-objects.ts";
import { systemTimers } from "../../../src/runtime/timers.ts";

export const configMaps = { group: "", version: "v1", plural: "configmaps" };
export const namespaces = { group: "", version: "v1", plural: "namespaces" };

/** The adapters over one connection, ended with the test. */
export interface ClusterAccess {
  readonly transport: Transport;
  readonly informers: Informers;
  readonly objects: KubernetesObjects;
  readonly problems: WatchProblem[];
  /** Requests by verb and code. */
  readonly requests: string[];
  readonly signal: AbortSignal;
}

export function accessCluster(kubeconfig: string): ClusterAccess {
  const stop = new AbortController();
  const requests: string[] = [];
  const problems: WatchProblem[] = [];
  const transport = connect({ kubeconfig }, ({ verb, code }) => requests.push(`${verb} ${code}`));
  const onProblem = (problem: WatchProblem) => problems.push(problem);
  const informers = createInformers({ transport, timers: systemTimers, onProblem });
  onTestFinished(async () => {
    stop.abort();
    await transport.close();
  });
  const objects = createKubernetesObjects(transport, informers);
  return { transport, informers, objects, problems, requests, signal: stop.signal };
}

/** A namespace of its own for one test. */
export async function createNamespace(
  { objects, signal }: Pick<ClusterAccess, "objects" | "signal">,
  name: string,
): Promise<string> {
  const unique = `${name}-${Date.now().toString(36)}`;
  await objects.create(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name: unique } }, { signal });
  return unique;
}

/** A ConfigMap, as an object to create. */
export function configMap(namespace: string, name: string, data: Readonly<Record<string, string>> = {}): object {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name }, data };
}
