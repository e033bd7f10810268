import { setTimeout as delay } from "node:timers/promises";
import { kind, KubernetesError, type KubernetesClient, type KubernetesObject } from "../kubernetes.ts";
import { timestamp } from "./pod-status.ts";

const Nodes = kind<KubernetesObject>("v1", "Node");
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
  const labels = {
    "kubernetes.io/hostname": name,
    "topology.kubernetes.io/region": "local",
    "topology.kubernetes.io/zone": "local-a",
  };
  try {
    await client.create({ apiVersion: "v1", kind: "Node", metadata: { name, labels } });
  } catch (error) {
    if (!(error instanceof KubernetesError && error.status === 409)) throw error;
  }
  const at = timestamp(Date.now());
  const resources = { cpu: "64", memory: "256Gi", pods: "10000" };
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
    capacity: resources,
    allocatable: resources,
    conditions: [ready],
  };
  await client.patch(Nodes, { name }, { status }, { type: "strategic", subresource: "status" });
}
