import { finalizer, requestAnnotations, requestedByAnnotation, type Request } from "../../api/names.ts";
import { parseSpec, type Rollout } from "../../api/rollout.ts";
import type { RolloutStatus } from "../../api/rollout-status.ts";
import type { KubernetesObject } from "../../ports/kubernetes-objects.ts";
import { isRecord } from "./json-fields.ts";

const neverSeen: RolloutStatus = { observedGeneration: -1 };

/** The Rollout in an object of the API server, whatever its spec and status are like. */
export function rolloutFrom(object: KubernetesObject): Rollout {
  const { metadata } = object;
  const parsed = parseSpec(object.spec);
  return {
    key: { namespace: metadata.namespace ?? "", name: metadata.name },
    uid: metadata.uid ?? "",
    generation: metadata.generation ?? 0,
    resourceVersion: metadata.resourceVersion ?? "",
    deleting: metadata.deletionTimestamp !== undefined,
    claimed: metadata.finalizers?.includes(finalizer) ?? false,
    spec: "spec" in parsed ? parsed.spec : undefined,
    problems: "problems" in parsed ? parsed.problems : [],
    status: statusFrom(object.status),
    requests: requestsFrom(metadata.annotations ?? {}),
    requestedBy: metadata.annotations?.[requestedByAnnotation],
  };
}

/** Whose finalizers a Rollout stays for that is deleted and given back; empty while something is to be given back. */
export function keptFor({ metadata: { deletionTimestamp, finalizers = [] } }: KubernetesObject): readonly string[] {
  return deletionTimestamp === undefined || finalizers.includes(finalizer) ? [] : finalizers;
}

/**
 * As stored, also where an operator of another version wrote what this one does not know: to take that for "never looked
 * at" would start over in the middle of a release. The API server has checked the types; without a status it is what the
 * CRD's default says.
 */
function statusFrom(stored: unknown): RolloutStatus {
  return isRecord(stored) ? { ...neverSeen, ...stored } : neverSeen;
}

function requestsFrom(annotations: Readonly<Record<string, string>>): Partial<Record<Request, string>> {
  const asked = (Object.keys(requestAnnotations) as Request[]).flatMap((request) => {
    const value = annotations[requestAnnotations[request]];
    return value === undefined ? [] : [[request, value]];
  });
  return Object.fromEntries(asked) as Partial<Record<Request, string>>;
}
