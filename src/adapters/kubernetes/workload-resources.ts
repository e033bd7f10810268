import { group, plural, version } from "../../api/names.ts";
import type { Resource } from "../../ports/kubernetes-objects.ts";

/** Watched; a Cluster reads them from caches. */
export const rollouts: Resource = { group, version, plural };
export const deployments: Resource = { group: "apps", version: "v1", plural: "deployments" };
export const replicaSets: Resource = { group: "apps", version: "v1", plural: "replicasets" };

/** Watched; by them is known which pods a subset of the user's selects. */
export const services: Resource = { group: "", version: "v1", plural: "services" };
export const destinationRules: Resource = { group: "networking.istio.io", version: "v1", plural: "destinationrules" };

/** Not watched: a cache of all pods costs more than a list of the few canary pods while there are any. */
export const pods: Resource = { group: "", version: "v1", plural: "pods" };
export const persistentVolumeClaims: Resource = { group: "", version: "v1", plural: "persistentvolumeclaims" };

/** Annotations by which the Deployment controller knows what a ReplicaSet was last scaled for, and its number. */
export const desiredReplicasAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxReplicasAnnotation = "deployment.kubernetes.io/max-replicas";
export const revisionAnnotation = "deployment.kubernetes.io/revision";
