import type { ObjectMeta } from "../mesh/objects.ts";

/** Istio's name of a pod's workload: its ReplicaSet less the pod-template-hash, else its controller, else the pod. */
export function workloadOf(metadata: ObjectMeta): string {
  const controller = metadata.ownerReferences?.find((each) => each.controller === true);
  if (controller === undefined) return metadata.name;
  const hash = metadata.labels?.["pod-template-hash"];
  const suffix = `-${hash ?? ""}`;
  const isReplicaSet = controller.kind === "ReplicaSet" && hash !== undefined && controller.name.endsWith(suffix);
  return isReplicaSet ? controller.name.slice(0, -suffix.length) : controller.name;
}

/** Istio's revision of a workload. */
export function revisionOf(labels: ObjectMeta["labels"]): string {
  return (
    labels?.["service.istio.io/canonical-revision"] ??
    labels?.["app.kubernetes.io/version"] ??
    labels?.["version"] ??
    "latest"
  );
}

/** Istio's canonical service, which is also what it reports as app when there is no `app` label. */
export function canonicalServiceOf(metadata: ObjectMeta): string {
  const { labels } = metadata;
  return (
    labels?.["service.istio.io/canonical-name"] ??
    labels?.["app.kubernetes.io/name"] ??
    labels?.["app"] ??
    workloadOf(metadata)
  );
}
