import { setTimeout as delay } from "node:timers/promises";
import { kind, KubernetesError, type KubernetesClient, type KubernetesObject } from "../kubernetes.ts";
import { timestamp } from "./pod-status.ts";

interface NodeObject extends KubernetesObject {
  metadata?: KubernetesObject["metadata"] & { readonly labels?: Readonly<Record<string, string>> };
}

export const Nodes = kind<NodeObject>("v1", "Node");

/** What the node offers to pods. */
export const allocatable = { cpu: "64", memory: "256Gi", pods: "10000" };

/** The labels that the node is registered with. */
export function nodeLabels(name: string): Readonly<Record<string, string>> {
  return {
    "kubernetes.io/hostname": name,
    "topology.kubernetes.io/region": "local",
    "topology.kubernetes.io/zone": "local-a",
  };
}

const retryMs = 300;

/**
 * Registers the node that pods are bound to. A pod without a node would be deleted at once; one with a node stays,
 * terminating, until its node agent says that it has ended. The local cluster runs no controller that asks for a lease.
 */
export async function registerNode(
  client: KubernetesClient,
  name: string,
  address: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await register(client, name, address);
      return;
    } catch {
      await delay(retryMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

async function register(client: KubernetesClient, name: string, address: string): Promise<void> {
  try {
    await client.create({ apiVersion: "v1", kind: "Node", metadata: { name, labels: nodeLabels(name) } });
  } catch (error) {
    if (!(error instanceof KubernetesError && error.status === 409)) throw error;
  }
  const at = timestamp(Date.now());
  const ready = {
    type: "Ready",
    status: "True",
    reason: "KubeletReady",
    message: "local node agent",
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  };
  const status = {
    addresses: [{ type: "InternalIP", address }],
    capacity: allocatable,
    allocatable,
    conditions: [ready],
  };
  await client.patch(Nodes, { name }, { status }, { type: "strategic", subresource: "status" });
}
