import { setTimeout as after } from "node:timers/promises";
import { rolloutLabel, unpauseAnnotation } from "../../api/names.ts";
import type { Milliseconds } from "../../api/instant.ts";
import type { KubernetesObject, KubernetesObjects, Resource } from "../../ports/kubernetes-objects.ts";
import { ConflictError, NotFoundError, RejectedError } from "../../runtime/errors.ts";
import { isPaused } from "./deployment-spec.ts";
import { deployments } from "./workload-resources.ts";

const group = "admissionregistration.k8s.io";
const version = "v1";
export const holdPolicies: Resource = { group, version, plural: "mutatingadmissionpolicies" };
export const holdPolicyBindings: Resource = { group, version, plural: "mutatingadmissionpolicybindings" };

/** Name of the policy and of its binding. */
export const holdPolicyName = "serin-hold";

const paused = "object.spec.?paused.orValue(false)";
const sameTemplate = "object.spec.template == oldObject.spec.template";
const askedFor = `object.metadata.?annotations[?"${unpauseAnnotation}"].orValue("") == string(oldObject.metadata.generation)`;

/**
 * Holds back changes of a released Deployment's pods, in the API server itself and so even while no operator runs: an
 * update that changes the template, or that would unpause without the operator's token, leaves the Deployment paused.
 * Needs Kubernetes 1.36.
 */
export const holdPolicyManifests = [
  {
    apiVersion: `${group}/${version}`,
    kind: "MutatingAdmissionPolicy",
    metadata: { name: holdPolicyName },
    spec: {
      failurePolicy: "Fail",
      reinvocationPolicy: "IfNeeded",
      matchConstraints: {
        matchPolicy: "Equivalent",
        namespaceSelector: {},
        // Matches when the old object or the new one has the label, so taking it off and changing the template in one go is held too.
        objectSelector: { matchExpressions: [{ key: rolloutLabel, operator: "Exists" }] },
        resourceRules: [
          { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"], scope: "*" },
        ],
      },
      matchConditions: [
        { name: "not-paused", expression: `!${paused}` },
        { name: "changed-or-unpaused", expression: `!(${sameTemplate}) || oldObject.spec.?paused.orValue(false)` },
        { name: "not-asked-for", expression: `!(${sameTemplate} && ${askedFor})` },
      ],
      mutations: [
        // A JSON patch and not an apply configuration: merging could fail on templates that the API server accepts.
        {
          patchType: "JSONPatch",
          jsonPatch: { expression: `[JSONPatch{op: "add", path: "/spec/paused", value: true}]` },
        },
      ],
    },
  },
  {
    apiVersion: `${group}/${version}`,
    kind: "MutatingAdmissionPolicyBinding",
    metadata: { name: holdPolicyName },
    spec: { policyName: holdPolicyName },
  },
] as const;

/** How changed templates are held back, and why so. */
export interface Hold {
  readonly hold: "Policy" | "Paused";
  /** For the log. */
  readonly reason: string;
}

/** How long an API server may take to act on a new policy before it is not counted on. */
const effectiveWithin: Milliseconds = 10_000;
const probeEvery: Milliseconds = 100;

/**
 * Puts the hold policy in place and waits until the API server acts on it. Answers "Paused" when it cannot: the API
 * server does not serve such policies, or the operator may not write them and nobody else put one there. Rejects with a
 * TransientError when the API server does not answer.
 */
export async function ensureHoldPolicy(objects: KubernetesObjects, signal: AbortSignal): Promise<Hold> {
  try {
    for (const [index, manifest] of holdPolicyManifests.entries()) {
      await objects.apply(index === 0 ? holdPolicies : holdPolicyBindings, manifest, { signal });
    }
  } catch (error) {
    if (error instanceof NotFoundError) {
      return {
        hold: "Paused",
        reason: `the API server does not serve ${holdPolicies.plural} ${version}; it needs Kubernetes 1.36`,
      };
    }
    if (!(error instanceof RejectedError)) throw error;
    const isThere = (await probe(objects, signal)) === "Held";
    if (isThere)
      return {
        hold: "Policy",
        reason: `the policy was installed by somebody else (writing it was refused: ${error.message})`,
      };
    return { hold: "Paused", reason: `the policy could not be written: ${error.message}` };
  }
  return untilEffective(objects, signal);
}

async function untilEffective(objects: KubernetesObjects, signal: AbortSignal): Promise<Hold> {
  const deadline = AbortSignal.timeout(effectiveWithin);
  for (;;) {
    const seen = await probe(objects, signal);
    if (seen === "Held") return { hold: "Policy", reason: "the policy is in place and a trial change was held" };
    if (seen === "NothingToTry")
      return { hold: "Policy", reason: "the policy is in place; there is no Deployment yet to try it on" };
    if (deadline.aborted)
      return { hold: "Paused", reason: `the policy had no effect within ${effectiveWithin / 1_000} s` };
    await after(probeEvery, undefined, { signal });
  }
}

/** How many Deployments are tried before the trial is given up. */
const candidates = 10;

/** Changes a Deployment's template without storing it, and looks whether it comes back paused. */
async function probe(objects: KubernetesObjects, signal: AbortSignal): Promise<"Held" | "NotHeld" | "NothingToTry"> {
  const known = objects.cachedAll(deployments);
  const released = known.filter(({ metadata }) => metadata.labels?.[rolloutLabel] !== undefined);
  for (const deployment of [...released, ...known].slice(0, candidates)) {
    const answer = await tryChange(objects, deployment, signal);
    if (answer !== undefined) return isPaused(answer) ? "Held" : "NotHeld";
  }
  return known.length === 0 ? "NothingToTry" : "NotHeld";
}

/** Undefined when this Deployment cannot be used for it: it is gone, or something else refuses the change. */
async function tryChange(
  objects: KubernetesObjects,
  { metadata: { namespace, name } }: KubernetesObject,
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  const patch = {
    metadata: { labels: { [rolloutLabel]: holdPolicyName } },
    spec: { paused: null, template: { metadata: { annotations: { [`${rolloutLabel}-probe`]: "true" } } } },
  };
  try {
    return await objects.mergePatch(deployments, namespace, name, patch, { signal, dryRun: true });
  } catch (error) {
    const isUnusable =
      error instanceof RejectedError || error instanceof NotFoundError || error instanceof ConflictError;
    if (!isUnusable) throw error;
    return undefined;
  }
}
