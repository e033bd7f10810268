import type { KubernetesObject } from "../ports/kubernetes-objects.ts";

/** Whether traffic is at risk until somebody has looked: a canary has some, or a rollback is under way. */
export function isAtRisk(rollout: KubernetesObject | undefined): boolean {
  const release = rollout?.status?.["release"] as
    { readonly decision?: unknown; readonly traffic?: { readonly weight?: unknown } } | undefined;
  return release?.decision === "Rollback" || Number(release?.traffic?.weight ?? 0) > 0;
}
