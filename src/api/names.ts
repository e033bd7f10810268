/** The API group of everything that Serin adds to a cluster. */
export const group = "serin.dev";
export const version = "v1alpha1";
export const apiVersion = `${group}/${version}`;
export const kind = "Rollout";
export const plural = "rollouts";

/** The field manager under which every write is made, so that others can tell whose a change was. */
export const fieldManager = "serin";

/** Keeps a Rollout until its traffic and workload are given back. */
export const finalizer = `${group}/let-go`;

/** On a Deployment, the name of its Rollout: the hold policy acts on objects that carry it. */
export const rolloutLabel = `${group}/rollout`;

/** On a Deployment, the revision that was promoted last; outlives the Rollout. */
export const promotedAnnotation = `${group}/promoted-revision`;

/**
 * On a Deployment, the generation from which the operator asks to unpause it. The hold policy lets exactly that one
 * update through: the update makes a new generation, so the value never fits again.
 */
export const unpauseAnnotation = `${group}/unpause-generation`;

/** On a Deployment, the emergency switch: with the value `off` nothing is held, in the API server or by the operator. */
export const holdAnnotation = `${group}/hold`;
export const holdOff = "off";

/** On a Deployment, revisions that were rejected, separated by commas; outlives the Rollout. */
export const rejectedAnnotation = `${group}/rejected-revisions`;

/**
 * On a Deployment or its pod template, the commit that it was made from: a name of the OCI that pipelines and chart
 * values use. Flux and Argo CD put no commit on objects by themselves.
 */
export const commitAnnotation = "org.opencontainers.image.revision";

/** The label by which the Deployment controller tells the pods of one ReplicaSet from another's. */
export const hashLabel = "pod-template-hash";

/** What people ask of a release; the value of each annotation is the time of asking. */
export const requestAnnotations = {
  promote: `${group}/promote-requested`,
  abort: `${group}/abort-requested`,
  retry: `${group}/retry-requested`,
  pause: `${group}/pause-requested`,
} as const;

/** On a Rollout, who asked last: set by admission from the request's own user, where the cluster has that policy. */
export const requestedByAnnotation = `${group}/requested-by`;

export type Request = keyof typeof requestAnnotations;
